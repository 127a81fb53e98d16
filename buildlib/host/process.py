"""Running tools. Processes are started only here.

A tool gets exactly the given environment, its own session, no standard input, umask 022 and the
run's lock; its output goes to a log line by line. When a tool ends, its background processes are
ended too; when a run ends early, so do all its tools.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn, TypeAlias

from buildlib.host.environment import TOOL_ENVIRONMENT, caller_environment, proxies
from buildlib.model.errors import Interrupted, ToolError
from buildlib.model.urls import without_passwords

Line: TypeAlias = Callable[[str], None]
Watch: TypeAlias = Callable[[int], AbstractContextManager[None]]

TAIL_LINES = 12
GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.2
_START_HINTS = {  # errors whose remedy differs from that for reading or writing a file
    errno.EACCES: "make it executable (chmod +x); if its file system is mounted noexec, choose "
    "another one with build=FOLDER",
    errno.ENOENT: "install it, or the interpreter that its first line names",
    errno.ENOEXEC: "it is not a program for this machine; reinstall it",
    errno.E2BIG: "make paths shorter: move the checkout, or choose build=FOLDER",
}
_CHUNK = 1 << 16


class Runner:
    """Starts and ends tools. Methods may be called from several threads.

    inherit  returns a descriptor that every tool inherits (the store's lock), or -1
    """

    def __init__(self, inherit: Callable[[], int] = lambda: -1) -> None:
        self._inherit = inherit
        self._lock = threading.RLock()  # a signal handler may call `stop` on the thread in `start`
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopping = False

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
        on_line: Line | None = None,
        pipe: Sequence[int] = (),
        watch: Watch | None = None,
        fetches: bool = False,
    ) -> None:
        """Run `argv` in `cwd` until it exits; append its output to `log`.

        The tool's environment is TOOL_ENVIRONMENT, `environment` and, if it `fetches` something,
        the caller's proxies. `on_line` gets every line of output. `pipe` are descriptors that
        the tool inherits. The context `watch(process)` is active while the tool runs; the tool
        leads a session of its own.
        Raises ToolError, with the last lines and a command to paste, if the exit status is not 0.
        """
        words = [str(word) for word in argv]
        full = TOOL_ENVIRONMENT | dict(environment or {})
        through = proxies() if fetches else {}
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        process = self.start(words, cwd=cwd, environment=full | _passed_on(through), pipe=pipe)
        try:
            with log.open("ab") as file, watch(process.pid) if watch else nullcontext():
                for line in map(_without_secrets, _lines(process)):
                    file.write(line)
                    text = line.decode(errors="replace").rstrip()
                    tail.append(text)
                    if on_line:
                        on_line(text)
            status = process.wait()
        finally:
            self.end(process)
        if self._stopping:
            raise Interrupted("stopped", reason="interrupted")
        if status != 0:
            raise ToolError(
                f"{Path(words[0]).name} {_ending(status)}",
                log=log,
                tail=tuple(tail),
                command=replay(words, cwd=cwd, environment=full, through=through),
            )

    def output(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        fetches: bool = False,
    ) -> str:
        """The output of a short query; `environment` and `fetches` as in `run`.

        Raises ToolError if the exit status is not 0.
        """
        full = TOOL_ENVIRONMENT | dict(environment or {})
        through = proxies() if fetches else {}
        process = self.start(argv, cwd=Path("/"), environment=full | _passed_on(through))
        try:
            text = b"".join(_pieces(process)).decode(errors="replace")
            status = process.wait()
        finally:
            self.end(process)
        if status != 0:
            raise ToolError(
                f"{argv[0]} {_ending(status)}",
                tail=tuple(text.splitlines()[-TAIL_LINES:]),
                command=replay(argv, cwd=Path("/"), environment=full, through=through),
            )
        return text

    def answer(self, argv: Sequence[str]) -> str | None:
        """The output of a program, or None if it is missing or its exit status is not 0.

        Raises ToolError if the system cannot start it for another reason.
        """
        try:
            return self.output(argv)
        except ToolError as error:
            refused = error.reason == "tool-start"
            if refused and not isinstance(error.__cause__, FileNotFoundError):
                error.where = shlex.join(argv)
                raise
            return None

    def start(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        pipe: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a tool. The caller reads its output from `stdout` and passes it to `end` last."""
        inherit = [*pipe, *(end for end in (self._inherit(),) if end >= 0)]
        with self._lock:
            if self.stopped():
                raise Interrupted("stopped", reason="interrupted")
            try:
                process = subprocess.Popen(
                    words,
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o022,
                    pass_fds=inherit,
                )
            except OSError as error:
                raise ToolError(
                    f"{words[0]} cannot be started",
                    why=str(error),
                    reason="tool-start",
                    hint=_START_HINTS.get(error.errno or 0),
                ) from error
            self._running.add(process)
            if self.stopped():  # a signal arrived meanwhile; `stop` did not see the process
                self.end(process)
                raise Interrupted("stopped", reason="interrupted")
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a tool and everything it started, if they still run."""
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
        _signal(process, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        with self._lock:
            self._running.discard(process)

    def stopped(self) -> bool:
        """Whether the run is being ended; a tool's failure then means nothing."""
        return self._stopping

    def stop(self) -> None:
        """End all running tools, and start no more."""
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGTERM)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
            _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal the tool's whole process group; it may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """The tool's output as it arrives, until the tool has ended.

    The end of the pipe is not awaited, because a background process of the tool may hold it open.
    Such processes are killed, then the rest of the pipe is read.
    """
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    ended = False
    while True:
        if poll.poll(0 if ended else _POLL_SECONDS * 1000):
            if not (piece := os.read(pipe, _CHUNK)):
                return
            yield piece
        elif ended:
            return
        elif process.poll() is not None:
            _signal(process, signal.SIGKILL)
            ended = True


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """The tool's output, line by line."""
    rest = b""
    for piece in _pieces(process):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def _passed_on(through: Mapping[str, str]) -> dict[str, str]:
    """Values of the caller's variables, by the names under which a tool gets them."""
    values = caller_environment(*through.values())
    return {name: values[source] for name, source in through.items()}


def _without_secrets(line: bytes) -> bytes:
    """A line of output without passwords in URLs, such as the proxy's."""
    if b"@" not in line or b"://" not in line:
        return line
    return without_passwords(line.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def _ending(status: int) -> str:
    if status < 0:
        known = {number.value: number.name for number in signal.Signals}
        return f"was ended by {known.get(-status, f'signal {-status}')}"
    return f"failed with exit status {status}"


def replay(
    words: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    through: Mapping[str, str] | None = None,
) -> str:
    """A shell command that runs the tool again in the same way.

    through  the tool's variables to the caller's variables; the command refers to the latter by
             name, so it does not show their values
    """
    settings = [shlex.quote(f"{key}={value}") for key, value in sorted(environment.items())]
    settings += [f'{name}="${source}"' for name, source in (through or {}).items()]
    return f"cd {shlex.quote(str(cwd))} && env -i {' '.join(settings)} {shlex.join(words)}"


def reexec(*options: str) -> NoReturn:
    """Replace this process by a new run of the program, with additional Python options."""
    words = [sys.executable, *options, *sys.orig_argv[1:]]
    os.execv(sys.executable, words)  # noqa: S606  no shell is involved
