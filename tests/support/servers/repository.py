"""A Subversion repository for a test, served by svnserve on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

SECONDS = 120


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def svn(*words: str | Path) -> str:
    """Run Subversion's client. It must succeed. Return its output."""
    done = subprocess.run(
        ["svn", "--non-interactive", *map(str, words)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
    )
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
        self.port = 0
        self._server: subprocess.Popen[bytes] | None = None
        self.start()
        svn("checkout", "-q", self.url, self.work)

    @property
    def url(self) -> str:
        """URL of its root."""
        return f"svn://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Pid of the server."""
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        """Serve it, at the same port as before if it was served."""
        limit = time.monotonic() + SECONDS
        while not self._try(self.port or _free_port()):
            assert time.monotonic() < limit, "svnserve does not start"

    def _try(self, port: int) -> bool:
        self._server = subprocess.Popen(
            [
                "svnserve",
                "-d",
                "--foreground",
                "-T",
                "--listen-host",
                "127.0.0.1",
                "--listen-port",
                str(port),
                "-r",
                self.folder,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.port = port
        while self._server.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                    return connection.recv(1) == b"("
            except OSError:
                time.sleep(0.01)
        self._server.wait()
        return False

    def stop(self) -> None:
        """Stop the server."""
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def commit(self, changes: dict[str, str | None]) -> int:
        """Write files (None: remove) and commit. Return the new revision."""
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
