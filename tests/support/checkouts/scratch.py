"""A copy of the project in a separate folder, in which `python -m doit` runs as for a user."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

PROJECT = Path(__file__).resolve().parents[3]
PARTS = ("dodo.py", "pyproject.toml", "buildlib", "recipes", "sets", "kernel-configs")
DOMUS = ("base", "pkgrepo")
LIMIT_SECONDS = 480

Event: TypeAlias = dict[str, Any]
Tasks: TypeAlias = frozenset[str]


@dataclass(frozen=True)
class Ran:
    """How a command ended: exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """The whole output."""
        return self.out + self.err

    @cached_property
    def events(self) -> list[Event]:
        """The events of a run with `progress=json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    def finished(self, outcome: str) -> Tasks:
        """Stages and products with an outcome: `built`, `restored` or `failed`."""
        return frozenset(
            event["stage"]
            for event in self.events
            if event["event"] == "finished" and event["outcome"] == outcome
        )

    @property
    def built(self) -> Tasks:
        """Stages that ran, and products that were published."""
        return self.finished("built")

    @property
    def restored(self) -> Tasks:
        """Stages whose outputs came from the store."""
        return self.finished("restored")

    @property
    def errors(self) -> list[Event]:
        """The error messages."""
        return [event for event in self.events if event["event"] == "error"]


def leave_two_domus(recipes: Path) -> None:
    """Keep two domUs: the other roles are similar and would only make each run longer."""
    for path in (recipes / "domu").iterdir():
        if path.name.partition(".")[0] not in DOMUS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    dom0 = recipes / "dom0.toml"
    names = ", ".join(f'"{name}"' for name in DOMUS)
    text, count = re.subn(r"(?m)^domus = \[[^]]*\]", f"domus = [{names}]", dom0.read_text())
    assert count == 1
    dom0.write_text(text)
    lock = recipes.parent / "sets/mini.lock"
    if lock.exists():  # not where the release is one that ships
        text = json.dumps(_without_recipes(json.loads(lock.read_text())), indent=1)
        lock.write_text(f"{text}\n")


def _without_recipes(lock: dict[str, Any]) -> dict[str, Any]:
    """A lock without the removed recipes."""
    left = {"dom0", *(f"domu/{name}" for name in DOMUS)}
    packages = []
    for package in lock["packages"]:
        for key in ("recipes", "wanted_by"):
            package[key] = [name for name in package[key] if name in left]
        packages += [package] if package["recipes"] else []
    return lock | {"packages": packages}


def base_digest(root: Path = PROJECT) -> str:
    """The SHA-512 of mini's set `base` in its lock."""
    lock = json.loads((root / "sets/mini.lock").read_text())
    return str(lock["files"]["amd64/binary/sets/base.tgz"]["sha512"])


