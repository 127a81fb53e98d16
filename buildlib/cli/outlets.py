"""Standard output and standard error that always accept writes, whatever the caller passed.

Printing never aborts a program. A character that the terminal's encoding lacks is shown as an
escape. If the reader is gone (`doit list | head -1`), a command that only prints exits, as programs
do when their pipe is closed; a command that makes something continues silently. Any other error,
such as a full disk, is reported in one line when the program ends.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import select
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_CLOSED = OSError(errno.EBADF, os.strerror(errno.EBADF))


class Outlet(io.RawIOBase):
    """A descriptor that can always be written to.

    lost     the first error; later writes are discarded
    lasting  whether the program continues when the reader is gone
    """

    def __init__(self, number: int, lost: OSError | None = None) -> None:
        super().__init__()
        self._number = number
        self.lost = lost
        self.lasting = False

    def writable(self) -> bool:
        """Always true."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.lost is None and os.isatty(self._number)

    def write(self, data: object) -> int:
        """Write all of `data`, or discard it."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]  # io has no type for buffers
        size = len(view)
        while view and self.lost is None:
            try:
                view = view[os.write(self._number, view) :]
            except BlockingIOError:  # the other end made the descriptor non-blocking
                select.select([], [self._number], [])
            except OSError as error:
                if error.errno == errno.EPIPE and not self.lasting:
                    os._exit(128 + signal.SIGPIPE)  # not an exception: any thread may be here
                self.lost = error
        return size


def open_outlets() -> None:
    """Open descriptors 0 to 2 if closed, and make the standard streams safe. Call it once."""
    if isinstance(_outlet(sys.stdout), Outlet):
        return
    streams = (sys.stdin, sys.stdout, sys.stderr)
    for number in range(len(streams)):
        try:
            os.fstat(number)
        except OSError:  # otherwise the next opened file, such as a lock, gets this number
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)
    atexit.register(_report_loss)


def keep_running_unread() -> None:
    """From now on, continue although the reader is gone, and write every line immediately."""
    for stream in (sys.stdout, sys.stderr):
        outlet = _outlet(stream)
        if outlet is not None:
            outlet.lasting = True
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # `_stream` made it


def _stream(number: int, given: TextIO | None) -> io.TextIOWrapper:
    outlet = Outlet(number, _CLOSED if given is None else None)
    unbuffered = getattr(given, "write_through", False)  # python -u
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=given.encoding if given else "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or unbuffered or outlet.isatty(),
    )


def _outlet(stream: TextIO | None) -> Outlet | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Outlet) else None


def _report_loss() -> None:
    """At exit, report incomplete output as an error of the command."""
    with _quiet():
        sys.stdout.flush()
    outlet = _outlet(sys.stdout)
    if outlet is None or outlet.lost in {None, _CLOSED} or outlet.lost.errno == errno.EPIPE:
        return
    from buildlib.cli.terminal import print_error
    from buildlib.model.errors import StoreError

    print_error(
        StoreError(
            "the output is incomplete",
            where="standard output",
            why=outlet.lost.strerror,
            hint="redirect it elsewhere; everything else is done",
            reason="output",
        )
    )
    with _quiet():
        sys.stderr.flush()
    os._exit(3)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.suppress(OSError, ValueError):
        yield
