"""Errors of the build host, in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from support.faults.errno_names import NAMES

from buildlib.host import os_errors
from buildlib.host.os_errors import host_error, is_nearly_full, memory_error, space_left
from buildlib.model.errors import ConfigError
from buildlib.model.refusals import OTHERS


@pytest.mark.parametrize(
    ("number", "what"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "your disk quota is used up")],
)
def test_a_full_disk(tmp_path: Path, number: int, what: str) -> None:
    target = tmp_path / "not made" / "file"
    error = host_error(
        OSError(number, os.strerror(number), "/from", None, str(target)),
        where="stage x",
        folder=Path("/"),
    )
    assert error.reason == "disk-full"
    assert error.what == what
    assert error.where == f"stage x, {target}"
    assert f"are free below {tmp_path}" in (error.why or "")
    assert error.hint


def test_other_refusals(tmp_path: Path) -> None:
    error = host_error(
        PermissionError(errno.EACCES, "Permission denied", "/a"), where="stage x", folder=tmp_path
    )
    assert (error.reason, error.what, error.where) == (
        "host-io",
        "permission denied",
        "stage x, /a",
    )
    assert "chmod" in (error.hint or "")
    nameless = host_error(OSError("odd"), where="stage x", folder=tmp_path)
    assert (nameless.what, nameless.where) == ("odd", "stage x")
    assert "run again" in (nameless.hint or "")
    numbered = host_error(
        OSError(errno.EBADF, "Bad file descriptor", 7), where="w", folder=tmp_path
    )
    assert numbered.where == "w"


NUMBERS = [*NAMES, "EBUSY", "EISDIR", "ENOTDIR"]


@pytest.mark.parametrize("name", NUMBERS)
def test_each_refusal_has_a_remedy_of_its_own(tmp_path: Path, name: str) -> None:
    number = getattr(errno, name)
    refused = OSError(number, os.strerror(number), str(tmp_path / "file"))
    error = host_error(refused, where="stage x", folder=tmp_path)
    assert error.where == f"stage x, {tmp_path / 'file'}"
    assert error.what
    assert error.hint not in {None, OTHERS}
    assert os.strerror(number).lower() in f"{error.what} {error.why}".lower() or (
        error.reason == "disk-full"
    )


def test_an_error_that_the_system_is_behind_has_its_remedy() -> None:
    """The code that raises an error need not give a hint; one that it gives comes first."""
    for given, told in ((None, "ulimit -n"), ("wait", "wait")):
        with pytest.raises(ConfigError) as caught:
            raise ConfigError("it cannot be read", hint=given) from OSError(errno.EMFILE, "many")
        assert told in (caught.value.hint or "")
        assert any(line.startswith("  do:") for line in caught.value.lines())


@pytest.mark.parametrize(
    ("free", "files", "full"),
    [
        (1 << 30, 1 << 20, False),
        (1 << 20, 1 << 20, True),
        (1 << 30, 5, True),
        (1 << 30, None, False),
    ],
)
def test_how_full_a_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, files: int | None, full: bool
) -> None:
    monkeypatch.setattr(os_errors, "free_bytes", lambda _folder: free)
    monkeypatch.setattr(os_errors, "free_files", lambda _folder: files)
    assert is_nearly_full(tmp_path) is full
    assert ("room for 5 files" in space_left(tmp_path)) is (files == 5)
    assert f"{free >> 10} KiB" in space_left(tmp_path / "a/b/c")


@pytest.mark.parametrize("kind", ["file", "loop"])
def test_what_is_in_the_way_is_named(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.touch()
    else:
        place.symlink_to(place)
    with pytest.raises(OSError, match="place") as caught:
        (place / "below" / "file").stat()
    error = host_error(caught.value, where="stage x", folder=tmp_path)
    assert error.where == f"stage x, {place}"


def test_no_memory() -> None:
    error = memory_error(where="doit iso")
    assert (error.where, error.reason) == ("doit iso", "memory")
    assert error.why == "the process could not allocate more"
    assert error.hint
