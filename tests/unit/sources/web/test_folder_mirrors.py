"""A folder as a mirror: anything but a file fails without blocking; the next mirror is tried."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.sources.web.download import Pin, fetch, fetch_unpinned
from buildlib.sources.web.limits import Patience
from buildlib.store.blobs import Blobs

DATA = b"content " * 1000
PIN = Pin(hashlib.sha512(DATA).hexdigest(), sha256(DATA), len(DATA))


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


ODD: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "circle of links": _loop,
    "huge file": _huge,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "link to nothing": lambda path: path.symlink_to("/nonexistent"),
    "file of the kernel": lambda path: path.symlink_to("/proc/self/mem"),
    "nothing": lambda _path: None,
    "empty file": Path.touch,
}


@pytest.mark.parametrize("form", ["{}", "file://{}"], ids=["path", "URL"])
@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file(tmp_path: Path, name: str, form: str) -> None:
    ODD[name](tmp_path / "odd")
    (tmp_path / "good").write_bytes(DATA)
    odd, good = (form.format(tmp_path / file) for file in ("odd", "good"))
    blobs, partial = Blobs(tmp_path / "store"), tmp_path / "partial"
    with pytest.raises(SourceError) as caught:
        fetch([odd], PIN, blobs, partial=partial)
    assert caught.value.where
    assert fetch([odd, good], PIN, blobs, partial=partial).sha256 == PIN.sha256

    def check(data: bytes) -> None:
        if data != DATA:
            raise SourceError("not the file", where="odd")

    assert fetch_unpinned([odd, good], most=1 << 20, check=check) == DATA


@pytest.mark.parametrize("name", ["FIFO", "folder", "circle of links", "device"])
def test_what_is_no_file_where_a_download_grows(tmp_path: Path, name: str) -> None:
    partial = tmp_path / "partial"
    ODD[name](partial)
    (tmp_path / "good").write_bytes(DATA)
    assert (
        fetch([str(tmp_path / "good")], PIN, Blobs(tmp_path / "store"), partial=partial).sha256
        == PIN.sha256
    )


@pytest.mark.parametrize(
    "url", ["a\0b", "file:///a%00b", "x" * 5000, "file://host/folder/file", "a\udcffb", ""]
)
def test_names_that_are_none(url: str) -> None:
    with pytest.raises(SourceError):
        fetch_unpinned([url], most=1 << 20, patience=Patience(tries=1))
