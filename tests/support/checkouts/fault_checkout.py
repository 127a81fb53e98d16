"""A copy of the project for fault injection, and runs of doit in it as by a user."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildlib.model.digest import sha256
from support.checkouts.scratch import lay_out, surroundings

PATIENCE = 240.0  # seconds; only a hanging run takes so long
ISO = "mini-dom0.iso"
MOTD = "recipes/domu/pkgrepo/overlay/etc/motd"  # the text that an edit changes


@dataclass(frozen=True)
class Ended:
    """A finished run: exit status (or minus the signal), its output, its events."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Events of a run with progress=json, without an incomplete last line."""
        return [
            json.loads(line)
            for line in self.out.splitlines(keepends=True)
            if line.startswith("{") and line.endswith("}\n")
        ]

    def stages(self, outcome: str = "built") -> list[str]:
        """Stages and products with this outcome."""
        return [
            event["stage"]
            for event in self.events
            if event["event"] == "finished" and event["outcome"] == outcome
        ]

    @property
    def error(self) -> dict[str, Any]:
        """The first error."""
        return next(event for event in self.events if event["event"] == "error")

    def good(self) -> Ended:
        """Assert success and return the run."""
        assert self.status == 0, self.report()
        return self

    def report(self) -> str:
        """Everything known about the run, for a failing test."""
        lines = [line for line in self.out.splitlines() if '"event": "progress"' not in line]
        return "\n".join([f"status {self.status}", "--- out", *lines, "--- err", self.err])

    def assert_clear(self, *words: str) -> Ended:
        """Assert that it failed with an error that contains `words`, and without a traceback."""
        assert self.status not in {0, -signal.SIGKILL}, self.report()
        printed = self.out + self.err
        assert "Traceback" not in printed, self.report()
        assert "internal error" not in printed, self.report()
        for word in words:
            assert word in printed, f"{word!r} is missing\n{self.report()}"
        return self


class Attempt:
    """A run in progress."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self.pid = process.pid
        self._out = out
        self._err = err

    @property
    def out(self) -> str:
        """Its output so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Its standard error so far."""
        return self._err.read_text()

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal to doit alone, or to its process group."""
        if self.process.poll() is None:
            if group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def handles(self, number: int) -> bool:
        """Whether the process has a handler for a signal."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return False
        caught = next((line for line in status.splitlines() if line.startswith("SigCgt")), "x 0")
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    def wait(self) -> Ended:
        """Wait for its end."""
        status = self.process.wait(PATIENCE)
        return Ended(status, self._out.read_text(), self._err.read_text())


class Victim:
    """The project in `folder`. Every command line is prefixed with `wrap`, such as a namespace.

    `runs` is the folder for the output of its runs, by default beside the checkout.
    """

    def __init__(self, folder: Path, *, wrap: Sequence[str] = (), runs: Path | None = None) -> None:
        self.folder = folder
        self.wrap = tuple(wrap)
        self._runs = runs or folder.with_name(f"{folder.name}-runs")
        self._runs.mkdir(exist_ok=True)
        self._count = 0

    @classmethod
    def fresh(cls, folder: Path) -> Victim:
        """A checkout in which nothing was built."""
        lay_out(folder)
        return cls(folder)

    def copy(self, folder: Path, *, wrap: Sequence[str] = ()) -> Victim:
        """Another checkout, with the same store and products."""
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["cp", "-a", self.folder, folder], check=True)
        return Victim(folder, wrap=wrap)

    # its files

    @property
    def dist(self) -> Path:
        """The folder of products."""
        return self.folder / "dist"

    @property
    def store(self) -> Path:
        """The store."""
        return self.folder / "build" / "store"

    def iso(self) -> str:
        """SHA-256 of the CD."""
        return sha256((self.dist / ISO).read_bytes())

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change a text file of the checkout by replacing it, as editors do."""
        path = self.folder / name
        text = change(path.read_text())
        scratch = path.with_name(f"{path.name}~")
        scratch.write_text(text)
        scratch.replace(path)

    def append(self, name: str, text: str) -> None:
        """Add to a text file."""
        self.edit(name, lambda before: before + text)

    # its runs

    def start(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        wrap: Sequence[str] = (),
        out: int | None = None,
    ) -> Attempt:
        """Start `doit WORDS` in a new process group; `out` is its standard output."""
        self._count += 1
        out_path, err = (self._runs / f"{self._count}.{name}" for name in ("out", "err"))
        with out_path.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [*self.wrap, *wrap, sys.executable, "-m", "doit", *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stderr=err_file,
                stdout=out_file if out is None else out,
                env=surroundings(environment),
                start_new_session=True,
            )
        return Attempt(process, out_path, err)

    def run(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        wrap: Sequence[str] = (),
    ) -> Ended:
        """Run `doit WORDS` to its end."""
        return self.start(*words, environment=environment, wrap=wrap).wait()

    def build(self, *words: str) -> Ended:
        """Run `doit iso` with its events, which must succeed."""
        return self.run("iso", "progress=json", *words).good()

    def processes(self) -> dict[int, str]:
        """Processes that work in the checkout, by folder, arguments or an open file."""
        return works_in(self.folder)


def works_in(folder: Path) -> dict[int, str]:
    """Processes that work in `folder`, by folder or an open file, with their arguments."""
    return {pid: words for pid, words in _all_processes() if _works_in(pid, str(folder))}


def wait_until(
    condition: Callable[[], object],
    what: str,
    report: Callable[[], object] = str,
) -> None:
    """Poll a condition. Fails the test with `report()` if it does not become true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}\n{report()}"
        time.sleep(0.01)


def _all_processes() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            try:
                words = (path / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if words:  # a zombie has no files
                yield int(path.name), words.replace("\0", " ").strip()


def _works_in(pid: int, folder: str) -> bool:
    base = Path(f"/proc/{pid}")
    try:
        links = [base / "cwd", *(base / "fd").iterdir()]
    except OSError:
        return False
    for link in links:
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target == folder or target.startswith(f"{folder}/"):
            return True
    return False
