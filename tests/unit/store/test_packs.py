"""Packs: many contents in one file, and every kind of damage to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import few

from buildlib.model.digest import Blob, sha256
from buildlib.model.errors import MissingBlob
from buildlib.model.tree import Entry, Tree
from buildlib.store.blobs import Blobs
from buildlib.store.packs import (
    ALIGN,
    Packs,
    Place,
    StoredTree,
    content_of,
    read_content,
)
from buildlib.store.seal import Seal

CONTENTS = [b"one", b"t" * ALIGN, b"three" * 1000, b"", b"one", bytes(10)]


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path, Blobs(tmp_path))


def filled(packs: Packs, contents: list[bytes]) -> Blob:
    result: list[Blob] = []
    with packs.writer(result) as pack:
        for data in contents:
            assert pack.add(data) == sha256(data)
    (blob,) = result
    return blob


def contents_of(packs: Packs, pack: Blob) -> dict[str, bytes]:
    places = packs.contents(StoredTree(Tree(), (pack,)))
    return {digest: read_content(place) for digest, place in places.items()}


def test_form(packs: Packs) -> None:
    pack = filled(packs, CONTENTS)
    data = packs.where(pack.sha256).read_bytes()
    index = Path(f"{packs.where(pack.sha256)}.idx").read_bytes()
    assert pack.sha256 == sha256(index)
    assert pack.size == len(data) == 6 * ALIGN
    assert index == b"".join(
        bytes.fromhex(sha256(content))
        + offset.to_bytes(8, "little")
        + len(content).to_bytes(8, "little")
        for content, offset in (
            (b"one", 0),
            (b"t" * ALIGN, ALIGN),
            (b"three" * 1000, 2 * ALIGN),
            (bytes(10), 5 * ALIGN),
        )
    )
    assert data[:ALIGN] == b"one".ljust(ALIGN, b"\0")
    assert list(packs.all()) == [pack.sha256]


@few
@given(st.lists(st.tuples(st.sampled_from([*CONTENTS, bytes(3000), b"x" * 5000]), st.booleans())))
def test_contents_come_back(
    tmp_path_factory: pytest.TempPathFactory, items: list[tuple[bytes, bool]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "packs of many"
    folder.mkdir(exist_ok=True)
    packs, result = Packs(folder, Blobs(folder)), list[Blob]()
    with packs.writer(result) as pack:
        for data, pieces in items:
            if pieces:
                cut = len(data) // 2
                assert pack.add_pieces([data[:cut], data[cut:]]) == (sha256(data), len(data))
            else:
                assert pack.add(data) == sha256(data)
    assert not list((folder / "tmp").iterdir())
    if not any(data for data, _ in items):
        assert not result
        return
    assert contents_of(packs, result[0]) == {sha256(data): data for data, _ in items if data}
    assert packs.has(result[0])
    assert packs.is_sound(result[0].sha256)
    places = packs.contents(StoredTree(Tree(), tuple(result))).values()
    assert all(place.offset % ALIGN == 0 for place in places)


def test_pieces_larger_than_the_buffer(packs: Packs) -> None:
    """A content that proves to be a duplicate after it was written is removed again."""
    large = os.urandom(3 << 20)
    result: list[Blob] = []
    with packs.writer(result) as pack:
        pack.add(b"first")
        for _ in range(2):
            assert pack.add_pieces([large[:1000], large[1000:]]) == (sha256(large), len(large))
        pack.add(b"last")
    assert result[0].size == 2 * ALIGN + len(large)
    assert contents_of(packs, result[0]) == {
        sha256(data): data for data in (b"first", large, b"last")
    }


def test_a_writer_that_is_left_early_leaves_nothing(packs: Packs, tmp_path: Path) -> None:
    result: list[Blob] = []
    with pytest.raises(KeyboardInterrupt), packs.writer(result) as pack:
        pack.add(b"data")
        raise KeyboardInterrupt
    assert not result
    assert not list(packs.all())
    assert not list((tmp_path / "tmp").iterdir())


def test_an_index_that_cannot_be_written_leaves_nothing(
    packs: Packs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def fails(_source: str, _target: str) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(FileNotFoundError), packs.writer([]) as pack:
        pack.add(b"data")
    assert not list((tmp_path / "tmp").iterdir())
    assert not list(packs.all())


def write_at(offset: int, data: bytes, suffix: str = "") -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path = Path(f"{path}{suffix}")
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    return damage


def cut_at(size: int, suffix: str = "") -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path = Path(f"{path}{suffix}")
        path.chmod(0o644)
        os.truncate(path, size)

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "content": write_at(1, b"X"),
    "between contents": write_at(10, b"X"),
    "behind the last": write_at(6 * ALIGN - 1, b"X"),
    "longer": write_at(6 * ALIGN, b"X"),
    "index": write_at(40, b"X", ".idx"),
    "index longer": write_at(4 * 48, b"X", ".idx"),
    "index empty": cut_at(0, ".idx"),
    "shorter": cut_at(6 * ALIGN - 1),
    "deleted": lambda path: path.unlink(),
    "index deleted": lambda path: Path(f"{path}.idx").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_noticed_and_removed(packs: Packs, damage: Callable[[Path], None]) -> None:
    pack = filled(packs, CONTENTS)
    damage(packs.where(pack.sha256))
    assert not packs.is_sound(pack.sha256)
    with pytest.raises(MissingBlob):
        packs.contents(StoredTree(Tree(), (pack,)))
    assert not packs.has(pack)
    assert not list(packs.where(pack.sha256).parent.iterdir())
    assert filled(packs, CONTENTS) == pack
    assert packs.has(pack)


@pytest.mark.parametrize("name", ["index", "index longer", "index empty"])
def test_a_damaged_index_is_noticed_with_the_time_put_back(packs: Packs, name: str) -> None:
    pack = filled(packs, CONTENTS)
    index = Path(f"{packs.where(pack.sha256)}.idx")
    before = index.stat()
    DAMAGES[name](packs.where(pack.sha256))
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert packs.has(pack)
    with pytest.raises(MissingBlob, match="index"):
        packs.contents(StoredTree(Tree(), (pack,)))
    assert not packs.has(pack)


def test_a_broken_seal_over_the_same_bytes_is_renewed(packs: Packs, tmp_path: Path) -> None:
    pack = filled(packs, CONTENTS)
    for name in (pack.sha256, f"{pack.sha256}.idx"):
        os.utime(packs.where(pack.sha256).with_name(name))
        assert packs.has(pack)
        assert Seal(tmp_path).is_on(str(packs.where(pack.sha256).with_name(name)))


def test_discard(packs: Packs) -> None:
    pack = filled(packs, CONTENTS)
    assert packs.discard(pack.sha256) == pack.size + 4 * 48
    assert packs.discard(pack.sha256) == 0


def test_trees_take_contents_from_packs_and_files(packs: Packs, tmp_path: Path) -> None:
    kernel = Blobs(tmp_path).put(b"kernel")
    pack = filled(packs, [b"one"])
    stored = StoredTree(Tree(), (pack,), (kernel,))
    places = packs.contents(stored)

    def entry(data: bytes) -> Entry:
        return Entry("a", "file", 0o644, size=len(data), sha256=sha256(data))

    assert read_content(content_of(places, entry(b"kernel"))) == b"kernel"
    assert read_content(content_of(places, entry(b"one"))) == b"one"
    assert content_of(places, entry(b"")) == Place("/dev/null", 0, 0)
    assert read_content(content_of(places, entry(b""))) == b""
    with pytest.raises(MissingBlob, match="no pack of the tree contains a"):
        content_of(places, entry(b"two"))
    Blobs(tmp_path).discard(kernel.sha256)
    with pytest.raises(MissingBlob):
        packs.contents(stored)
