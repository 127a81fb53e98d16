"""The store as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
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
    """All that lasts, below `build`: `build/store`, work folders, logs, unfinished downloads."""

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
            told = host_error(error, where="the store", folder=build)
            raise StoreError(
                "the store cannot be made", where=error.filename or build,
                why=": ".join(filter(None, (told.what, told.why))), reason="store-io",
                hint=told.hint or "choose another place with `build=FOLDER`",
            ) from error
        self.trees = Trees(self.blobs)
        self.seen = StatCache(self.folder / "seen.json")
        self.lock = RunLock(self.folder)
        self.runner = Runner(lambda: self.lock.descriptor)
        self.workspaces = Workspaces(build / "work")

    def begin(self, *, waiting: Callable[[str], None]) -> None:
        """Hold the store's lock, as `RunLock.acquire` does, to write to it."""
        self.lock.acquire(waiting=waiting)
        self.seal.look()

    def end(self) -> None:
        """Have all that was stored since `begin` on the disk, and give the lock back."""
        if self.lock.descriptor >= 0:
            with contextlib.suppress(OSError):  # then a boot is followed by a closer look
                self.seal.settle()
            self.lock.release()

    def log(self, name: str) -> Path:
        """Where the tools of a stage write what they print."""
        return self.logs / f"{file_name(name)}.log"

    def failed(self, name: str) -> Path:
        """Where the folder of a stage is kept when one of its tools has failed."""
        return self.build / "failed" / file_name(name)

    def has(self, output: Output) -> bool:
        """Whether all content of an output is there, as it was stored."""
        return (
            self.blobs.has(output.blob)
            and all(map(self.packs.has, output.packs))
            and all(map(self.blobs.has, output.files))
        )

    def is_sound(self, output: Output) -> bool:
        """Like `has`, but every byte is read; what is damaged is removed."""
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
