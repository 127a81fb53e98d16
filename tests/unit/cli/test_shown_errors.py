"""Errors as they are shown."""

from __future__ import annotations

import contextlib
import errno
import sys
from pathlib import Path

import pytest

from buildlib.cli import shown_errors
from buildlib.cli.shown_errors import shown_error
from buildlib.config.reading.shipped import PACKAGE
from buildlib.model.errors import ConfigError, GoldmasterError, StageError


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("goldmaster:server/overlay.mtree", f"goldmaster:server/overlay.mtree ({PACKAGE})"),
        ("recipes/dom0.toml: overlays[0]", "recipes/dom0.toml: overlays[0]"),
    ],
)
def test_what_ships_is_told_with_its_version(tmp_path: Path, where: str, shown: str) -> None:
    error = ConfigError("no", where=where)
    for _ in range(2):
        assert shown_error(error, where="x", root=tmp_path, logs=tmp_path).where == shown


def shown(error: BaseException, folder: Path) -> GoldmasterError:
    return shown_error(error, where="doit iso", root=folder, logs=folder / "logs")


def test_an_error_of_ours_stays(tmp_path: Path) -> None:
    error = ConfigError("no")
    assert shown(error, tmp_path) is error
    assert error.where is None


def test_errors_of_the_host(tmp_path: Path) -> None:
    memory = shown(MemoryError(), tmp_path)
    assert memory.where == "doit iso"
    assert "memory" in memory.what
    full = shown(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x")), tmp_path)
    assert full.reason != "bug"
    assert not (tmp_path / "crash.log").exists()


def raised(error: Exception, file: str) -> Exception:
    """The error, raised by code of this file."""
    with contextlib.suppress(type(error)):
        exec(compile("raise error", file, "exec"), {"error": error})
    return error


OURS = str(Path(shown_errors.__file__).with_name("invented.py"))


def test_a_bug_has_a_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    error = raised(ValueError("http://me:secret@x"), OURS)
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    found = shown(error, tmp_path)
    log = tmp_path / "logs/crash.log"
    assert found.what.startswith("internal error: ValueError: http://")
    assert (found.where, found.log, found.reason) == ("doit iso", log, "bug")
    assert found.hint == "this is a bug in goldmaster; please report it with the log"
    text = log.read_text()
    assert text.startswith("Traceback")
    assert "secret" not in text


def test_a_log_is_written_where_it_can_be(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()  # it is no folder
    error = raised(ValueError("caf\udce9"), OURS)
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    assert shown(error, tmp_path).log == tmp_path / "crash.log"
    assert "caf\\udce9" in (tmp_path / "crash.log").read_text()
    found = shown(error, tmp_path / "logs")
    assert found.log is None
    assert found.hint == "this is a bug in goldmaster; no log could be written"


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/srv/project/dodo.py", True),
        ("/srv/site-packages/x.py", False),
        ("/usr/lib/python3/dist-packages/x.py", False),
        (f"{sys.base_prefix}/lib/x.py", False),
        (OURS, False),
    ],
)
def test_an_error_of_the_project_s_own_code(tmp_path: Path, file: str, *, own: bool) -> None:
    error = KeyError("a name")
    try:
        exec(compile("\nraise error", file, "exec"), {"error": error})
    except KeyError:
        assert error.__traceback__ is not None
        error.__traceback__ = error.__traceback__.tb_next
    found = shown(error, tmp_path)
    if own:
        assert isinstance(found, StageError)
        assert (found.what, found.where) == ("KeyError: 'a name'", "dodo.py:2, doit iso")
        assert (found.reason, found.log) == ("own-code", tmp_path / "crash.log")
    else:
        assert found.reason == "bug"


def test_the_innermost_code_counts(tmp_path: Path) -> None:
    """A library that the project calls is not at fault; we are, if it calls us."""
    for inner, reason in (("/srv/site-packages/x.py", "own-code"), (OURS, "bug")):
        code = "exec(compile('raise error', inner, 'exec'))"
        error = KeyError("a name")
        try:
            names = {"error": error, "inner": inner}
            exec(compile(code, "/srv/project/dodo.py", "exec"), names)
        except KeyError:
            assert error.__traceback__ is not None
            error.__traceback__ = error.__traceback__.tb_next
        assert shown(error, tmp_path).reason == reason
