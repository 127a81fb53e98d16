"""Sets unpacked into a work folder: effects of later sets, and what is rejected."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.readers.archives import END, gz, header, member, pax
from support.readers.strategies import few, paths
from support.stages.unpack_bench import TIME, Bench, refused

from buildlib.model.errors import ArchiveError
from buildlib.sources.archive import unpack
from buildlib.sources.archive.unpack import extract


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_sources_become_files(bench: Bench) -> None:
    mask = os.umask(0o022)
    root = bench.extract(
        gz(
            b"".join(
                [
                    member(b"usr/src/", flag=b"5", mode=0o500, time=TIME - 5),
                    member(b"usr/src/build.sh", b"#!/bin/sh\n", mode=0o4755, uid=500, time=TIME),
                    member(b"usr/src/Makefile", b"all:\n", mode=0o444, time=TIME),
                    member(b"usr/src/link", flag=b"2", link=b"sys/../Makefile"),
                    member(b"usr/src/hard", flag=b"1", link=b"usr/src/Makefile"),
                    member(b"usr/src/sys/a b\xff", b"odd"),
                    END,
                ]
            )
        )
    )
    os.umask(mask)
    source = root / "usr/src"
    status = (source / "build.sh").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime, status.st_uid) == (
        0o755,
        TIME,
        os.geteuid(),
    )
    assert stat.S_IMODE((source / "Makefile").stat().st_mode) == 0o644
    assert (source / "link").readlink() == Path("sys/../Makefile")
    assert (source / "hard").samefile(source / "Makefile")
    assert stat.S_IMODE(source.stat().st_mode) == 0o755
    assert source.stat().st_mtime == TIME - 5
    assert (source / "sys/a b\udcff").read_bytes() == b"odd"


def test_a_later_set_goes_over_an_earlier_one(bench: Bench) -> None:
    first = (
        member(b"a/one", b"1")
        + member(b"a/both", b"1")
        + member(b"a/hard", flag=b"1", link=b"a/one")
        + member(b"a/link", flag=b"2", link=b"one")
        + END
    )
    second = (
        member(b"a/", flag=b"5")
        + member(b"a/both", b"2")
        + member(b"a/hard", b"2")
        + member(b"a/link", b"2")
        + member(b"b/c", b"2")
        + END
    )
    root = bench.extract(first, second)
    assert {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    } == {"a/one": b"1", "a/both": b"2", "a/hard": b"2", "a/link": b"2", "b/c": b"2"}
    assert not (root / "a/link").is_symlink()


def test_what_an_earlier_try_left_is_replaced(bench: Bench) -> None:
    data = member(b"a/file", b"new") + member(b"a/link", flag=b"2", link=b"file") + END
    root = bench.extract(data)
    (root / "a/file").write_bytes(b"half")
    (root / "a/file").chmod(0)
    (root / "a/link").unlink()
    (root / "a/link").symlink_to("/etc/passwd")
    (root / "a/other").write_bytes(b"kept")
    bench.extract(data)
    assert (root / "a/file").read_bytes() == b"new"
    assert (root / "a/link").readlink() == Path("file")


@settings(few, max_examples=12)
@given(
    members=st.dictionaries(
        paths(), st.sampled_from([b"file", b"link", b"hard"]), min_size=1, max_size=8
    ),
    harm=st.lists(st.sampled_from(["cut", "link", "mode"]), min_size=8, max_size=8),
    kept=st.integers(0, 9),
)
def test_resumed_or_at_once_the_tree_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes], harm: list[str], kept: int
) -> None:
    parts = [member(b"first", b"f", time=TIME)]
    for number, (path, kind) in enumerate(members.items()):
        name = b"t/" + os.fsencode(path)
        parts.append(
            {
                b"file": pax({"path": name})
                + member(b"x", b"%d" % number * 300, time=TIME + number),
                b"link": pax({"path": name}) + member(b"x", flag=b"2", link=b"first"),
                b"hard": pax({"path": name}) + member(b"x", flag=b"1", link=b"first"),
            }[kind]
        )
    folder = tmp_path_factory.mktemp("resumed")
    data = b"".join(parts) + END
    try:
        fresh = Bench(folder).extract(data).rename(folder / "fresh")
    except ArchiveError as error:  # names that do not go together, or are too long
        assume(error.reason not in {"below-link", "duplicate-path", "name-length"})
        raise
    bench = Bench(folder)
    again = bench.extract(b"".join(parts[:kept]) + END)  # as far as an earlier try came
    for path, what in zip(members, harm, strict=False):
        left = again / "t" / path
        if left.is_symlink() or left.exists():
            if what == "mode" and not left.is_symlink():
                left.chmod(0)
            else:
                left.unlink()
                left.symlink_to("/etc/passwd") if what == "link" else left.write_bytes(b"half")
    assert _described(bench.extract(data)) == _described(fresh)


def _described(root: Path) -> dict[str, tuple[object, ...]]:
    """Every file and link below `root`: its target, or content, mode, time and hard links."""
    return {
        path.relative_to(root).as_posix(): (os.readlink(path),)
        if path.is_symlink()
        else (path.read_bytes(), stat.S_IMODE(status.st_mode), status.st_mtime, status.st_nlink)
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
        for status in [path.lstat()]
    }


def test_progress_over_several_sets(bench: Bench) -> None:
    told: list[int] = []
    paths = [bench.archive(gz(member(b"a", os.urandom(9000)) + END)) for _ in range(2)]
    (bench.folder / "root").mkdir()
    count = extract([(path, "x") for path in paths], bench.folder / "root", tell=told.append)
    assert count == 2
    assert told == sorted(told)
    assert told[-1] == sum(path.stat().st_size for path in paths)


@pytest.mark.parametrize("flag", [b"3", b"4", b"6"])
def test_nodes_are_refused(bench: Bench, flag: bytes) -> None:
    error = refused(lambda: bench.extract(member(b"usr/src/x", flag=flag) + END))
    assert error.reason == "member-type"
    assert error.where == "set0: usr/src/x"


def test_links_inside_are_kept(bench: Bench) -> None:
    """Forward, dangling, to folders, to the root, in loops: sources have them all."""
    links = {
        b"a/b/up": b"../..",
        b"a/self": b"self",
        b"a/none": b"no/where/../at/all",
        b"a/later": b"../z/file",
        b"dot": b".",
    }
    data = b"".join(member(name, flag=b"2", link=link) for name, link in links.items())
    root = bench.extract(data + member(b"z/file", b"x") + END)
    assert (root / "a/later").read_bytes() == b"x"
    assert (root / "a/b/up").resolve() == root.resolve()


OUTSIDE = {
    "absolute": [member(b"l", flag=b"2", link=b"/etc")],
    "up": [member(b"l", flag=b"2", link=b"..")],
    "far up": [member(b"a/b/l", flag=b"2", link=b"../../../x")],
    "in and out": [member(b"l", flag=b"2", link=b"a/../../x")],
    "beside": [member(b"l", flag=b"2", link=b"../sources-not")],
    # neither of these two leads out on its own
    "by a link": [
        member(b"dot", flag=b"2", link=b"."),
        member(b"x/l", flag=b"2", link=b"../dot/.."),
    ],
    "by a link of another set": [
        member(b"x/l", flag=b"2", link=b"../dot/..") + END,
        member(b"dot", flag=b"2", link=b"."),
    ],
}


@pytest.mark.parametrize("parts", OUTSIDE.values(), ids=OUTSIDE)
def test_links_that_lead_out_are_refused(bench: Bench, parts: list[bytes]) -> None:
    archives = [part + END for part in parts] if parts[0].endswith(END) else [b"".join(parts) + END]
    error = refused(lambda: bench.extract(*archives))
    assert error.reason == "escape"
    assert "->" in (error.where or "")
    for path in (bench.folder / "sources").rglob("*"):
        assert path.resolve().is_relative_to((bench.folder / "sources").resolve())


def test_nothing_is_written_through_a_link_of_another_set(bench: Bench) -> None:
    """Not even if the folder it leads to exists, and the link leads out through another."""
    (bench.folder / "victim").mkdir()
    first = (
        member(b"dot", flag=b"2", link=b".") + member(b"x/out", flag=b"2", link=b"../dot/..") + END
    )
    for name in (b"x/out/victim/evil", b"x/out/victim/", b"x/out/evil", b"dot/evil"):
        second = member(name, flag=b"5" if name.endswith(b"/") else b"0") + END
        error = refused(partial(bench.extract, first, second))
        assert error.reason == "escape"
        assert (error.where or "").startswith("set1: ")
    assert not list((bench.folder / "victim").iterdir())
    assert not (bench.folder / "sources/evil").exists()
    assert not (bench.folder / "evil").exists()


def test_nothing_is_written_through_a_link_that_was_left(bench: Bench) -> None:
    (bench.folder / "sources").mkdir()
    (bench.folder / "victim").mkdir()
    (bench.folder / "sources/usr").symlink_to(bench.folder / "victim")
    assert refused(lambda: bench.extract(member(b"usr/x") + END)).reason == "escape"
    assert not list((bench.folder / "victim").iterdir())


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (member(b"a/b"), member(b"a"), "duplicate-path"),
        (member(b"a/b"), member(b"a", flag=b"2", link=b"x"), "duplicate-path"),
        (member(b"a"), member(b"a/b"), "escape"),
        (member(b"a"), member(b"a", flag=b"5"), "escape"),
    ],
)
def test_sets_that_do_not_fit_together(
    bench: Bench, first: bytes, second: bytes, reason: str
) -> None:
    error = refused(lambda: bench.extract(first + END, second + END))
    assert error.reason == reason
    assert (error.where or "").startswith("set1: a")


def test_a_hard_link_is_of_its_own_set(bench: Bench) -> None:
    error = refused(
        lambda: bench.extract(member(b"a") + END, member(b"b", flag=b"1", link=b"a") + END)
    )
    assert error.reason == "hard-link"


def test_times_that_no_file_can_have(bench: Bench) -> None:
    refused(lambda: bench.extract(pax({"mtime": b"9" * 18}) + member() + END))
    refused(lambda: bench.extract(header(time=b"\xbf" + b"\xff" * 11) + END))
    root = bench.extract(pax({"mtime": b"-9.5"}) + member() + END)
    assert (root / "a").stat().st_mtime == 0


def test_large_members_stream(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "SMALL", 100)
    data = os.urandom(5000)
    _, contents = bench.ingest(member(b"a", data) + member(b"b", data) + member(b"c", b"x") + END)
    assert contents == {"a": data, "b": data, "c": b"x"}
