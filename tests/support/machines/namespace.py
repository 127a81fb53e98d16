"""A mount namespace: private file systems for a test, without being root."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path


class NamespaceRefused(Exception):  # noqa: N818  the host may do so
    """The host does not allow this user to create a namespace."""


def unshare(*kinds: str) -> list[str]:
    """Prefix that runs a command in new namespaces: `unshare("--mount")`. A user other than root
    gets them in a user namespace, whose only user is root.
    """
    return ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), *kinds]


class Namespace:
    """It exists as long as one of its processes; all its mounts disappear with it. At the end all
    processes in it are ended, because a background process would keep the mounts.

    Use it as a context manager. Prefix a command line with `wrap` to run it inside, in `folder`.
    """

    def __init__(self, folder: Path) -> None:
        begin = unshare("--mount", "--propagation=private")
        self._process = subprocess.Popen(
            [
                *begin,
                "sh",
                "-c",
                "echo ready; exec sleep 100000",
            ],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.__exit__()
            raise NamespaceRefused
        enter = ["--user", "--preserve-credentials"] if "--map-root-user" in begin else []
        pid = self._process.pid
        self._mounted: set[Path] = set()
        self.wrap = ["nsenter", f"--target={pid}", "--mount", *enter, "env", "-C", str(folder)]

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        while inside := processes_with(self._process.pid):
            for pid in inside:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def run(self, *words: str | Path) -> str:
        """Run a command inside. It must succeed. Return its output."""
        return subprocess.run(
            [*self.wrap, *words], check=True, capture_output=True, text=True
        ).stdout

    def tmpfs(self, folder: Path, options: str) -> None:
        """Mount a new tmpfs on `folder`, or change the limits of an existing one."""
        if folder in self._mounted:
            # naming the source leaves out options that mount shows but that cannot be given here
            self.run("mount", "-o", f"remount,{options}", "tmpfs", folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)
            self._mounted.add(folder)

    def inside(self, path: Path) -> Path:
        """The path outside of a `path` in the namespace."""
        return Path(f"/proc/{self._process.pid}/root{path}")


def processes_with(pid: int) -> list[int]:
    """Other processes in a process's mount namespace; none if it is the host's namespace."""
    name = _mounts_of(pid)
    if name in {None, _mounts_of(os.getpid())}:
        return []
    others = {int(other) for other in os.listdir("/proc") if other.isdigit()} - {pid}
    return [other for other in others if _mounts_of(other) == name]


def _mounts_of(pid: int) -> str | None:
    """The name of a process's mount namespace, or None if it has ended or is another user's."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return None
