"""Power cuts: a run is stopped, and data that it has not synced may be lost.

The state of a disk after a cut, for file systems that keep the order of name changes (a journal):
it has the first of the name changes since the last sync; a file that was not synced has its whole
content, or zeros, or less, with or without its size and times.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from support.checkouts.fault_checkout import Ended, Victim
from support.faults.kill_stress import Disturber, Products, Variant, products

Step: TypeAlias = dict[str, Any]
_SHIM = Path(__file__).with_name("powercut")
_PLACES = ("build", "dist")
_FIRST, _LAST, _LATE = 8, 8, 0.3  # some cuts come when nearly everything is done
_LOOKED_AT = 0.2  # of the repairing runs, how many are followed by one without work


class PowerCuts:
    """Cuts in one checkout. `known` are the correct products of every variant."""

    def __init__(self, victim: Victim, known: Mapping[Variant, Products], seed: int) -> None:
        self.victim = victim
        self.random = random.Random(seed)
        self.cuts = self.lost = self.announced = self.damaged = 0
        self._known = known
        self._disturber = Disturber(victim, self.random)
        self._boot = 0
        self._totals: dict[str, int] = {}  # number of steps of a run, by the kind of its work
        self._journal = victim.folder.with_name("journal")
        self._graves = victim.folder.with_name("graves")

    def cut(self) -> None:
        """One run with a power cut, unless it has ended before; then an undisturbed one."""
        work = self._disturber.disturb(1)
        synced, total = self._inodes(), max(_FIRST + _LAST, self._totals.get(work, 100))
        at = self.random.randint(_FIRST, total)
        if self.random.random() < _LATE:
            at = total - self.random.randrange(_LAST)
        ended = self._run(at=at)
        steps = self._read_journal()
        self._totals[work] = len(steps) if ended.status == 0 else max(total, at + 10)
        if ended.status == -signal.SIGKILL:
            self.cuts += 1
            for pid in self.victim.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._lose_names(steps)
            self._lose_contents(synced, steps)
            self._boot += 1
            self._check(ended)
        ended = self._run(at=0)
        assert ended.status == 0, ended.report()
        assert products(self.victim.dist) == self._known[self._disturber.variant], ended.report()
        if self.random.random() < _LOOKED_AT:
            again = self._run(at=0)
            assert again.out == "", again.report()
            if ended.stages():  # otherwise nothing was started, and leftovers do no harm
                assert not list((self.victim.store / "tmp").iterdir())

    def _run(self, *, at: int) -> Ended:
        for place in (self._journal, self._graves):
            shutil.rmtree(place, ignore_errors=True)
            place.unlink(missing_ok=True)
        self._graves.mkdir()
        return self.victim.run(
            "iso",
            "progress=json",
            environment={
                "PYTHONPATH": f"{_SHIM}:{self.victim.folder}",
                "CUT_JOURNAL": str(self._journal),
                "CUT_GRAVES": str(self._graves),
                "CUT_BOOT": f"boot {self._boot}",
                "CUT_AT": str(at),
            },
        )

    def _read_journal(self) -> list[Step]:
        if not self._journal.exists():
            return []
        return [json.loads(line) for line in self._journal.read_text().splitlines()]

    # lost data

    def _files(self) -> list[Path]:
        return [
            path
            for place in _PLACES
            for path in (self.victim.folder / place).rglob("*")
            if path.is_file() and not path.is_symlink()
        ]

    def _inodes(self) -> set[int]:
        return {path.stat().st_ino for path in self._files()}

    def _lose_names(self, steps: list[Step]) -> None:
        """Undo name changes that were not synced: all after one point, or after one point for each
        folder.
        """
        each = self.random.random() < 0.5
        by_folder: dict[str, list[Step]] = {}
        for step in steps:
            if step["do"] == "syncfs":
                by_folder.clear()
            elif step["do"] == "fsync":
                by_folder.pop(step["folder"], None)
                if step["folder"] and not each:
                    by_folder.clear()  # one journal: earlier changes are on the disk, too
            elif step["do"] != "mkdir":
                folder = os.path.dirname(step["path"]) if each else ""
                by_folder.setdefault(folder, []).append(step)
        for pending in by_folder.values():
            for step in reversed(pending[self.random.randint(0, len(pending)) :]):
                self.lost += 1
                _undo(step)

    def _lose_contents(self, synced: set[int], steps: list[Step]) -> None:
        for step in steps:
            if step["do"] == "syncfs":
                synced |= set(step["inodes"])
            elif step["do"] == "fsync":
                synced.add(step["inode"])
        seen: set[int] = set()
        for path in self._files():
            status = path.stat()
            if status.st_ino in synced | seen or path.name == "lock":
                continue
            seen.add(status.st_ino)
            self._lose(path, status)

    def _lose(self, path: Path, status: os.stat_result) -> None:
        fate = self.random.choice(["kept", "zeros", "zeros", "half", "empty"])
        if fate == "kept" or not status.st_size:
            return
        self.damaged += 1
        path.chmod(0o644)
        with path.open("r+b") as file:
            if fate == "empty":
                file.truncate(0)
            else:
                start = 0 if fate == "zeros" else status.st_size // 2
                file.seek(start)
                file.write(bytes(status.st_size - start))
        path.chmod(status.st_mode & 0o7777)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _check(self, ended: Ended) -> None:
        """No product is wrong, and everything reported exists."""
        for name, digest in products(self.victim.dist).items():
            right = {of[name] for of in self._known.values() if name in of}
            assert digest in right, f"{name} is not whole\n{ended.report()}"
        if "iso" in ended.stages():
            self.announced += 1
            assert products(self.victim.dist) == self._known[self._disturber.variant], (
                ended.report()
            )


def _undo(step: Step) -> None:
    path = Path(step["path"])
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if step["do"] == "rename":
            source = Path(step["source"])
            source.parent.mkdir(parents=True, exist_ok=True)
            path.rename(source)
        elif step["do"] == "link":
            path.unlink()
    if step.get("grave") and not path.exists():
        with contextlib.suppress(FileNotFoundError):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(step["grave"], path)
