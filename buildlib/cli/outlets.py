"""Standard output and standard error, whatever the caller has left of them.

What is printed never ends a program in its middle. A letter that the terminal's encoding does not
have is shown as an escape. Where nobody reads any more (`doit list | head -1`) a command that only
tells ends at once, as programs do whose pipe is closed; one that makes something goes on, in
silence. Any other error, a full disk say, is told in one line when the program ends.
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

    lost     the first error; what is written after it leads nowhere
    lasting  whether the program goes on where the reader is gone
    """

    def __init__(self, number: int, lost: OSError | None = None) -> None:
        super().__init__()
        self._number = number
        self.lost = lost
        self.lasting = False

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.lost is None and os.isatty(self._number)

    def write(self, data: object) -> int:
        """Write all of `data`, or lose it."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]  # io has no type for buffers
        size = len(view)
        while view and self.lost is None:
            try:
                view = view[os.write(self._number, view):]
            except BlockingIOError:  # whoever has the other end asked for it
                select.select([], [self._number], [])
            except OSError as error:
                if error.errno == errno.EPIPE and not self.lasting:
                    os._exit(128 + signal.SIGPIPE)  # not by an exception: any thread may be here
                self.lost = error
        return size


def open_outlets() -> None:
    """Have three open descriptors, and standard streams that never fail. To be called once."""
    if isinstance(_outlet(sys.stdout), Outlet):
        return
    streams = (sys.stdin, sys.stdout, sys.stderr)
    for number in range(len(streams)):
        try:
            os.fstat(number)
        except OSError:  # else the next file that is opened, the store's lock say, would be this
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)
    atexit.register(_tell_what_was_lost)


def go_on_unheard() -> None:
    """What is done from here on is worth doing though nobody looks; who looks sees each line."""
    for stream in (sys.stdout, sys.stderr):
        outlet = _outlet(stream)
        if outlet is not None:
            outlet.lasting = True
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # `_stream` made it


def _stream(number: int, given: TextIO | None) -> io.TextIOWrapper:
    outlet = Outlet(number, _CLOSED if given is None else None)
    unbuffered = getattr(given, "write_through", False)  # python -u
    return io.TextIOWrapper(
        io.BufferedWriter(outlet), encoding=given.encoding if given else "utf-8",
        errors="backslashreplace", line_buffering=number == 2 or unbuffered or outlet.isatty())


def _outlet(stream: TextIO | None) -> Outlet | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Outlet) else None


def _tell_what_was_lost() -> None:
    """At the program's end: that its output is not whole is an error of the command."""
    with _quiet():
        sys.stdout.flush()
    outlet = _outlet(sys.stdout)
    if outlet is None or outlet.lost in {None, _CLOSED} or outlet.lost.errno == errno.EPIPE:
        return
    from buildlib.cli.terminal import print_error
    from buildlib.model.errors import StoreError

    print_error(StoreError(
        "what was to be told cannot be written", where="standard output",
        why=outlet.lost.strerror, hint="send it elsewhere; all else has been done",
        reason="output"))
    with _quiet():
        sys.stderr.flush()
    os._exit(3)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.suppress(OSError, ValueError):
        yield
