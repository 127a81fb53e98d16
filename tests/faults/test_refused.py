"""What the system refuses to read or to write: an error that names it, and nothing lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.fault_checkout import MOTD, Ended, Victim
from support.faults.kill_stress import products
from support.machines.namespace import Namespace

pytestmark = pytest.mark.pipeline

# root may read and write whatever its mode is, unless it lacks what makes it so
_ORDINARY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")


@pytest.fixture
def plain(victim: Victim) -> Iterator[Victim]:
    """The checkout; its runs may only do what modes allow."""
    victim.wrap = _ORDINARY if os.geteuid() == 0 else ()
    yield victim
    for path in (victim.folder, *victim.folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


@pytest.mark.parametrize(
    "name",
    [
        MOTD,
        "kernel-configs/XEN3_DOMU_RO",
        "recipes/dom0.toml",
        "recipes/domu/base/overlay/etc",
        "sets/mini.lock",
        "sets/mini.toml",
        "sets/keys/mini.asc",
        "xen.gz",
        "recipes/domu",
    ],
)
def test_a_source_that_cannot_be_read(plain: Victim, name: str) -> None:
    right, path = products(plain.dist), plain.folder / name
    mode = path.stat().st_mode
    path.chmod(0)
    ended = plain.run("iso", "progress=json").assert_clear(path.name)
    assert "ermission denied" in ended.out + ended.err
    path.chmod(mode)
    assert plain.build().stages() == []
    assert products(plain.dist) == right


@pytest.mark.parametrize(
    "name",
    [
        "build/store/tmp",
        "build/store/records",
        "build/store/last",
        "dist",
        "build/store",
        "build/store/blobs",
    ],
)
def test_a_folder_that_cannot_be_written(plain: Victim, name: str) -> None:
    right, path = products(plain.dist), plain.folder / name
    plain.append(MOTD, "again\n")
    folders = [path, *(child for child in path.rglob("*") if child.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    ended = plain.run("iso", "progress=json").assert_clear(str(path))
    assert "ermission denied" in ended.out + ended.err
    assert products(plain.dist) == right
    for folder in folders:
        folder.chmod(0o755)
    assert "iso" in plain.build().stages()
    assert plain.build().out == ""


@pytest.mark.parametrize("name", ["build", "dist", "build/store/blobs", "build/log"])
def test_a_file_where_a_folder_should_be(victim: Victim, name: str) -> None:
    right = victim.iso()
    path = victim.folder / name
    path.rename(victim.folder / "moved")
    path.write_text("")
    if name == "build/log":
        victim.append(MOTD, "again\n")
    victim.run("iso", "progress=json").assert_clear(str(path))
    path.unlink()
    (victim.folder / "moved").rename(path)
    victim.build()
    assert victim.build().out == ""
    if name != "build/log":
        assert victim.iso() == right


def test_a_store_that_is_read_only(victim: Victim, space: Namespace) -> None:
    """A build with nothing to do needs no writing; others say what they cannot do."""
    right, build = products(victim.dist), victim.folder / "build"
    space.run("mount", "--bind", build, build)
    space.run("mount", "-o", "remount,ro,bind", build)
    assert victim.build().out == ""
    os.utime(victim.folder / MOTD)  # decided from contents
    assert victim.build().out == ""
    victim.append(MOTD, "again\n")
    assert "root:pkgrepo" in victim.run("plan").good().out
    ended = victim.run("iso", "progress=json").assert_clear(str(build))
    assert "ead-only file system" in ended.out + ended.err
    victim.run("gc").assert_clear("ead-only file system")
    assert products(victim.dist) == right
    space.run("umount", build)
    assert "iso" in victim.build().stages()


def test_an_output_nobody_reads(victim: Victim) -> None:
    """`doit iso | head -1`: the pipe is closed long before the end."""
    victim.append(MOTD, "again\n")
    assert _through_a_closed_pipe(victim, "plan").err == ""
    assert _through_a_closed_pipe(victim, "why").err == ""
    for progress in ("plain", "json"):
        victim.append(MOTD, "again\n")
        ended = _through_a_closed_pipe(victim, "iso", f"progress={progress}").good()
        assert ended.err == ""
        assert victim.build().out == ""  # it went to its end
    victim.append("recipes/dom0.toml", "\nsets = 3")
    ended = _through_a_closed_pipe(victim, "iso", "progress=json")
    assert "Traceback" not in ended.err, ended.report()


def _through_a_closed_pipe(victim: Victim, *words: str) -> Ended:
    reader, writer = os.pipe()
    os.close(reader)
    attempt = victim.start(*words, out=writer)
    os.close(writer)
    return attempt.wait()


def test_a_checkout_that_was_moved(victim: Victim, tmp_path: Path) -> None:
    """Nothing that is kept holds a path of its own."""
    victim.run("kernel").good()
    moved = tmp_path / "moved"
    victim.folder.rename(moved)
    elsewhere = Victim(moved)
    assert elsewhere.build().stages() == []
    elsewhere.append("kernel-configs/XEN3_DOMU_RO", "no options DDB\n")
    assert "kernel:XEN3_DOMU_RO" in elsewhere.build().stages()
