"""`offline=yes`: no socket is opened, by nobody; and what that makes impossible is told."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.checkouts.scratch import Scratch, surroundings

NOBODY = "mirror=http://127.0.0.1:9"
# Read by every Python that starts with its folder in PYTHONPATH.
HOOK = """\
import sys

def refuse(event, arguments):
    if event == "socket.__new__":
        raise RuntimeError("a socket is made")

sys.addaudithook(refuse)
"""
STRACE = ("strace", "-f", "--seccomp-bpf", "-e", "trace=socket", "-o")


def strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*STRACE, "/dev/null", "true"], capture_output=True).returncode == 0


@pytest.fixture
def hooked(tmp_path: Path) -> Mapping[str, str]:
    """An environment in which no Python can make a socket."""
    folder = tmp_path / "hook"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOOK)
    environment = {"PYTHONPATH": str(folder)}
    tried = subprocess.run(
        [sys.executable, "-c", "import socket; socket.socket()"],
        env=surroundings(environment),
        capture_output=True,
        text=True,
    )
    assert "a socket is made" in tried.stderr
    return environment


def test_a_build_that_opens_no_socket(
    scratch: Scratch, hooked: Mapping[str, str], tmp_path: Path
) -> None:
    """With all that was fetched in the store, toolchain, kernel, trees and discs are made anew."""
    scratch.append("recipes/dom0/overlay/etc/rc.conf", "sshd=YES\n")
    scratch.append("kernel-configs/XEN3_DOM0_CD", "options \tDIAGNOSTIC\n")
    log = tmp_path / "sockets"
    before = [*STRACE, str(log)] if strace_works() else []
    ran = scratch.doit(
        "iso", "offline=yes", NOBODY, "progress=json", environment=hooked, before=before, limit=600
    )
    assert ran.built >= {"kernel:XEN3_DOM0_CD", "root:dom0", "image:cd", "iso"}
    assert not any(name.startswith("fetch:") for name in ran.built)
    if before:
        text = log.read_text()
        assert text.count("+++ exited with 0 +++") > 10  # the whole tree of processes was watched
        assert not re.findall(r".*\bAF_INET6?\b.*", text)
    products = scratch.products()
    assert scratch.doit("iso", "offline=no", NOBODY).text == ""
    assert scratch.products() == products


def test_a_first_build_says_what_is_missing(bare: Scratch, hooked: Mapping[str, str]) -> None:
    ran = bare.doit("iso", "offline=yes", NOBODY, environment=hooked, status=3)
    assert re.match(
        r"ERROR: this build cannot succeed\n"
        r"  - not in the store, and fetching is disabled \(offline\): (\S+, ){2}\S+ and \d+ more: "
        r"run once with offline=no\n",
        ran.err,
    )


def test_folders_are_no_servers(
    template: Scratch, bare: Scratch, hooked: Mapping[str, str]
) -> None:
    """The release that is pressed here, and a mirror in a folder; the hypervisor has neither."""
    folder = template.path("build/mirror/mini")
    for words in ((), (f"mirror={folder}",), (f"mirror=file://{folder}",)):
        bare.doit("signature", "offline=yes", *words, environment=hooked)
        shutil.rmtree(bare.path("build"))
    ran = bare.doit("hypervisor", "offline=yes", environment=hooked, status=1)
    assert re.search(r"ERROR: the package xen-hypervisor-\S+ \S+ is not in the store", ran.err)
    assert "  where: stage hypervisor\n" in ran.err


def test_a_lock_needs_its_servers(bare: Scratch, hooked: Mapping[str, str]) -> None:
    lock = bare.read("sets/mini.lock")
    bare.doit("lock", environment={"GOLDMASTER_OFFLINE": "yes", **hooked})
    assert bare.read("sets/mini.lock") == lock
    for words in (("release=mini", NOBODY), ("release=netbsd-10.1",), ("release=netbsd-9.4",)):
        ran = bare.doit("lock", "offline=yes", *words, environment=hooked, status=3)
        assert "is not in the store, and fetching is disabled" in ran.err
    assert bare.read("sets/mini.lock") == lock
    assert not list(bare.path("sets").glob("*.new"))


def test_offline_in_the_settings_file(bare: Scratch) -> None:
    bare.write("recipes/settings.toml", "offline = true\n")
    assert "fetching is disabled" in bare.doit("signature", NOBODY, status=3).err
    ran = bare.doit("signature", NOBODY, "offline=no", status=3)
    assert "no mirror answers (http://127.0.0.1:9: Connection refused)" in ran.err
