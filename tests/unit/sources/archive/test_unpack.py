"""Archives into the store and into work folders."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.archives import END, gz, member
from support.readers.strategies import few
from support.stages.unpack_bench import TIME, Bench, refused

from buildlib.model.digest import sha256
from buildlib.model.errors import ArchiveError
from buildlib.model.mtree import format_tree, parse
from buildlib.model.tree import Entry
from buildlib.sources.archive.unpack import ingest


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# into the store


def test_a_set_becomes_a_tree(bench: Bench) -> None:
    large = os.urandom(1 << 19) * 3
    tree, contents = bench.ingest(
        gz(
            b"".join(
                [
                    member(b"./", flag=b"5", mode=0o755, time=TIME),
                    member(b"./bin/su", b"su", mode=0o4555, gid=7, time=TIME),
                    member(b"./bin/sudo", flag=b"1", link=b"./bin/su", mode=0o644, uid=9),
                    member(b"./bin/sudoedit", flag=b"1", link=b"./bin/sudo"),
                    member(b"./dev/null", flag=b"3", major=2, minor=2),
                    member(b"./etc/localtime", flag=b"2", link=b"/usr/share/zoneinfo/UTC"),
                    member(b"./netbsd", large),
                    member(b"./netbsd.copy", large),
                    member(b"./empty"),
                    END,
                ]
            )
        )
    )
    su = Entry(
        "bin/su", "file", 0o4555, 0, 7, TIME, 2, sha256(b"su"), inode="base/bin/su", origin="base"
    )
    assert tree.by_path["bin/su"] == su
    for name in ("bin/sudo", "bin/sudoedit"):  # an inode has one owner, mode and time
        link = tree.by_path[name]
        assert (
            Entry(
                **{key: getattr(link, key) for key in Entry.__dataclass_fields__}
                | {"path": "bin/su"}
            )
            == su
        )
    assert tree.by_path["bin"] == Entry("bin", "dir", 0o755, time=TIME, origin="base")
    assert contents == {
        "bin/su": b"su",
        "bin/sudo": b"su",
        "bin/sudoedit": b"su",
        "netbsd": large,
        "netbsd.copy": large,
        "empty": b"",
    }
    assert parse(format_tree(tree)) == tree


def test_progress(bench: Bench) -> None:
    told: list[int] = []
    path = bench.archive(gz(member(b"a", os.urandom(1 << 20)) + member(b"b") + END))
    with bench.packs.writer([]) as pack:
        ingest(path, pack, origin="x", where="x", tell=told.append)
    assert len(told) == 2
    assert told[-1] == path.stat().st_size


def test_a_damaged_set_leaves_nothing(bench: Bench) -> None:
    data = gz(member(b"a", os.urandom(1 << 20)) + END)
    error = refused(lambda: bench.ingest(data[:-10]))
    assert (error.reason, error.where) == ("damaged", "base.tgz")
    assert not list(bench.packs.all())
    assert not list((bench.folder / "tmp").iterdir())


def good_set() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("./", "./etc/rc", "./" + "n" * 120, "./bin/sh"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name == "./" else tarfile.REGTYPE
            data = b"" if name == "./" else name.encode() * 90
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


SETS = {"tgz": gz(good_set()), "txz": lzma.compress(good_set())}


@pytest.mark.parametrize("form", SETS)
@few
@given(data=st.data())
def test_no_prefix_of_a_set_is_a_set(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    bench = _shared(tmp_path_factory)
    cut = data.draw(st.integers(0, len(SETS[form]) - 1))
    refused(lambda: bench.ingest(SETS[form][:cut]))


@pytest.mark.parametrize("form", SETS)
@few
@given(data=st.data())
def test_a_damaged_byte_is_noticed_or_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    bench = _shared(tmp_path_factory)
    whole = bytearray(SETS[form])
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        found = bench.ingest(bytes(whole))
    except ArchiveError:
        return
    assert found == bench.ingest(SETS[form])


def _shared(factory: pytest.TempPathFactory) -> Bench:
    """One bench for all examples of a test, because a store has many folders."""
    folder = factory.getbasetemp() / "bench"
    folder.mkdir(exist_ok=True)
    return Bench(folder)
