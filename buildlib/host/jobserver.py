"""The job server, which limits parallel work: one slot per processor for stages and compilers.

A stage holds one slot while it runs. A stage that runs make(1) gets more slots through a pipe:
NetBSD's make takes a token from the pipe for each job beyond its first and puts it back when the
job has ended (`-J`, job.c of usr.bin/make). Every make has a pipe of its own, so the others are not
affected by one that fails and poisons its pipe, as make does, or is killed while it holds tokens.
A thread moves unused tokens to where they are needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TOKEN = b"+"
_LOOK_SECONDS = 0.05


@dataclass(eq=False)
class TokenPipe:
    """The pipe from which one make takes its tokens.

    granted  tokens that are in the pipe or taken by make
    idle     tokens that were already in the pipe in the last round
    """

    read: int = -1
    write: int = -1
    granted: int = 0
    idle: int = field(default=0, repr=False)

    def waiting(self) -> int:
        """Tokens in the pipe."""
        (count,) = struct.unpack("i", fcntl.ioctl(self.read, termios.FIONREAD, b"\0" * 4))
        return int(count)

    def put(self, count: int) -> None:
        """Give make `count` more tokens."""
        self.granted += os.write(self.write, TOKEN * count)

    def take(self, count: int) -> int:
        """Take back up to `count` tokens that make has not taken. Return their number."""
        try:
            tokens = os.read(self.read, count)
        except BlockingIOError:
            return 0
        if tokens.strip(TOKEN):  # poisoned by a failure: leave it poisoned
            with contextlib.suppress(BlockingIOError):
                os.write(self.write, tokens)
            return 0
        self.granted -= len(tokens)
        return len(tokens)


class Slots:
    """`count` slots. Methods may be called from several threads."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._waiting = 0
        self._shares: list[TokenPipe] = []
        self._changed = threading.Condition()
        self._mover: threading.Thread | None = None

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one slot; wait until one is free."""
        with self._changed:
            self._waiting += 1
            try:
                while not self._free:
                    self._changed.wait()
                self._free -= 1
            finally:
                self._waiting -= 1
        try:
            yield
        finally:
            self._give_back(1)

    @contextmanager
    def share(self) -> Iterator[TokenPipe]:
        """A token pipe for a make, whose first job uses the slot of its stage."""
        share = TokenPipe(*os.pipe())
        for end in (share.read, share.write):
            os.set_blocking(end, False)  # make expects it
        with self._changed:
            self._shares.append(share)
            self._balance()
            if self._mover is None:
                self._mover = threading.Thread(target=self._move, daemon=True)
                self._mover.start()
        try:
            yield share
        finally:
            with self._changed:
                self._shares.remove(share)
            os.close(share.read)
            os.close(share.write)
            self._give_back(share.granted)

    def _give_back(self, count: int) -> None:
        with self._changed:
            self._free += count
            self._balance()
            self._changed.notify_all()

    def _move(self) -> None:
        """Balance the shares while there are any."""
        while True:
            with self._changed:
                if not self._shares:
                    self._mover = None
                    return
                self._balance()
                self._changed.wait(_LOOK_SECONDS)

    def _balance(self) -> None:
        """Collect unused tokens if something waits for them, and hand out free ones."""
        unused = {share: share.waiting() for share in self._shares}
        wanted = self._waiting + sum(not count for count in unused.values()) - self._free
        for share, count in unused.items():
            # a waiting stage cannot run at all, while a make continues with the tokens it has
            spare = count if self._waiting else min(count, share.idle)
            if wanted > 0 and spare:
                taken = share.take(min(spare, wanted))
                self._free += taken
                wanted -= taken
        if self._waiting and self._free:
            self._changed.notify_all()
        for share in self._shares:
            share.idle = share.waiting()
        while self._shares and self._free > self._waiting:
            share = min(self._shares, key=lambda share: (share.waiting(), unused[share]))
            share.put(1)
            self._free -= 1
