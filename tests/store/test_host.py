"""What the host refuses, in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from buildlib.store import host
from buildlib.store.host import host_error, is_nearly_full, space_left


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(tmp_path: Path, number: int) -> None:
    target = tmp_path / "not made" / "file"
    error = host_error(OSError(number, os.strerror(number), "/from", None, str(target)),
                       where="stage x", folder=Path("/"))
    assert error.reason == "disk-full"
    assert error.what == "the disk is full"
    assert error.where == f"stage x, {target}"
    assert f"are free below {tmp_path}" in (error.why or "")
    assert error.hint


def test_other_refusals(tmp_path: Path) -> None:
    error = host_error(PermissionError(errno.EACCES, "Permission denied", "/a"),
                       where="stage x", folder=tmp_path)
    assert (error.reason, error.what, error.where) == (
        "host-io", "Permission denied", "stage x, /a")
    assert error.hint is None
    nameless = host_error(OSError("odd"), where="stage x", folder=tmp_path)
    assert (nameless.what, nameless.where) == ("odd", "stage x")
    numbered = host_error(OSError(errno.EBADF, "Bad file descriptor", 7), where="w",
                          folder=tmp_path)
    assert numbered.where == "w"


@pytest.mark.parametrize(
    ("free", "files", "full"),
    [(1 << 30, 1 << 20, False), (1 << 20, 1 << 20, True), (1 << 30, 5, True),
     (1 << 30, None, False)])
def test_how_full_a_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, files: int | None, full: bool
) -> None:
    monkeypatch.setattr(host, "free_bytes", lambda _folder: free)
    monkeypatch.setattr(host, "free_files", lambda _folder: files)
    assert is_nearly_full(tmp_path) is full
    assert ("room for 5 files" in space_left(tmp_path)) is (files == 5)
    assert f"{free >> 10} KiB" in space_left(tmp_path / "a/b/c")