class Scratch:
    """A checkout at `root`, with recipes of two domUs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def new(cls, root: Path, *, whole: bool = False, sources: bool = True) -> Scratch:
        """A fresh checkout, nothing built."""
        lay_out(root, whole=whole, sources=sources)
        return cls(root)

    def copy(self, root: Path) -> Scratch:
        """A complete copy; hard links and times are kept."""
        root.mkdir(parents=True)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{self.root}/.", root], check=True)
        return Scratch(root)

    def sources_only(self, root: Path) -> Scratch:
        """A copy of the sources only."""
        root.mkdir(parents=True)
        subprocess.run(["cp", "-a", *(self.root / name for name in PARTS), root], check=True)
        return Scratch(root)

    # running

    def doit(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        status: int | None = 0,
        umask: int = 0o022,
        before: Sequence[str] = (),
        limit: float = LIMIT_SECONDS,
    ) -> Ran:
        """Run `python -m doit` with `words`, and check its exit status.

        environment  variables over those of the tests, without the project's own
        status       the expected status; None: anything but 0
        before       a prefix command, such as `setpriv` or `faketime`
        """
        done = subprocess.run(
            self.argv(*words, before=before),
            cwd=self.root,
            env=surroundings(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            umask=umask,
            timeout=limit,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        good = ran.status == status if status is not None else ran.status != 0
        assert good, f"{words}: exit status {ran.status}\n{ran.text}"
        assert "Traceback" not in ran.text, ran.text
        return ran

    @staticmethod
    def argv(*words: str, before: Sequence[str] = ()) -> list[str]:
        """The command line of `python -m doit`."""
        return [*before, sys.executable, "-m", "doit", *words]

    def build(
        self, *words: str, environment: Mapping[str, str] | None = None, status: int | None = 0
    ) -> Ran:
        """Run tasks (by default `iso`) with JSON events."""
        return self.doit(
            *(words or ("iso",)), "progress=json", environment=environment, status=status
        )

    # files

    def path(self, name: str) -> Path:
        """The path of a file of the checkout."""
        return self.root / name

    def read(self, name: str) -> str:
        """A text of the checkout."""
        return self.path(name).read_text()

    def write(self, name: str, text: str, *, mode: int = 0o644) -> None:
        """Write a text file, which may exist."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)
        self.path(name).chmod(mode)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that must occur exactly once."""
        text = self.read(name)
        assert text.count(old) == 1, f"{name}: {old!r} is there {text.count(old)} times"
        self.path(name).write_text(text.replace(old, new))

    def append(self, name: str, text: str) -> None:
        """Add `text` at the end."""
        self.path(name).write_text(self.read(name) + text)

    def remove(self, name: str) -> None:
        """Remove a file or folder."""
        path = self.path(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    # results

    def product(self, name: str = "mini-dom0.iso") -> Path:
        """The path of a file in dist."""
        return self.root / "dist" / name

    def products(self) -> dict[str, str]:
        """Every file in dist and its SHA-256."""
        return {path.name: digest(path) for path in sorted((self.root / "dist").iterdir())}

    def listing(self, name: str) -> dict[str, tuple[int, ...]]:
        """Path to mode, size, times and inode of everything below a folder."""
        return {
            str(path.relative_to(self.root)): (
                status.st_mode,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
            )
            for path in sorted(self.path(name).rglob("*"))
            for status in [path.lstat()]
        }

    def outputs(self, stage: str, product: str = "mini-dom0.iso") -> dict[str, str]:
        """Output name to SHA-256 for a stage, from the product's build record."""
        record = json.loads(self.product(f"{product}.json").read_bytes())
        return dict(record["stages"][stage]["outputs"])

    def blob(self, sha256: str) -> Path:
        """The path of a content in the store."""
        return self.root / "build" / "store" / "blobs" / sha256[:2] / sha256


def lay_out(root: Path, *, whole: bool = False, sources: bool = True) -> None:
    """A fresh checkout in a new folder, not built.

    whole    with all domUs, not two
    sources  with the library and what mini's release is made of; if not, nothing can be built
    """
    left_out = set() if sources else {"buildlib", "mini"}
    root.mkdir(parents=True)
    for name in PARTS:
        source = PROJECT / name
        if name in left_out:
            continue
        if source.is_dir():
            shutil.copytree(
                source,
                root / name,
                symlinks=True,
                ignore=lambda _folder, names: left_out.intersection(names),
            )
        else:
            shutil.copy2(source, root / name)
    (root / "sets/mini").mkdir(exist_ok=True)
    if not whole:
        leave_two_domus(root / "recipes")


def surroundings(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the tests with `changes`, without variables that affect a build.

    Copies include bytecode; otherwise each run would compile it.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GOLDMASTER_", "PYTHON")) and name != "SOURCE_DATE_EPOCH"
    }
    return kept | dict(changes or {})


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, created by one of the processes that need it, while the others wait."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_name(f"{folder.name}.done")
        if not done.exists():
            make(folder)
            done.touch()
    return folder
