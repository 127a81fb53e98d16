"""Power cuts on a real file system: what a disk holds at a random moment of a build.

    python tests/faults/disk_cuts.py 200 --seed 7     (root, xfsprogs, loop devices)

The build's folder lies on an ext4 whose disk is an image file on an XFS. A clone of that file is
what the disk holds when the power goes: what the kernel had not yet written is not on it. The clone
becomes the disk, the kernel gets another boot id, and the build goes on. Nothing that was announced
may be gone, no product may be wrong, and the next run must come to the right result.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from support.checkouts.campaigns import parse, words  # noqa: E402  likewise
from support.checkouts.fault_checkout import Attempt, Victim  # noqa: E402  likewise
from support.faults.kill_stress import (  # noqa: E402  the path is set above
    VARIANTS,
    Products,
    Variant,
    build_offline,
    products,
    set_variant,
)

# How ext4 writes back: by default, and as carelessly as it can.
OPTIONS = (
    "loop",
    "loop,commit=1",
    "loop,noauto_da_alloc,commit=2",
    "loop,commit=1,data=writeback,noauto_da_alloc",
)
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def main() -> None:
    """Cut the power again and again; exit status 1 where anything was wrong."""
    given = parse(
        words(__doc__, command="python tests/faults/disk_cuts.py", count=200, of="power cuts")
    )
    with TemporaryDirectory(prefix="cuts-") as folder, Disk(Path(folder)) as disk:
        cuts = Cuts(disk, random.Random(given.seed))
        while cuts.counts["cuts"] < given.count:
            cuts.cut()
            if cuts.counts["cuts"] % 10 == 0:
                print(dict(cuts.counts), flush=True)
    print("in all:", dict(cuts.counts))
    sys.exit(bool(cuts.counts["problems"]))


def _sh(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True)


class Disk:
    """An ext4 at `mounted`, on a disk that can lose its power."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mounted = folder / "mounted"
        self._below = folder / "below"
        self._disk, self._clone = self._below / "disk", self._below / "clone"

    def __enter__(self) -> Disk:
        self.mounted.mkdir()
        self._below.mkdir()
        image = self.folder / "xfs"
        _sh("truncate", "-s", "8G", image)
        _sh("mkfs.xfs", "-q", "-m", "reflink=1", image)
        _sh("mount", "-o", "loop", image, self._below)
        _sh("truncate", "-s", "1500M", self._disk)
        _sh("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", self._disk)
        self.mount(OPTIONS[0])
        return self

    def __exit__(self, *_: object) -> None:
        for path in (self.mounted, self._below):
            subprocess.run(["umount", "-l", path], check=False)

    def mount(self, options: str) -> None:
        """Have the disk at `mounted`."""
        _sh("mount", "-o", options, self._disk, self.mounted)

    def snap(self) -> None:
        """The power goes now; what still runs writes to a disk that nobody will see."""
        _sh("cp", "--reflink=always", self._disk, self._clone)

    def boot(self, options: str) -> None:
        """Come up with what the disk held when the power went."""
        while subprocess.run(["umount", self.mounted], check=False, capture_output=True).returncode:
            time.sleep(0.05)
        self._clone.replace(self._disk)
        self.mount(options)


