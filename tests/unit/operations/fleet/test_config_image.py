"""`doit config-image`: an image has the site's files, according to three readers of FFS."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.readers import ffs_readers, format_readers
from support.readers.ufs import Ufs
from support.servers.repository import Repository, svn

from buildlib.config.site.example import write_example
from buildlib.host.process import Runner
from buildlib.model.digest import sha256
from buildlib.model.errors import ConfigError, GoldmasterError, ToolError
from buildlib.model.tree import ROOT, Entry
from buildlib.operations.fleet.config_image import (
    TIME,
    Made,
    find_machine,
    wants_checkout,
    write_checkout,
    write_copy,
)
from buildlib.sources.subversion import Subversion
from buildlib.stages.images.config_partition import size_of

PROJECT = Path(__file__).resolve().parents[4]
RUN = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_example(tmp_path / "site")
    return tmp_path / "site"


def copy(site: Path, name: str = "alpha", *, time: int = TIME, size: int = 0) -> Path:
    path = site.parent / f"{name}.ffs"
    write_copy(find_machine(name, site, PROJECT), path, time=time, size=size)
    return path


def refused(site: Path, name: str = "alpha") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        copy(site, name)
    assert not (site.parent / f"{name}.ffs").exists()
    return caught.value


def wanted(site: Path, place: str) -> dict[str, format_readers.Found]:
    """The expected content of an image, computed independently of the writer."""
    found = {
        name: format_readers.Found("dir", 0o755, None, 0, 0, TIME)
        for name in (ROOT, "local", "global")
    }
    found["GOLDMASTER"] = format_readers.Found("file", 0o644, None, 0, 0, TIME, 0, sha256(b""))
    for name, folder in (("local", site / place), ("global", site / "global")):
        for path in folder.rglob("*"):
            here = f"{name}/{path.relative_to(folder)}"
            if path.is_symlink():
                found[here] = format_readers.Found(
                    "link", 0o755, None, 0, 0, TIME, link=os.readlink(path)
                )
            elif path.is_dir():
                found[here] = format_readers.Found("dir", 0o755, None, 0, 0, TIME)
            else:
                data = path.read_bytes()
                mode = 0o755 if os.access(path, os.X_OK) and data == RUN.encode() else 0o644
                found[here] = format_readers.Found(
                    "file", mode, None, 0, 0, TIME, len(data), sha256(data)
                )
    return found


def executable(site: Path, name: str) -> None:
    path = site / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(RUN)
    path.chmod(0o700)


@pytest.mark.programs
@pytest.mark.parametrize(("name", "place"), [("alpha", "pservers/alpha"), ("sql", "vservers/sql")])
def test_a_plain_copy(site: Path, name: str, place: str) -> None:
    executable(site, f"{place}/etc/rc.d/hello")
    (site / "global/hosts").chmod(0o600)
    image = copy(site, name)
    ufs = Ufs(image)
    expected = wanted(site, place)
    found = {path: replace(node, links=None) for path, node in ufs.tree.items()}
    assert found == expected
    listed, inodes = ffs_readers.sleuthkit(image)
    assert set(listed) | {ROOT} == set(expected)
    hosts = (site / "global/hosts").read_bytes()
    assert ffs_readers.sleuthkit_reads(image, inodes["global/hosts"]) == hosts
    assert format_readers.grub_reads(image, Entry("global/hosts", "file", 0)) == hosts
    assert expected["local/etc/hosts"].link == "/config/global/hosts"


def test_how_many_files_were_written(site: Path) -> None:
    """Links are counted, folders are not."""
    path = site.parent / "alpha.ffs"
    made = write_copy(find_machine("alpha", site, PROJECT), path, time=TIME, size=0)
    found = wanted(site, "pservers/alpha")
    assert made.files == sum(node.kind != "dir" for node in found.values())
    assert any(node.kind == "link" for node in found.values())


@pytest.mark.thorough
def test_it_is_the_same_wherever_it_is_made(site: Path, tmp_path: Path) -> None:
    first = copy(site).read_bytes()
    again = tmp_path / "again/site"
    write_example(again)
    for path in (again / "pservers/alpha").rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)
            os.utime(path, (1, 1))
    (again / "global/.svn").mkdir()
    (again / "global/.svn/wc.db").write_text("of Subversion")
    (again / "global/hosts~").write_text("of an editor")
    assert copy(again).read_bytes() == first
    assert copy(again, time=TIME + 1).read_bytes() != first
    (again / "global/hosts").write_text("10.0.0.1 other\n")
    assert copy(again).read_bytes() != first


@pytest.mark.thorough
def test_size_and_room(site: Path) -> None:
    image = copy(site)
    ufs = Ufs(image)
    assert image.stat().st_size == 64 << 20
    assert image.stat().st_blocks * 512 < 1 << 20, "what is free is a hole"
    free = 64 * 1024 * 1024 - len(ufs.used) * ufs.fsize
    assert free > 60 << 20
    assert ufs.groups * ufs.ipg - len(ufs.nodes) > 8000, "for a checkout's files"
    for asked in (2 << 20, 5_000_000, (64 << 20) + 16384, 65 << 20, 200 << 20):
        made = copy(site, size=asked).stat().st_size
        assert asked - (2 << 20) < made <= asked
        assert made == (64 << 20 if asked == (64 << 20) + 16384 else asked // 16384 * 16384)
        Ufs(site.parent / "alpha.ffs")


@pytest.mark.thorough
def test_a_configuration_that_is_large_gets_more(site: Path) -> None:
    (site / "global/big").write_bytes(os.urandom(20 << 20))
    image = copy(site)
    assert 80 << 20 <= image.stat().st_size < 84 << 20
    assert Ufs(image).tree["global/big"].size == 20 << 20


def test_a_size_that_is_too_small(site: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        copy(site, size=50_000)
    assert caught.value.reason == "size"
    for text in ("", "0", "5%", "big"):
        with pytest.raises(ConfigError):
            size_of(text)
    assert size_of("64m") == 64 << 20


# refused sites


def test_a_site_with_problems_of_this_machine(site: Path) -> None:
    (site / "pservers/alpha/host.conf").write_text("memory=few\n")
    (site / "pservers/beta/etc/hosts").unlink()
    (site / "pservers/beta/etc/hosts").symlink_to("/config/global/hostz")
    error = refused(site)
    assert error.reason == "site-problems"
    assert any("pservers/alpha/host.conf:1: memory" in line for line in error.problems)
    assert not any("beta" in problem for problem in error.problems)
    (site / "global/x").symlink_to("/config/global/y")
    assert any("global/x" in problem for problem in refused(site, "sql").problems)


def test_a_domu_that_its_host_cannot_start(site: Path) -> None:
    (site / "pservers/alpha/domUs/nfs").write_text("memory=few\n")
    assert all("pservers/alpha/domUs/nfs" in line for line in refused(site, "nfs").problems)
    copy(site, "packages")


@pytest.mark.thorough
def test_problems_of_other_machines_are_counted(site: Path) -> None:
    (site / "vservers/nfs/server.conf").write_text("memory=1\n")
    machine = find_machine("beta", site, PROJECT)
    assert machine.others == 3
    assert Ufs(copy(site, "beta")).tree["local/host.conf"]


def test_a_name_that_is_none(site: Path) -> None:
    error = refused(site, "alfa")
    assert error.reason == "no-machine"
    assert "did you mean alpha?" in error.what
    (site / "vservers/alpha").mkdir()
    assert "a host and a server" in refused(site).what


@pytest.mark.parametrize("place", ["pservers/alpha/other", "pservers/alpha/etc/fifo"])
def test_what_is_no_file(site: Path, place: str) -> None:
    os.mkfifo(site / place)
    assert refused(site).reason in {"not-a-file", "site-problems"}


def test_a_socket(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site / "pservers/alpha")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("sock")
    assert refused(site).reason == "unreadable"


@pytest.mark.parametrize("kind", ["OPENSSH ", "RSA ", "EC ", "ENCRYPTED ", ""])
def test_private_keys_are_not_taken(site: Path, kind: str) -> None:
    (site / "vservers/sql/etc/ssh").mkdir()
    (site / "vservers/sql/etc/ssh/ssh_host_rsa_key").write_text(
        f"-----BEGIN {kind}PRIVATE KEY-----\nx\n"
    )
    error = refused(site, "sql")
    assert (error.reason, error.problems) == ("private-key", ("local/etc/ssh/ssh_host_rsa_key",))
    assert "/config/keys" in (error.hint or "")
    copy(site, "nfs")


def test_a_name_that_ffs_does_not_take_is_reported_with_its_place(site: Path) -> None:
    (site / "global/a").symlink_to("/" + "x" * 1100)
    with pytest.raises(GoldmasterError) as caught:
        copy(site)
    assert caught.value.where == "global/a"
    assert not (site.parent / "alpha.ffs").exists()
    assert [path.name for path in site.parent.iterdir()] == ["site"]


# checkouts


@pytest.fixture
def repository(site: Path, tmp_path: Path) -> Iterator[Repository]:
    executable(site, "pservers/alpha/etc/rc.d/hello")
    with Repository(tmp_path / "svn", site) as made:
        yield made


def check_out(site: Path, *, url: str = "") -> tuple[Path, Made]:
    path = site.parent / "alpha.ffs"
    work = site.parent / "scratch"
    machine = find_machine("alpha", site, PROJECT)
    try:
        made = write_checkout(machine, path, time=TIME, size=0, url=url, runner=Runner(), work=work)
    finally:
        assert not work.exists() or not list(work.iterdir())
    return path, made


def unpack(image: Path, folder: Path) -> Path:
    """Every file of an image, with its mode and time."""
    ufs = Ufs(image)
    for path, found in sorted(ufs.tree.items()):
        target, node = folder / path, ufs.nodes[ufs.numbers[path]]
        if found.kind == "dir":
            target.mkdir(exist_ok=True)
        elif found.kind == "link":
            target.symlink_to(node.content.decode())
        else:
            target.write_bytes(node.content)
            assert found.mode is not None
            target.chmod(found.mode)
            assert found.time is not None
            os.utime(target, (found.time, found.time))
    return folder


@pytest.mark.programs
@pytest.mark.parametrize("by_itself", [True, False])
def test_checkouts_that_the_server_can_update(
    repository: Repository, site: Path, tmp_path: Path, *, by_itself: bool
) -> None:
    """`site` is not a working copy, but `repository.work` is."""
    folder = repository.work if by_itself else site
    assert wants_checkout(folder, "") is by_itself
    image, made = check_out(folder, url="" if by_itself else repository.url)
    assert (made.url, made.revision) == (repository.url, 1)
    (tmp_path / "server").mkdir()
    server = unpack(image, tmp_path / "server")
    assert (server / "GOLDMASTER").read_bytes() == b""
    for name, place in (("local", "pservers/alpha"), ("global", "global")):
        assert svn("status", server / name) == ""
        assert svn("info", "--show-item", "url", "--no-newline", server / name) == (
            f"{repository.url}/{place}"
        )
        with sqlite3.connect(server / name / ".svn/wc.db") as database:
            assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    assert os.readlink(server / "local/etc/hosts") == "/config/global/hosts"
    assert (server / "local/etc/rc.d/hello").stat().st_mode & 0o111
    repository.commit({"pservers/alpha/etc/motd": "new\n", "global/hosts": "10.0.0.1 new\n"})
    svn("update", "-q", server / "local", server / "global")
    assert (server / "local/etc/motd").read_text() == "new\n"
    assert (server / "global/hosts").read_text() == "10.0.0.1 new\n"


@pytest.mark.programs
def test_what_is_not_committed_is_reported(repository: Repository) -> None:
    site = repository.work
    (site / "pservers/alpha/etc/motd").write_text("new\n")
    (site / "global/hosts").write_text("10.0.0.1 changed\n")
    (site / "global/resolv.conf").unlink()
    (site / "global/resolv.conf").symlink_to("hosts")
    with pytest.raises(ConfigError) as caught:
        check_out(site)
    assert caught.value.reason == "not-committed"
    assert caught.value.problems == (
        "global/hosts: changed",
        "global/resolv.conf: changed",
        "local/etc/motd: not in the repository",
    )
    assert not wants_checkout(site, "no")


@pytest.mark.programs
def test_a_repository_that_went_on(repository: Repository, site: Path) -> None:
    repository.commit({"pservers/alpha/etc/motd": "new\n"})
    with pytest.raises(ConfigError) as caught:
        check_out(site, url=repository.url)
    assert caught.value.problems == ("local/etc/motd: only in the repository",)


@pytest.mark.programs
def test_a_repository_that_is_not_there(repository: Repository, site: Path) -> None:
    repository.stop()
    with pytest.raises(ToolError) as caught:
        check_out(site, url=repository.url)
    assert "Connection refused" in "".join(caught.value.tail)
    repository.start()
    with pytest.raises(ToolError):
        check_out(site, url=f"{repository.url}/none")
    with pytest.raises(ConfigError) as wrong:
        check_out(site, url="--version")
    assert wrong.value.reason == "url"


def test_without_subversion(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildlib.sources.subversion.find_tool", lambda _name: None)
    with pytest.raises(ToolError) as caught:
        Subversion.found(Runner())
    assert caught.value.hint == "apt-get install subversion"


def test_the_time_of_a_plain_copy_is_the_beginning_of_a_day() -> None:
    assert datetime.fromtimestamp(TIME, UTC).isoformat() == "2000-01-01T00:00:00+00:00"
