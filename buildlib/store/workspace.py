"""Work folders that tools need at a stable path: unpacked sources, TOOLS, OBJ.

They hold absolute paths, so they are local: named by the digest of what goes into them, never
shared, never an output, and can always be made again. What a kill left half done is gone on with.

What is in them goes into outputs whose keys do not name it. So it is noted how a folder was left
when it had been made, and looked at when it is used: one that anybody has touched is made anew, and
what was made of it meanwhile is not taken.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from buildlib.host.atomic_files import remove, sync_file_system, write_file
from buildlib.host.reading import read_small
from buildlib.model.digest import digest_of
from buildlib.model.errors import StageError, ToolError
from buildlib.model.numbers import whole_number
from buildlib.store import folder_state

Tell: TypeAlias = Callable[[str], None]


class Workspaces:
    """The work folders of one store. Methods may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._making: dict[Path, threading.Lock] = {}

    def get(
        self, kind: str, key: str, fill: Callable[[Path], None], *, tell: Tell | None = None
    ) -> Path:
        """The folder `kind-key`, made by `fill(folder)` unless that has succeeded before.

        `fill` may find what an earlier try left, and must not mind. A folder that was moved, with
        the checkout, is made anew: what is in it still names the old place. So is one in which
        anything was changed; then `tell` is told what.
        """
        path = self.folder / f"{kind}-{key[:16]}"
        done = path.with_name(path.name + ".done")
        with self._lock:
            making = self._making.setdefault(path, threading.Lock())
        with making:
            changed = self._changed(path) if _is_done(path) else (".",)
            if changed:
                if os.path.lexists(done):
                    if changed != (".",) and tell is not None:
                        tell(f"{path}: {_some(changed)} changed since it was made: it is made anew")
                    self.drop(path)
                elif path.is_symlink() or not path.is_dir():
                    remove(path)
                path.mkdir(parents=True, exist_ok=True)
                try:
                    fill(path)
                except BaseException:
                    with suppress(OSError):  # what was refused at once leaves no empty folder
                        path.rmdir()
                    raise
                folder_state.note(path, _note_of(path))
                sync_file_system(path)  # a power cut leaves no folder that is only half there
                write_file(done, os.fsencode(path), durable=True, clearing=True)
        return path

    @contextmanager
    def held(self, *paths: Path) -> Iterator[str]:
        """Use folders that `get` has made. Yields what tells them from others, made at other times.

        Raises StageError where one of them was changed meanwhile.
        """
        marks = [folder_state.mark(_note_of(path)) for path in paths]
        try:
            yield digest_of(marks)
        except ToolError as error:
            self._check(paths, marks, error)
            raise
        self._check(paths, marks, None)

    def _check(self, paths: Sequence[Path], marks: Sequence[str], cause: ToolError | None) -> None:
        for path, mark in zip(paths, marks, strict=True):
            changed = self._changed(path)
            if changed or folder_state.mark(_note_of(path)) != mark:
                raise StageError(
                    "a work folder was changed while a tool read it", where=path,
                    why=_some(changed) if changed else "it was made anew", reason="input-changed",
                    hint="nothing was stored; run again, and the folder is made anew",
                ) from cause

    def _changed(self, path: Path) -> tuple[str, ...]:
        try:
            return folder_state.touched(path, _note_of(path))
        except FileNotFoundError:  # it goes away while it is looked at
            return (".",)

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
            return whole_number(read_small(self.folder / f"{kind}.count").decode().strip())
        except (OSError, ValueError):
            return 0

    def set_expected(self, kind: str, count: int) -> None:
        """Remember how many files a whole build has compiled."""
        write_file(self.folder / f"{kind}.count", f"{count}\n".encode(), clearing=True)

    def drop(self, path: Path) -> None:
        """Remove a folder that turned out to be damaged. Raises OSError where it cannot be."""
        for place in (path.with_name(path.name + ".done"), _note_of(path), path):
            remove(place)


def _some(paths: Sequence[str]) -> str:
    """Some paths, and how many more there are."""
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + ".stat")


def _is_done(path: Path) -> bool:
    """Whether the folder was filled, and where it is now."""
    try:
        noted = read_small(path.with_name(path.name + ".done"))
        return noted == os.fsencode(path) and path.is_dir()
    except OSError:
        return False
