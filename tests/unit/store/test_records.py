"""Records of finished stages."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from buildlib.model.digest import Blob, digest_of
from buildlib.store.records import Output, Record, Records

BLOB, PACK, FILE = Blob("1" * 64, 1), Blob("2" * 64, 2), Blob("3" * 64, 3)
RECORD = Record(
    {"stage": "S", "fields": {"a": ["\udcff", None, 1]}},
    {"tree": Output(BLOB, (PACK,), (FILE,)), "log": Output(FILE)},
)
KEY = digest_of(RECORD.document)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def where(tmp_path: Path) -> Path:
    return tmp_path / "records" / KEY[:2] / f"{KEY}.json"


def test_a_record_comes_back(records: Records, tmp_path: Path) -> None:
    assert records.get(KEY) is None
    records.put(KEY, RECORD)
    assert records.get(KEY) == RECORD
    assert Records(tmp_path).get(KEY) == RECORD
    assert list(records.all()) == [KEY]
    other = Record(RECORD.document, {})
    records.put(KEY, other)
    assert records.get(KEY) == other
    records.drop(KEY)
    records.drop(KEY)
    assert records.get(KEY) is None
    assert not list(records.all())


def test_golden(records: Records, tmp_path: Path) -> None:
    key = digest_of({"stage": "S"})
    records.put(key, Record({"stage": "S"}, {"tree": Output(BLOB, (PACK,), (FILE,))}))
    assert (tmp_path / "records" / key[:2] / f"{key}.json").read_text() == (
        f'{{"document":{{"stage":"S"}},"outputs":{{"tree":[["{"1" * 64}",1],'
        f'[["{"2" * 64}",2]],[["{"3" * 64}",3]]]}},'
        '"sum":"7109ad407e9387316274585a59f7e408b5dd8ff8c0e0ee9bf4883fa9754552db"}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        '"x"',
        "{}",
        '{"document": {}}',
        '{"outputs": {}}',
        '{"document": {}, "outputs": []}',
        '{"document": {}, "outputs": {"a": 1}}',
        '{"document": {}, "outputs": {"a": [1, [], []]}}',
        '{"document": {}, "outputs": {"a": [["x"], [], []]}}',
        '{"document": {}, "outputs": {"a": [["x", 1], [["y"]], []]}}',
        "\udcff",
    ],
)
def test_a_damaged_record_is_none(records: Records, tmp_path: Path, text: str) -> None:
    records.put(KEY, RECORD)
    where(tmp_path).write_bytes(text.encode(errors="surrogateescape"))
    assert records.get(KEY) is None
    records.put(KEY, RECORD)
    assert records.get(KEY) == RECORD


def test_a_record_of_another_document_is_none(records: Records) -> None:
    """Another record, with its sum, was put in this one's place."""
    records.put(KEY, Record({"stage": "T"}, RECORD.outputs))
    assert records.get(KEY) is None


@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "fifo", "file for a folder"])
def test_something_else_in_its_place_is_replaced(
    records: Records, tmp_path: Path, kind: str
) -> None:
    records.put(KEY, RECORD)
    records.set_last("a", KEY)
    for path in (where(tmp_path), tmp_path / "last" / "a"):
        path.unlink()
        if kind == "folder":
            (path / "below").mkdir(parents=True)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "file for a folder" and path.parent.name != "last":
            path.parent.rmdir()
            path.parent.touch()
        else:
            path.symlink_to(tmp_path / ("tmp" if kind == "link" else "nothing"))
    assert records.get(KEY) is None
    assert records.last("a") is None
    assert records.all_last() == {}
    assert set(records.all()) <= {KEY}
    records.put(KEY, RECORD)
    records.set_last("a", KEY)
    assert records.get(KEY) == RECORD
    assert records.last("a") == KEY
    records.drop(KEY)
    assert (tmp_path / "tmp").is_dir()


@pytest.mark.thorough
def test_one_that_has_no_end_is_none(records: Records, tmp_path: Path) -> None:
    records.put(KEY, RECORD)
    os.truncate(where(tmp_path), 1 << 40)
    assert records.get(KEY) is None


@pytest.mark.parametrize("step", ["write", "rename"])
def test_a_record_is_written_whole_or_not_at_all(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    records.put(KEY, RECORD)

    def fails(_first: object, _second: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fails)
        with pytest.raises(OSError, match="No space"):
            records.put(KEY, Record(RECORD.document, {}))
        with pytest.raises(OSError, match="No space"):
            records.set_last("a", KEY)
    assert records.get(KEY) == RECORD
    assert records.last("a") is None
    assert [path.name for path in where(tmp_path).parent.iterdir()] == [f"{KEY}.json"]
    assert not list((tmp_path / "tmp").iterdir())


def test_what_a_killed_run_half_wrote_is_not_seen(records: Records, tmp_path: Path) -> None:
    records.put(KEY, RECORD)
    records.set_last("a", KEY)
    (tmp_path / "tmp" / f"{'cd' * 32}.json").write_text("{")
    (tmp_path / "tmp" / "b").write_text("ab")
    assert list(records.all()) == [KEY]
    assert records.all_last() == {"a": KEY}


def test_last_keys_of_any_name(records: Records) -> None:
    names = ["root:dom0", "image:domu/base", "a.new", "a", "a,new", "%2C", "ü b", ".a"]
    for number, name in enumerate(names):
        records.set_last(name, f"{number:064x}")
    assert [records.last(name) for name in names] == [f"{at:064x}" for at in range(len(names))]
    assert records.all_last() == {name: f"{at:064x}" for at, name in enumerate(names)}
    assert records.last("none") is None


@pytest.mark.parametrize(
    "blob",
    [
        ["../../../etc/passwd", 1],
        ["a\0", 1],
        ["", 1],
        [7, 7],
        ["0" * 64, "x"],
        ["0" * 64, -5],
        ["0" * 64, True],
    ],
    ids=["path", "nul", "empty", "number", "text", "negative", "bool"],
)
def test_an_output_that_names_no_content(records: Records, blob: list[object]) -> None:
    key = digest_of({"a": 1})
    records.put(key, Record({"a": 1}, {"file": Output(Blob(*blob))}))  # type: ignore[arg-type]  # forged
    assert records.get(key) is None


def test_last_keys_that_are_no_keys_are_cleared(records: Records, tmp_path: Path) -> None:
    for name in ("kernel:x", "a/b", "good"):
        records.set_last(name, KEY)
    for name, text in (("kernel%3Ax", b"no key"), ("a%2Fb", b"\xff" * 64)):
        (tmp_path / "last" / name).write_bytes(text)
    assert records.all_last() == {"good": KEY}
    assert records.last("kernel:x") is None
    assert sorted(records.clear_last()) == ["a/b", "kernel:x"]
    assert records.clear_last() == []
    assert [path.name for path in (tmp_path / "last").iterdir()] == ["good"]


def test_a_file_beside_the_folders_of_records_is_no_record(
    records: Records, tmp_path: Path
) -> None:
    records.put(KEY, RECORD)
    (tmp_path / "records/file").touch()
    assert list(records.all()) == [KEY]


def test_a_disk_that_cannot_be_read_is_an_error(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for a missing record, which would be made again."""
    from buildlib.store import records as module

    records.put(KEY, RECORD)
    numbers = [errno.ENOENT, errno.EFBIG, errno.EIO]

    def fail(path: Path) -> bytes:
        number = numbers.pop(0)
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(module, "read_small", fail)
    assert records.get(KEY) is None
    assert records.get(KEY) is None
    with pytest.raises(OSError, match="Input/output error"):
        records.get(KEY)
