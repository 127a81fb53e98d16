"""Errors as they can be shown: in words for those of ours and of the host, else with a log."""

from __future__ import annotations

from pathlib import Path

from buildlib.model.errors import GoldmasterError
from buildlib.model.urls import without_passwords


def as_told(error: BaseException, *, where: str, root: Path, logs: Path) -> GoldmasterError:
    """The error that is shown for `error`.

    root  the checkout, where a disk is looked at when the error names no path
    logs  the folder that gets a traceback, if there is a bug
    """
    if isinstance(error, GoldmasterError):
        return error
    from buildlib.host.os_errors import host_error, memory_error

    if isinstance(error, MemoryError):
        return memory_error(where=where)
    if isinstance(error, OSError):
        return host_error(error, where=where, folder=root)
    return _bug(error, where, (logs, root))


def _bug(error: BaseException, where: str, folders: tuple[Path, ...]) -> GoldmasterError:
    """An error that is none of ours; the traceback is in a log, where one can be written."""
    import traceback

    text = without_passwords("".join(traceback.format_exception(error)))
    log = next((path for folder in folders if _write(path := folder / "crash.log", text)), None)
    return GoldmasterError(
        f"internal error: {type(error).__name__}: {error}", where=where,
        hint="this is a bug of goldmaster; the log helps to mend it" if log else
        "this is a bug of goldmaster; no log could be written", log=log, reason="bug",
    )


def _write(path: Path, text: str) -> bool:
    from buildlib.host.atomic_files import write_file

    try:
        write_file(path, text.encode(errors="backslashreplace"))
    except OSError:
        return False
    return True
