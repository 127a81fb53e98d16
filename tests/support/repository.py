"""A Subversion repository of a test's own, served by svnserve on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

SECONDS = 10


def svn(*words: str | Path) -> str:
    """What Subversion's client prints. It must succeed."""
    done = subprocess.run(["svn", "--non-interactive", *map(str, words)], capture_output=True,
                          text=True, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent",
                                          "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


class Repository:
    """A repository with the content of a folder as revision 1. Use it as a context manager."""

    def __init__(self, folder: Path, content: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder / "repository"
        self.work = folder / "work"
        subprocess.run(["svnadmin", "create", self.folder], check=True)
        (self.folder / "conf/svnserve.conf").write_text("[general]\nanon-access = write\n")
        svn("import", "-q", "-m", "begin", content, f"file://{self.folder}")
        self._pid_file = folder / "pid"
        self.port = 0
        self.start()
        svn("checkout", "-q", self.url, self.work)

    @property
    def url(self) -> str:
        """Of its root."""
        return f"svn://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve it, at the same port as before, if there was one."""
        for port in [self.port] if self.port else range(39000 + os.getpid() % 2000, 45000):
            self._pid_file.unlink(missing_ok=True)
            done = subprocess.run(
                ["svnserve", "-d", "--listen-host", "127.0.0.1", "--listen-port", str(port),
                 "-r", self.folder, "--pid-file", self._pid_file, "-T"],
                capture_output=True)
            if done.returncode == 0:
                self.port = port
                self._wait()
                return
        raise AssertionError("no port is free")

    def _wait(self) -> None:
        limit = time.monotonic() + SECONDS
        while not self._pid_file.exists() or not self._pid_file.read_text().strip():
            assert time.monotonic() < limit
            time.sleep(0.01)

    def stop(self) -> None:
        """The server is lost."""
        os.kill(int(self._pid_file.read_text()), signal.SIGKILL)

    def commit(self, changes: dict[str, str | None]) -> int:
        """Write files (None: remove) and commit; the new revision."""
        svn("update", "-q", self.work)
        for name, text in changes.items():
            path = self.work / name
            if text is None:
                svn("rm", "-q", path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        svn("add", "-q", "--force", self.work)
        svn("commit", "-q", "-m", "change", self.work)
        svn("update", "-q", self.work)
        return int(svn("info", "--show-item", "revision", "--no-newline", self.work))

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
