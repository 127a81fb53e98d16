"""The one place that writes files which others may read.

Such a file appears under its name by one rename, whole, or not at all. Until then it has a name
that no other writer can have, whatever they write: another thread, another run, another container.
Its mode is what the caller says, whatever the umask. One that is *durable* is on the disk, with its
name, before the call returns: a power cut does not take it back.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buildlib.model.numbers import number_or_none

STORED, SERVED, SERVED_FOLDER = 0o444, 0o644, 0o755

_IN_THE_WAY = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP})
_NUMBERS = itertools.count()
_SHOWN = 100  # bytes of a file's name that its scratch file's name repeats


def random_number() -> int:
    """One of 2^32, for a name or a mark; no output may depend on it."""
    return int.from_bytes(os.urandom(4), "big")


_LABEL = f"{random_number():08x}"  # of this process


def fresh_name(folder: str | Path) -> str:
    """A path in `folder` that nothing uses, for a file or a folder."""
    return f"{folder}/{os.getpid()}-{_LABEL}-{next(_NUMBERS)}"


def beside(path: str | Path) -> str:
    """A hidden path beside `path` that nothing uses; `leftovers` finds what a kill leaves there."""
    folder, name = os.path.split(path)
    shown = os.fsdecode(os.fsencode(name)[:_SHOWN])
    unique = os.path.basename(fresh_name(""))
    return os.path.join(folder, f".{shown}.{unique}.new")


class NewFile:
    """A file that is written, and has no name yet. `descriptor` may be written to as well."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        self.appeared = False

    def write(self, data: bytes | memoryview) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]

    def appear(self, target: str | Path, *, durable: bool = False, clearing: bool = False) -> None:
        """Have the file at `target`, as `move` does."""
        if durable:
            os.fsync(self.descriptor)
        move(self.path, target, durable=durable, clearing=clearing)
        self.appeared = True


@contextmanager
def new_file(path: str, *, mode: int | None = None) -> Iterator[NewFile]:
    """A new file at `path`, from `fresh_name` or `beside`; it is gone where it does not appear.

    mode  None: as the umask has it, for files that are the user's own
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = NewFile(path, os.open(path, flags, 0o666))
    try:
        if mode is not None:
            os.fchmod(file.descriptor, mode)
        yield file
    finally:
        os.close(file.descriptor)
        if not file.appeared:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def write_file(
    path: str | Path, data: bytes, *, mode: int | None = None, durable: bool = False,
    scratch: str = "", clearing: bool = False,
) -> None:
    """Have `data` at `path`, as `new_file` and `NewFile.appear` do it.

    scratch  where it is written, on the same file system; beside it unless that is said
    """
    with new_file(scratch or beside(path), mode=mode) as file:
        file.write(data)
        file.appear(path, durable=durable, clearing=clearing)


def move(
    source: str | Path, target: str | Path, *, durable: bool = False, clearing: bool = False
) -> None:
    """The one rename: what has been written at `source` appears at `target`.

    The folder is made where there is none. `clearing` removes whatever else is in the way: for
    places that are the store's own. Raises OSError.
    """
    folder = os.path.dirname(target) or "."
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.ENOENT and not (clearing and error.errno in _IN_THE_WAY):
            raise
        if clearing:
            if not os.path.isdir(folder):  # a link may lead nowhere, or in a circle
                with contextlib.suppress(OSError):  # never a folder: another thread may make it
                    os.unlink(folder)
            if error.errno != errno.ENOENT:
                remove(target)
        os.makedirs(folder, exist_ok=True)
        os.rename(source, target)
    if durable:
        sync(folder)


def remove(path: str | Path) -> None:
    """Remove whatever is at `path`, if anything is."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def leftovers(folder: str | Path) -> list[Path]:
    """What writers that are dead have left beside the files of `folder`."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [Path(folder, name) for name in names
            if name.startswith(".") and name.endswith(".new") and not _is_written(name)]


def _is_written(name: str) -> bool:
    """Whether this process, or another one that is there, has made the name of a scratch file."""
    pid, _, label = name.removesuffix(".new").rpartition(".")[2].partition("-")
    if pid == str(os.getpid()):
        return label.startswith(_LABEL)
    return bool(label) and number_or_none(pid) is not None and os.path.exists(f"/proc/{pid}")


def serve_folder(folder: str | Path) -> None:
    """Have a folder, and those above it, that a server which is another user can read."""
    path = Path(folder)
    missing = [path, *itertools.takewhile(lambda above: not above.exists(), path.parents)]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        mode = place.stat().st_mode & 0o7777
        if mode | SERVED_FOLDER != mode:
            place.chmod(mode | SERVED_FOLDER)


def sync(path: str | Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: str | Path) -> None:
    """Have all that was written to the file system of `path` on the disk."""
    import ctypes  # takes longer to import than most runs need

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
