"""The store as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from buildlib.host.file_lock import RunLock
from buildlib.host.os_errors import host_error
from buildlib.host.process import Runner
from buildlib.model.errors import StoreError
from buildlib.store.blobs import Blobs
from buildlib.store.file_names import file_name
from buildlib.store.packs import Packs
from buildlib.store.records import Output, Records
from buildlib.store.seal import Seal
from buildlib.store.stat_cache import StatCache
from buildlib.store.trees import Trees
from buildlib.store.workspace import Workspaces


class Store:
    """Everything persistent below `build`: the store, work folders, logs, unfinished downloads."""

    def __init__(self, build: Path) -> None:
        self.build = build
        self.folder = build / "store"
        self.logs = build / "log"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            self.seal = Seal(self.folder)
            self.blobs = Blobs(self.folder, self.seal)
            self.packs = Packs(self.folder, self.blobs)
            self.records = Records(self.folder)
        except OSError as error:
            cause = host_error(error, where="the store", folder=build)
            raise StoreError(
                "the store cannot be created",
                where=error.filename or build,
                why=": ".join(filter(None, (cause.what, cause.why))),
                reason="store-io",
                hint=cause.hint or "choose another place with `build=FOLDER`",
            ) from error
        self.trees = Trees(self.blobs)
        self.seen = StatCache(self.folder / "seen.json")
        self.lock = RunLock(self.folder)
        self.runner = Runner(lambda: self.lock.descriptor)
        self.workspaces = Workspaces(build / "work")

    def begin(self, *, waiting: Callable[[str], None]) -> None:
        """Take the store's lock, as `RunLock.acquire` does, before writing to the store."""
        self.lock.acquire(waiting=waiting)
        self.seal.look()

    def end(self) -> None:
        """Flush everything stored since `begin` to the disk, and release the lock."""
        if self.lock.descriptor >= 0:
            with contextlib.suppress(OSError):  # if it fails, all seals break at the next boot
                self.seal.settle()
            self.lock.release()

    @contextlib.contextmanager
    def alone(self, *, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock inside the block; keep it afterwards if it was held before."""
        if self.lock.descriptor >= 0:
            yield
            return
        self.begin(waiting=waiting)
        try:
            yield
        finally:
            self.end()

    def log(self, name: str) -> Path:
        """The log file for the output of a stage's tools."""
        return self.logs / f"{file_name(name)}.log"

    def failed(self, name: str) -> Path:
        """Where a stage's work folder is kept after one of its tools has failed."""
        return self.build / "failed" / file_name(name)

    def has(self, output: Output) -> bool:
        """Whether all content of an output is present and intact."""
        return (
            self.blobs.has(output.blob)
            and all(map(self.packs.has, output.packs))
            and all(map(self.blobs.has, output.files))
        )

    def is_sound(self, output: Output) -> bool:
        """Like `has`, but reads every byte and removes what is damaged."""
        for blob in (output.blob, *output.files):
            if self.blobs.has(blob) and not self.blobs.is_sound(blob.sha256):
                self.blobs.discard(blob.sha256)
        for pack in output.packs:
            if self.packs.has(pack) and not self.packs.is_sound(pack.sha256):
                self.packs.discard(pack.sha256)
        return self.has(output)

    @staticmethod
    def size(output: Output) -> int:
        """Bytes of an output's content."""
        if output.packs or output.files:
            return sum(blob.size for blob in (*output.packs, *output.files))
        return output.blob.size
