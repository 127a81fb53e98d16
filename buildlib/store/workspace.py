"""Work folders that tools need at a stable path: unpacked sources, TOOLS, OBJ.

They hold absolute paths, so they are local: named by the digest of what goes into them, never
shared, never an output, and can always be made again. What a kill left half done is gone on with.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from buildlib.store.atomic_files import sync_file_system, write_file


class Workspaces:
    """The work folders of one store. Methods may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._making: dict[Path, threading.Lock] = {}

    def get(self, kind: str, key: str, fill: Callable[[Path], None]) -> Path:
        """The folder `kind-key`, made by `fill(folder)` unless that has succeeded before.

        `fill` may find what an earlier try left, and must not mind. A folder that was moved, with
        the checkout, is made anew: what is in it still names the old place.
        """
        path = self.folder / f"{kind}-{key[:16]}"
        done = path.with_name(path.name + ".done")
        with self._lock:
            making = self._making.setdefault(path, threading.Lock())
        with making:
            if not _is_done(path):
                if done.exists():
                    self.drop(path)
                path.mkdir(parents=True, exist_ok=True)
                try:
                    fill(path)
                except BaseException:
                    with suppress(OSError):  # what was refused at once leaves no empty folder
                        path.rmdir()
                    raise
                sync_file_system(path)  # a power cut leaves no folder that is only half there
                write_file(done, str(path).encode(), durable=True)
        return path

    def has(self, kind: str, key: str) -> bool:
        """Whether `get` would find the folder as it is to be."""
        return _is_done(self.folder / f"{kind}-{key[:16]}")

    def unfinished(self, kinds: Sequence[str]) -> tuple[int, int]:
        """Bytes and number of files in folders that are not done: they are gone on with."""
        size = files = 0
        for kind in kinds:
            for folder in self.folder.glob(f"{kind}-*"):
                if folder.with_name(folder.name + ".done").exists():
                    continue
                for path in folder.rglob("*"):
                    with suppress(FileNotFoundError):
                        size += path.lstat().st_blocks * 512
                        files += 1
        return size, files

    def expected(self, kind: str) -> int:
        """How many files the last whole build of a folder of `kind` compiled; 0: not known."""
        try:
            return int((self.folder / f"{kind}.count").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def set_expected(self, kind: str, count: int) -> None:
        """Remember how many files a whole build has compiled."""
        write_file(self.folder / f"{kind}.count", f"{count}\n".encode())

    def drop(self, path: Path) -> None:
        """Remove a folder that turned out to be damaged."""
        path.with_name(path.name + ".done").unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)


def _is_done(path: Path) -> bool:
    """Whether the folder was filled, and where it is now."""
    try:
        return path.with_name(path.name + ".done").read_text() == str(path) and path.is_dir()
    except OSError:
        return False
