"""Atomic file writes. All files that other programs may read are written here.

Such a file appears under its name by one rename, complete or not at all. Until then it has a name
that no other writer uses, whether in another thread, run or container. Its mode is the one given by
the caller, whatever the umask. If it is *durable*, its content and name are on the disk before the
call returns, so a power cut cannot undo it.
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
_SHOWN = 100  # bytes of a file's name that the name of its scratch file repeats


def random_number() -> int:
    """A random number below 2^32 for a name or a mark; no output may depend on it."""
    return int.from_bytes(os.urandom(4), "big")


_LABEL = f"{random_number():08x}"  # identifies this process


def fresh_name(folder: str | Path) -> str:
    """An unused path in `folder`, for a file or a folder."""
    return f"{folder}/{os.getpid()}-{_LABEL}-{next(_NUMBERS)}"


def beside(path: str | Path) -> str:
    """An unused hidden path beside `path`; after a kill, `leftovers` finds the file there."""
    folder, name = os.path.split(path)
    shown = os.fsdecode(os.fsencode(name)[:_SHOWN])
    unique = os.path.basename(fresh_name(""))
    return os.path.join(folder, f".{shown}.{unique}.new")


class NewFile:
    """A file being written that is not in its place yet. You may also write to `descriptor`."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor
        self.appeared = False

    def write(self, data: bytes | memoryview) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]

    def appear(self, target: str | Path, *, durable: bool = False, clearing: bool = False) -> None:
        """Move the file to `target`; arguments as for `move`."""
        if durable:
            os.fsync(self.descriptor)
        move(self.path, target, durable=durable, clearing=clearing)
        self.appeared = True


@contextmanager
def new_file(path: str, *, mode: int | None = None) -> Iterator[NewFile]:
    """A new file at `path`, from `fresh_name` or `beside`; deleted unless `appear` is called.

    mode  None: set by the umask, for files that belong to the user
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
    path: str | Path,
    data: bytes,
    *,
    mode: int | None = None,
    durable: bool = False,
    scratch: str = "",
    clearing: bool = False,
) -> None:
    """Write `data` to `path`, as `new_file` and `NewFile.appear` do.

    scratch  where to write it first, on the same file system; by default beside `path`
    """
    with new_file(scratch or beside(path), mode=mode) as file:
        file.write(data)
        file.appear(path, durable=durable, clearing=clearing)


def move(
    source: str | Path, target: str | Path, *, durable: bool = False, clearing: bool = False
) -> None:
    """Rename `source` to `target`, and create the target's folder if necessary.

    `clearing` removes anything of another type that is in the way; use it only inside the store.
    Raises OSError.
    """
    folder = os.path.dirname(target) or "."
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.ENOENT and not (clearing and error.errno in _IN_THE_WAY):
            raise
        if clearing:
            if not os.path.isdir(folder):  # perhaps a dangling link or a loop of links
                with contextlib.suppress(OSError):  # unlink: another thread may create the folder
                    os.unlink(folder)
            if error.errno != errno.ENOENT:
                remove(target)
        os.makedirs(folder, exist_ok=True)
        os.rename(source, target)
    if durable:
        sync(folder)


def remove(path: str | Path) -> None:
    """Remove the file, link or folder at `path`, if there is one."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def leftovers(folder: str | Path) -> list[Path]:
    """Scratch files that dead writers have left in `folder`."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [
        Path(folder, name)
        for name in names
        if name.startswith(".") and name.endswith(".new") and not _is_written(name)
    ]


def _is_written(name: str) -> bool:
    """Whether a scratch file's name was made by this process or another living one."""
    pid, _, label = name.removesuffix(".new").rpartition(".")[2].partition("-")
    if pid == str(os.getpid()):
        return label.startswith(_LABEL)
    return bool(label) and number_or_none(pid) is not None and os.path.exists(f"/proc/{pid}")


def serve_folder(folder: str | Path) -> None:
    """Create a folder and its parents so that a server running as another user can read them."""
    path = Path(folder)
    missing = [path, *itertools.takewhile(lambda above: not above.exists(), path.parents)]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        mode = place.stat().st_mode & 0o7777
        if mode | SERVED_FOLDER != mode:
            place.chmod(mode | SERVED_FOLDER)


def sync(path: str | Path) -> None:
    """Flush a file's content, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: str | Path) -> None:
    """Flush everything written to the file system of `path` to the disk."""
    import ctypes  # here, because importing it is slow and most runs do not need it

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
