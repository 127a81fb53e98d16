"""The last run's snapshot: trusted as long as nothing has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildlib.store.null_build import (
    NullBuildSnapshot,
    checked,
    forget_glance,
    read_glance,
    signature,
    touched,
    with_sum,
)
from buildlib.store.null_build import write_glance as write

SETTINGS = {"release": "mini"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "file").write_bytes(b"aaa")
    (tmp_path / "link").symlink_to("file")
    return tmp_path


def place(store: Path) -> str:
    return f"{store}/glance-x.json"


def remember(store: Path) -> None:
    names = [str(store / name) for name in ("file", "missing", "folder")]
    links = [str(store / "link")]
    (store / "folder").mkdir(exist_ok=True)
    write(
        place(store),
        NullBuildSnapshot([("iso", "the CD", ["root"], ["/dist/x.iso"])], ["iso"], 2),
        SETTINGS,
        looked={name: signature(name) for name in names},
        links={name: signature(name, follow=False) for name in links},
    )


def test_a_glance_comes_back(store: Path) -> None:
    assert read_glance(place(store), SETTINGS) is None
    remember(store)
    glance = read_glance(place(store), SETTINGS)
    assert glance is not None
    assert [tuple(task) for task in glance.tasks] == [("iso", "the CD", ["root"], ["/dist/x.iso"])]
    assert (glance.current, glance.workers) == (frozenset({"iso"}), 2)
    assert not list((store / "tmp").iterdir())
    assert read_glance(place(store), {"release": "other"}) is None
    forget_glance(place(store))
    forget_glance(place(store))
    assert read_glance(place(store), SETTINGS) is None


@pytest.mark.parametrize("change", ["content", "time", "gone", "came", "in a folder", "link"])
def test_whatever_is_touched_ends_it(store: Path, change: str) -> None:
    remember(store)
    if change == "content":
        (store / "file").write_bytes(b"bbb")
    elif change == "time":
        os.utime(store / "file", (1, 1))
    elif change == "gone":
        (store / "file").unlink()
    elif change == "came":
        (store / "missing").touch()
    elif change == "in a folder":
        (store / "folder/x").touch()
    else:
        (store / "link").unlink()
        (store / "link").symlink_to("folder")
    assert read_glance(place(store), SETTINGS) is None


ALMOST = b'{"form": 1, "circumstances": {"release": "mini"}, "looked": [], "links": {}}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b'{"form": 1}',
        b"\xff",
        ALMOST,
        ALMOST.replace(b"[]", b"{}"),
    ],
)
def test_a_damaged_glance_is_none(store: Path, body: bytes) -> None:
    for data in (body, with_sum(body)):
        Path(place(store)).write_bytes(data)
        assert read_glance(place(store), SETTINGS) is None
        assert touched(str(store)) == []


def test_every_flipped_bit_is_noticed(store: Path) -> None:
    remember(store)
    whole = Path(place(store)).read_bytes()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        Path(place(store)).write_bytes(changed)
        assert read_glance(place(store), SETTINGS) is None


def test_sums() -> None:
    assert checked(with_sum(b"a\nb")) == b"a\nb"
    for data in (b"", b"a\nb", with_sum(b"a")[1:], with_sum(b"a") + b"b"):
        with pytest.raises(ValueError, match="damaged"):
            checked(data)


def test_a_full_disk_is_no_error(store: Path) -> None:
    (store / "tmp").rmdir()
    remember(store)
    assert read_glance(place(store), SETTINGS) is None


def test_results_that_were_touched_and_put_back(store: Path) -> None:
    """The modification time can be set back; the change time cannot."""
    blob = store / "file"
    os.utime(blob, ns=(10**18, 10**18))
    remember(store)
    assert touched(str(store)) == []
    blob.write_bytes(b"bbb")
    os.utime(blob, ns=(10**18, 10**18))
    assert touched(str(store)) == [str(blob)]
    blob.unlink()
    assert touched(str(store)) == []  # a blob that is gone is noticed anyway


@pytest.mark.programs
def test_it_imports_next_to_nothing() -> None:
    script = (
        "import sys, json, contextlib; before = set(sys.modules); "
        "import buildlib.store.null_build; "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert not set(result.stdout.split()) & {
        "re",
        "pathlib",
        "dataclasses",
        "hashlib",
        "typing",
        "subprocess",
        "shutil",
        "inspect",
    }


def note(store: Path, name: str, *noted: Path) -> Path:
    """A glance of this name that has noted these files as they are."""
    glance = store / name
    looked = {str(path): signature(str(path)) for path in noted}
    snapshot = NullBuildSnapshot([], [], 1)
    write(str(glance), snapshot, SETTINGS, looked=looked, links={})
    return glance


def test_a_result_is_compared_with_all_glances(store: Path, tmp_path: Path) -> None:
    """Runs with other settings have made the others."""
    other, outside = store / "other", store.with_name("outside")
    for path in (other, outside):
        path.write_bytes(b"bbb")
    note(store, "glance-a.json", store / "file", outside)
    assert touched(str(store)) == []
    (store / "file").write_bytes(b"changed")
    outside.write_bytes(b"changed")
    assert touched(str(store)) == [str(store / "file")]
    note(store, "glance-b.json", store / "file", other)
    assert touched(str(store)) == [], "the later run has seen the change"
    other.write_bytes(b"changed")
    assert touched(str(store)) == [str(other)]


def test_only_whole_glances_count(store: Path) -> None:
    whole = note(store, "glance-b.json", store / "file")
    (store / "file").write_bytes(b"changed")
    texts = [b"damaged", with_sum(b"[]"), with_sum(b"{}"), with_sum(b'{"looked": 7}')]
    for number, text in enumerate(texts):
        (store / f"glance-{number}.json").write_bytes(text)
    os.mkfifo(store / "glance-c.json")
    assert touched(str(store)) == [str(store / "file")]
    for name in ("seen.json", "glance-a.txt"):
        whole.rename(store / name)
        whole = store / name
        assert touched(str(store)) == []


def test_a_folder_is_no_glance(store: Path) -> None:
    (store / "glance-x.json").mkdir()
    forget_glance(place(store))
    assert (store / "glance-x.json").is_dir()
    assert read_glance(place(store), SETTINGS) is None
