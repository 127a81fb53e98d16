"""Converts any exception to an error that can be shown; a bug gets a log with its traceback."""

from __future__ import annotations

import sys
from pathlib import Path

from buildlib.config.reading.shipped import PACKAGE
from buildlib.model.errors import GoldmasterError, StageError
from buildlib.model.names import SHIPPED
from buildlib.model.urls import without_passwords

_OURS = Path(__file__).resolve().parents[1]
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def shown_error(error: BaseException, *, where: str, root: Path, logs: Path) -> GoldmasterError:
    """The error that is shown for `error`.

    root  the checkout, whose disk is examined if the error names no path
    logs  the folder for the traceback of a bug
    """
    if isinstance(error, GoldmasterError):
        if error.where and error.where.startswith(SHIPPED) and not error.where.endswith(")"):
            error.where += f" ({PACKAGE})"
        return error
    from buildlib.host.os_errors import host_error, memory_error

    if isinstance(error, MemoryError):
        return memory_error(where=where)
    if isinstance(error, OSError):
        return host_error(error, where=where, folder=root)
    return _bug(error, where, (logs, root))


def _bug(error: BaseException, where: str, folders: tuple[Path, ...]) -> GoldmasterError:
    """An unexpected error; its traceback is written to a log, if possible.

    It is a bug of ours, unless a project's own code raised it.
    """
    import traceback

    text = without_passwords("".join(traceback.format_exception(error)))
    log = next((path for folder in folders if _write(path := folder / "crash.log", text)), None)
    if place := _own_code(error):
        return StageError(
            f"{type(error).__name__}: {error}",
            where=f"{place}, {where}",
            log=log,
            hint="see the log for the traceback",
            reason="own-code",
        )
    return GoldmasterError(
        f"internal error: {type(error).__name__}: {error}",
        where=where,
        hint="this is a bug in goldmaster; please report it with the log"
        if log
        else "this is a bug in goldmaster; no log could be written",
        log=log,
        reason="bug",
    )


def _own_code(error: BaseException) -> str:
    """FILE:LINE of the project's code that raised the error; empty if ours raised it."""
    import traceback

    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_OURS):
            return ""
        if not _INSTALLED & {*path.parts} and not path.is_relative_to(sys.base_prefix):
            return f"{path.name}:{frame.lineno}"
    return ""


def _write(path: Path, text: str) -> bool:
    from buildlib.host.atomic_files import write_file

    try:
        write_file(path, text.encode(errors="backslashreplace"))
    except OSError:
        return False
    return True
