"""Work folders that tools need at a stable path: unpacked sources, TOOLS, OBJ.

They contain absolute paths, so they are local: named by the digest of their inputs, never shared,
never an output, and can always be made again. After a kill, an unfinished one is resumed.

Outputs are made from their files, but keys do not cover these files. So the state of a finished
folder is noted and checked when it is used: a folder that was modified is made again, and outputs
made from it meanwhile are rejected.
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

        `fill` must accept files left by an earlier attempt. A folder that was moved with the
        checkout is made again, because its files contain the old path. So is a folder that was
        modified; then `tell` is called with the changes.
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
                        tell(f"{path}: {_some(changed)} changed since it was made; making it again")
                    self.drop(path)
                elif path.is_symlink() or not path.is_dir():
                    remove(path)
                path.mkdir(parents=True, exist_ok=True)
                try:
                    fill(path)
                except BaseException:
                    with suppress(OSError):  # leave no empty folder if it failed immediately
                        path.rmdir()
                    raise
                folder_state.note(path, _note_of(path))
                sync_file_system(path)  # so that a power cut leaves no incomplete finished folder
                write_file(done, os.fsencode(path), durable=True, clearing=True)
        return path

    @contextmanager
    def held(self, *paths: Path) -> Iterator[str]:
        """Use folders that `get` has made. Yields an identifier of this version of the folders.

        Raises StageError if one of them was changed meanwhile.
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
                    "a work folder was changed while a tool read it",
                    where=path,
                    why=_some(changed) if changed else "it was made again",
                    reason="input-changed",
                    hint="nothing was stored; run again to make the folder again",
                ) from cause

    def _changed(self, path: Path) -> tuple[str, ...]:
        try:
            return folder_state.touched(path, _note_of(path))
        except FileNotFoundError:  # removed during the check
            return (".",)

    def has(self, kind: str, key: str) -> bool:
        """Whether `get` would find a finished folder."""
        return _is_done(self.folder / f"{kind}-{key[:16]}")

    def find(self, kind: str, key: str) -> Path | None:
        """The folder that `get` would return, or None if it would have to be filled first."""
        path = self.folder / f"{kind}-{key[:16]}"
        return path if _is_done(path) and not self._changed(path) else None

    def unfinished(self, kinds: Sequence[str]) -> tuple[int, int]:
        """Bytes and number of files in unfinished folders, which will be resumed."""
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
        """Number of files compiled by the last full build of a folder of `kind`; 0: unknown."""
        try:
            return whole_number(read_small(self.folder / f"{kind}.count").decode().strip())
        except (OSError, ValueError):
            return 0

    def set_expected(self, kind: str, count: int) -> None:
        """Save the number of files that a full build has compiled."""
        write_file(self.folder / f"{kind}.count", f"{count}\n".encode(), clearing=True)

    def drop(self, path: Path) -> None:
        """Remove a damaged folder. Raises OSError if that fails."""
        for place in (path.with_name(path.name + ".done"), _note_of(path), path):
            remove(place)


def _some(paths: Sequence[str]) -> str:
    """The first paths, and how many more there are."""
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _note_of(path: Path) -> Path:
    return path.with_name(path.name + ".stat")


def _is_done(path: Path) -> bool:
    """Whether the folder was finished at its current path."""
    try:
        noted = read_small(path.with_name(path.name + ".done"))
        return noted == os.fsencode(path) and path.is_dir()
    except OSError:
        return False
