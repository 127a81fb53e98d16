"""The script that checks the host's tools: its installations, and messages without root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "host-tools.sh"
# Packages that write to the boot sector or /boot, or whose scripts change how the host boots.
CHANGES_THE_BOOT = {"grub-pc", "grub-efi-amd64", "grub-efi", "grub2", "xen-system-amd64"}


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder that is the whole PATH: the shell's tools, an apt that logs, and no sudo."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "grep", "env", "find", "mkdir", "mktemp", "rm"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    fake(folder, "apt-cache", "echo xen-hypervisor-4.17-amd64")
    fake(folder, "apt-get", f'echo "$@" >>"{tmp_path}/apt.log"')
    return folder


def fake(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def run(
    host: Path, *kinds: str, user: int = 1000, **variables: str
) -> subprocess.CompletedProcess[str]:
    fake(host, "id", f"echo {user}")
    return subprocess.run(
        [host / "sh", SCRIPT, *kinds],
        env={"PATH": str(host), **variables},
        cwd=host.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.programs
def test_without_root_it_says_exactly_what_to_install(host: Path, tmp_path: Path) -> None:
    result = run(host, "build")
    assert result.returncode == 1
    assert re.search(r"apt-get install --no-install-recommends gcc g\+\+ binutils", result.stderr)
    assert not (tmp_path / "apt.log").exists()


@pytest.mark.programs
def test_root_has_it_installed(host: Path, tmp_path: Path) -> None:
    assert run(host, "build", "test", user=0).returncode == 0
    update, install = (tmp_path / "apt.log").read_text().splitlines()
    assert update == "-q update"
    assert install.startswith("-q install -y --no-install-recommends gcc g++")


@pytest.mark.programs
def test_sudo_that_asks_no_password_is_used(host: Path, tmp_path: Path) -> None:
    fake(host, "sudo", '[ "$1" = -n ] && exit 0\nexec "$@"')
    assert run(host, "build").returncode == 0
    assert (tmp_path / "apt.log").exists()


@pytest.mark.programs
def test_what_makes_virtual_environments(host: Path, tmp_path: Path) -> None:
    """Debian's Python has no ensurepip without another package."""
    fake(host, "python3", "exit 1")
    refused = run(host, "python")
    assert refused.returncode == 1
    assert refused.stderr.endswith("--no-install-recommends python3-venv\n")
    refused = run(host, "python", PYTHON="/usr/bin/python3.12")
    assert refused.stderr.endswith(" python3.12-venv\n")
    assert run(host, "python", user=0).returncode == 0
    assert "install -y --no-install-recommends python3-venv" in (tmp_path / "apt.log").read_text()
    fake(host, "python3", "exit 0")
    done = run(host, "python")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.programs
def test_lists_that_are_too_old_are_made_again(host: Path, tmp_path: Path) -> None:
    """The hypervisor in the lists cannot be downloaded: tried once a day, not fatal."""
    lists = tmp_path / "lists"
    lists.mkdir()
    for name in re.findall(r"^([^/@\s]\S*):\S+$", SCRIPT.read_text(), re.MULTILINE):
        if not (host / name).exists():
            fake(host, name, "exit 0")
    script = re.sub(r"(?m)^/\S*:\S+$", "cc:gcc", SCRIPT.read_text())
    (tmp_path / "script.sh").write_text(script)
    fake(host, "apt-get", f'echo "$@" >>"{tmp_path}/apt.log"; [ "$2" != download ]')

    def asked(user: int) -> tuple[list[str], str]:
        (tmp_path / "apt.log").write_text("")
        fake(host, "id", f"echo {user}")
        done = subprocess.run(
            [host / "sh", tmp_path / "script.sh", "build"],
            cwd=tmp_path,
            capture_output=True,
            env={"PATH": str(host), "APT_LISTS": str(lists)},
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return (tmp_path / "apt.log").read_text().splitlines(), done.stderr

    assert asked(0) == ([], "")  # the package lists are new
    os.utime(lists, (0, 0))
    assert asked(0)[0] == ["-q download xen-hypervisor-4.17-amd64", "-q update"]
    assert asked(0) == ([], "")
    (tmp_path / ".venv/hypervisor-asked").unlink()
    done, told = asked(1000)
    assert done == ["-q download xen-hypervisor-4.17-amd64"]
    assert told.endswith("apt-get update\n")


@pytest.mark.programs
def test_nothing_is_done_where_all_is_there(tmp_path: Path) -> None:
    """This host has all packages, otherwise the tests could not run."""
    result = subprocess.run(
        ["sh", SCRIPT, "build", "test"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_no_package_changes_how_the_host_boots() -> None:
    packages = set(re.findall(r"^\S+:(\S+)$", SCRIPT.read_text(), re.MULTILINE))
    assert {"grub-pc-bin", "grub-efi-amd64-bin", "mtools"} <= packages
    assert not packages & CHANGES_THE_BOOT
    assert not any(package.startswith("xen") for package in packages)
