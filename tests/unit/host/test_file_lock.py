"""One writer per store: waiting for a living run, and ending the tools of a dead one."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.waiting import is_gone, until

from buildlib.host import file_lock
from buildlib.host.file_lock import RunLock
from buildlib.model.errors import StoreError

# A run that takes the lock, prints so, may start a tool that holds it too, and ends on request.
RUN = """
import sys
from pathlib import Path
from buildlib.host.file_lock import RunLock
from buildlib.host.process import Runner
lock = RunLock(Path(sys.argv[1]))
lock.acquire(waiting=lambda text: print("waits", flush=True))
tool = ["sh", "-c", "sleep 60 & echo $!; wait"]
if sys.argv[2:] == ["tool"]:
    started = Runner(lambda: lock.descriptor).start(tool, cwd=Path("/"), environment={})
    print(started.pid, started.stdout.readline().decode().strip(), flush=True)
else:
    print("holds", flush=True)
sys.stdin.read()
lock.release()
"""


class Run:
    """Another run, in its own process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(folder), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def let_go(self) -> None:
        """Let it finish."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> int:
        """Let it finish, and wait for that."""
        self.let_go()
        assert self.process.stdout is not None
        with self.process.stdout as rest:
            rest.read()
        return self.process.wait(20)

    def kill(self) -> None:
        self.process.kill()
        self.end()


def test_a_lock_is_held_and_given_back(tmp_path: Path) -> None:
    own = RunLock(tmp_path / "store")
    own.acquire(waiting=pytest.fail)
    assert (tmp_path / "store/lock").read_text() == f"{os.getpid()}\n"
    assert own.descriptor >= 0
    own.release()
    assert own.descriptor == -1
    own.release()
    own.acquire(waiting=pytest.fail)
    own.release()


def test_tools_inherit_the_lock_only_when_they_are_given_it(tmp_path: Path) -> None:
    own = RunLock(tmp_path)
    own.acquire(waiting=pytest.fail)
    assert not os.get_inheritable(own.descriptor)
    own.release()


@pytest.mark.programs
def test_a_second_run_waits_for_a_living_one(tmp_path: Path) -> None:
    first = Run(tmp_path)
    assert first.says() == "holds"
    told: list[str] = []
    own = RunLock(tmp_path)
    thread = threading.Thread(target=own.acquire, kwargs={"waiting": told.append})
    thread.start()
    until(lambda: bool(told))
    thread.join(3 * file_lock._POLL_SECONDS)
    assert thread.is_alive()
    assert first.process.poll() is None
    assert first.end() == 0
    thread.join(10)
    assert told == [f"another run (process {first.pid}) is using the store; waiting for it"]
    assert own.descriptor >= 0
    own.release()


@pytest.mark.programs
def test_a_killed_run_without_tools_leaves_no_lock(tmp_path: Path) -> None:
    first = Run(tmp_path)
    assert first.says() == "holds"
    first.kill()
    own = RunLock(tmp_path)
    own.acquire(waiting=pytest.fail)
    own.release()


@pytest.mark.programs
def test_the_tools_of_a_killed_run_are_ended_first(tmp_path: Path) -> None:
    """Other waiting runs are left alone although they have the lock file open."""
    first = Run(tmp_path, "tool")
    tools = [int(word) for word in first.says().split()]
    assert len(tools) == 2
    os.kill(first.pid, signal.SIGKILL)
    first.process.wait()
    assert not any(map(is_gone, tools))
    others = [Run(tmp_path) for _ in range(2)]
    until(lambda: all(map(is_gone, tools)))
    for other in others:
        other.let_go()
    assert [other.end() for other in others] == [0, 0]
    first.end()


def test_a_lock_that_cannot_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(fcntl, "flock", fails)
    with pytest.raises(StoreError) as caught:
        RunLock(tmp_path).acquire(waiting=pytest.fail)
    assert (caught.value.reason, caught.value.where) == ("lock", str(tmp_path / "lock"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_waiting_can_be_interrupted(tmp_path: Path) -> None:
    holder = RunLock(tmp_path)
    holder.acquire(waiting=pytest.fail)
    before = len(os.listdir("/proc/self/fd"))

    def interrupt(_text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunLock(tmp_path).acquire(waiting=interrupt)
    assert len(os.listdir("/proc/self/fd")) == before
    holder.release()


@pytest.mark.programs
def test_tools_that_cannot_be_killed_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = RunLock(tmp_path)
    holder.acquire(waiting=pytest.fail)
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / "lock").write_text(f"{dead.pid}\n")
    monkeypatch.setattr(file_lock, "_holders", lambda _path: iter(()))

    def told(text: str) -> None:
        assert "cannot be killed" in text
        holder.release()

    second = RunLock(tmp_path)
    second.acquire(waiting=told)
    second.release()


@pytest.mark.parametrize("error", [FileNotFoundError, ProcessLookupError])
def test_a_process_may_vanish_while_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def fails(_path: Path) -> bytes:
        raise error

    assert file_lock._alive(os.getpid())
    monkeypatch.setattr(Path, "read_bytes", fails)
    assert not file_lock._alive(os.getpid())


@pytest.mark.programs
def test_a_run_that_has_not_signed_yet_is_left_alone(tmp_path: Path) -> None:
    """The pid in the lock file may be that of a dead run; the kernel knows who took the lock."""
    first = Run(tmp_path)
    assert first.says() == "holds"
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / "lock").write_text(f"{dead.pid}\n")
    told: list[str] = []
    second = RunLock(tmp_path)
    thread = threading.Thread(target=second.acquire, kwargs={"waiting": told.append})
    thread.start()
    thread.join(4 * file_lock._POLL_SECONDS)
    assert thread.is_alive()
    assert first.process.poll() is None
    assert first.end() == 0
    thread.join(10)
    assert second.descriptor >= 0
    second.release()


@pytest.mark.programs
def test_tools_that_left_their_group_can_be_ended(tmp_path: Path) -> None:
    """Tools hold the lock while they live; processes that only have its file open do not."""
    own = RunLock(tmp_path)
    own.end_tools()  # nothing is held
    own.acquire(waiting=pytest.fail)
    tool = subprocess.Popen(["sleep", "60"], pass_fds=(own.descriptor,), start_new_session=True)
    with (tmp_path / "lock").open() as file:
        bystander = subprocess.Popen(["sleep", "60"], pass_fds=(file.fileno(),))
    own.end_tools()
    assert tool.wait(10) == -signal.SIGKILL
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    own.release()


@pytest.mark.parametrize("kind", ["folder", "fifo", "dangling"])
def test_something_else_in_place_of_the_lock(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "lock"
    if kind == "folder":
        (place / "below").mkdir(parents=True)
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(tmp_path / "missing" / "lock")
    held = RunLock(tmp_path)
    held.acquire(waiting=pytest.fail)
    held.release()
    assert place.is_file()
