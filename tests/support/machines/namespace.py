"""A mount namespace: file systems of a test's own, without being root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class NamespaceRefused(Exception):  # noqa: N818  the host may do so
    """The host does not let this user have one."""


class Namespace:
    """Lives while one process of it does; with it every mount in it goes.

    Use it as a context manager. `wrap` is put before a command line to run it inside, in `folder`.
    """

    def __init__(self, folder: Path) -> None:
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--propagation=private", *user,
             "sh", "-c", "echo ready; exec sleep 100000"],
            stdout=subprocess.PIPE, start_new_session=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.__exit__()
            raise NamespaceRefused
        enter = ["--user", "--preserve-credentials"] if user else []
        pid = self._process.pid
        self._mounted: set[Path] = set()
        self.wrap = ["nsenter", f"--target={pid}", "--mount", *enter, "env", "-C", str(folder)]

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def run(self, *words: str | Path) -> str:
        """What a command inside prints. It must succeed."""
        return subprocess.run([*self.wrap, *words], check=True, capture_output=True,
                              text=True).stdout

    def tmpfs(self, folder: Path, options: str) -> None:
        """Mount a new tmpfs on `folder`, or change the limits of one that is there."""
        if folder in self._mounted:
            self.run("mount", "-o", f"remount,{options}", folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)
            self._mounted.add(folder)

    def inside(self, path: Path) -> Path:
        """How `path` in the namespace is called outside."""
        return Path(f"/proc/{self._process.pid}/root{path}")
