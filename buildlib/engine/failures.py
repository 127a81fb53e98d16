"""Handling of failed stages: keeps the work folder, and makes the error useful."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from buildlib.host.atomic_files import move, remove
from buildlib.host.environment import monotonic
from buildlib.host.os_errors import SPACE_HINT, host_error, is_nearly_full, space_left
from buildlib.model.errors import GoldmasterError, Interrupted, ToolError
from buildlib.model.events import Finished, Sink
from buildlib.store.store import Store


@contextmanager
def scratch(store: Store, name: str) -> Iterator[Path]:
    """A fresh folder for a stage. If a tool fails, it is kept, so that you can try the tool."""
    folder, kept = Path(store.blobs.fresh()), store.failed(name)
    folder.mkdir()
    try:
        yield folder
        shutil.rmtree(kept, ignore_errors=True)
    except ToolError as error:
        with suppress(OSError):  # the tool's error is more important than the folder
            remove(kept)
            move(folder, kept)
            if error.command:
                error.command = error.command.replace(str(folder), str(kept))
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def failures(name: str, store: Store, sink: Sink) -> Iterator[None]:
    """Report a failure of stage `name`, with errors of the host in words a user can act on."""
    started = monotonic()
    try:
        yield
    except OSError as error:
        sink(Finished(name, "failed", monotonic() - started))
        raise host_error(error, where=f"stage {name}", folder=store.build) from error
    except GoldmasterError as error:
        error.where = error.where or f"stage {name}"
        if isinstance(error, ToolError) and is_nearly_full(store.build):
            space = f"only {space_left(store.build)}"
            error.why = f"{error.why}\n{space}" if error.why else space
            error.hint = error.hint or SPACE_HINT
        if not isinstance(error, Interrupted):
            sink(Finished(name, "failed", monotonic() - started))
        raise