class Cuts:
    """Builds on a disk whose power is cut, and what must hold after each cut."""

    def __init__(self, disk: Disk, chance: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self._disk = disk
        self._random = chance
        self._variant: Variant = (0, 0)
        self._seconds = 2.0  # what a run takes
        built = disk.folder / "built"
        build_offline(built)
        self._known = _known(Victim(built))
        _sh("cp", "-a", built, disk.mounted / "project")
        boot = disk.folder / "boot_id"
        self._boot_id = boot
        self._new_boot_id()
        self._victim = Victim(
            disk.mounted / "project",
            wrap=["unshare", "-m", "sh", "-c", f'mount --bind {boot} {BOOT_ID} && exec "$@"', "sh"],
            runs=disk.folder / "runs",
        )
        self._victim.build()
        os.sync()

    def cut(self) -> None:
        """A build, a cut at some moment of it or after it, and the next boot's build."""
        what = self._make_work()
        os.sync()  # the edit is on the disk; what the build does is not
        attempt = self._victim.start("iso", "progress=json")
        running = self._wait(attempt)
        told = attempt.out
        self._disk.snap()
        self._end(attempt)
        self._disk.boot(self._random.choice(OPTIONS))
        self._new_boot_id()
        self.counts["cuts"] += 1
        self.counts["while it ran" if running else "after it ended"] += 1
        announced = any(
            '"stage": "iso"' in line and '"built"' in line for line in told.splitlines()
        )
        self._check(what, announced=announced)
        self._go_on(what)

    def _make_work(self) -> str:
        """Change inputs, or take away what was made."""
        store, dist = self._victim.store, self._victim.dist
        what = self._random.choice(["variant", "variant", "records", "content", "dist", "store"])
        if what == "variant":
            self._variant = self._random.choice([v for v in VARIANTS if v != self._variant])
            set_variant(self._victim, self._variant)
        elif what == "store":
            shutil.rmtree(store)
        elif what == "dist":
            self._remove(dist.iterdir(), 2)
        elif what == "records":
            self._remove(store.glob("records/*/*.json"), 8)
        else:
            self._remove(store.glob("blobs/*/*"), 6)
            self._remove(store.glob("packs/*/*"), 1)
        return what

    def _remove(self, paths: Iterator[Path], count: int) -> None:
        found = sorted(paths)
        for path in self._random.sample(found, min(count, len(found))):
            path.unlink()

    def _wait(self, attempt: Attempt) -> bool:
        """Wait for the moment of the cut; whether the build still ran then."""
        end = time.monotonic() + self._random.uniform(0, self._seconds * 1.4)
        while time.monotonic() < end and attempt.process.poll() is None:
            time.sleep(0.01)
        if running := attempt.process.poll() is None:
            return running
        time.sleep(self._random.choice([0, 0, 1.5, 3]))  # seconds in which the kernel writes back
        return False

    def _end(self, attempt: Attempt) -> None:
        attempt.process.kill()
        attempt.process.wait()
        while processes := self._victim.processes():
            for pid in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)

    def _new_boot_id(self) -> None:
        self._boot_id.write_text(f"{uuid.UUID(int=self._random.getrandbits(128))}\n")

    def _check(self, what: str, *, announced: bool) -> None:
        """What the disk has after the cut."""
        now = products(self._victim.dist)
        for name, digest in now.items():
            right = {of[name] for of in self._known.values() if name in of}
            if digest not in right and not name.startswith("."):
                self._problem(f"{name} is wrong after a cut ({what})")
        if announced:
            self.counts["announced"] += 1
            if lost := [
                name
                for name, digest in self._known[self._variant].items()
                if now.get(name) != digest
            ]:
                self._problem(f"announced, and lost in a cut ({what}): {lost}")

    def _go_on(self, what: str) -> None:
        """The next run comes to the right result, and `verify` finds nothing."""
        started = time.monotonic()
        ended = self._victim.run("iso", "progress=json")
        self._seconds = max(1.0, min(6.0, time.monotonic() - started))
        if ended.status:
            self._problem(f"stuck after a cut ({what}):\n{ended.report()}")
        elif products(self._victim.dist) != self._known[self._variant]:
            self._problem(f"another result after a cut ({what})")
        if self.counts["cuts"] % 10 == 0 and (ended := self._victim.run("verify")).status:
            self._problem(f"verify:\n{ended.report()}")

    def _problem(self, text: str) -> None:
        self.counts["problems"] += 1
        print(f"PROBLEM: {text}", flush=True)


def _known(victim: Victim) -> Mapping[Variant, Products]:
    """The right products of every variant; in the end the checkout is as it was."""
    found: dict[Variant, Products] = {}
    for variant in (*VARIANTS[1:], VARIANTS[0]):
        set_variant(victim, variant)
        victim.build()
        found[variant] = products(victim.dist)
    return found


if __name__ == "__main__":
    main()
