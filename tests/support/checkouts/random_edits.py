"""A random walk of edits, each followed by a build; the result must equal a fresh build.

Every edited place has a few variants. A step changes one place to another of its variants;
sometimes a work folder is also modified or a content deleted. The same state must always give the
same products, even in a checkout that was never built before.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from support.checkouts.scratch import Scratch

Edit: TypeAlias = Callable[[Scratch], object]
State: TypeAlias = dict[str, int]

DOM0, BASE, PKGREPO = "recipes/dom0.toml", "recipes/domu/base.toml", "recipes/domu/pkgrepo.toml"
RC_CONF, MOTD = "recipes/dom0/overlay/etc/rc.conf", "recipes/dom0/overlay/etc/motd"
SPEC, LOCK = "recipes/dom0/overlay.mtree", "sets/mini.lock"
KEPT = '"etc/rc" = "etc/rc.netbsd"'
PARTS = ("recipes", "sets", "kernel-configs")
PACKAGES, DATE = ("packages of dom0", "packages of pkgrepo"), "epoch"
TASKS = ("iso", "domu-images")
LIMIT = 900.0  # seconds for a build, even on a busy machine
EPOCH = {1: 1_700_000_000, 2: 1_650_000_001}


def put(name: str, old: str, new: str) -> Edit:
    return lambda scratch: scratch.edit(name, old, new)


def add(name: str, text: str) -> Edit:
    return lambda scratch: scratch.append(name, text)


def new(name: str, text: str) -> Edit:
    return lambda scratch: scratch.write(name, text)


def nothing(scratch: Scratch) -> None:
    """Leave the place unchanged; it is handled elsewhere."""


def extra(text: str) -> Edit:
    """A file that dom0's kernel configuration includes."""

    def edit(scratch: Scratch) -> None:
        scratch.write("kernel-configs/shared/extra", text)
        scratch.append("kernel-configs/XEN3_DOM0_CD", 'include "shared/extra"\n')

    return edit


def renumbered(scratch: Scratch) -> None:
    path = "recipes/accounts.toml"
    scratch.write(path, scratch.read(path).replace("pgsql = 501", "pgsql = 510"))


# A place's variants, except the first, which is the original.
SPOTS: dict[str, tuple[Edit, ...]] = {
    "words of the kernel": (
        put(DOM0, '"bootdev=cd0a"', '"bootdev=cd0a", "-v"'),
        put(DOM0, '"bootdev=cd0a"', '"bootdev=cd0a", "-x"'),
    ),
    "words of Xen": (put(DOM0, '"dom0_mem=512M"', '"dom0_mem=640M"'),),
    "menu": (
        put(
            DOM0,
            '"single user" = ["-s"], "verbose" = ["-v"]',
            '"verbose" = ["-v"], "single user" = ["-s"]',
        ),
    ),
    "platforms": (put(DOM0, '"bios", "efi"', '"bios"'),),
    "images on the CD": (
        put(DOM0, '"base", "pkgrepo"]', '"base"]'),
        put(DOM0, '"base", "pkgrepo"]', '"pkgrepo", "base"]'),
    ),
    "free": (add(BASE, 'free = "20%"\n'), add(BASE, 'free = "1m"\n')),
    "remove": (add(BASE, 'remove = ["rescue"]\n'),),
    "keep": (
        put(PKGREPO, f"{{{KEPT}}}", f'{{{KEPT}, "bin/ls" = "bin/ls.netbsd"}}'),
        put(PKGREPO, f"{{{KEPT}}}", f'{{"bin/ls" = "bin/ls.netbsd", {KEPT}}}'),
    ),
    "a file of an overlay": (add(RC_CONF, "sshd=YES\n"), add(RC_CONF, "sshd=NO\n")),
    "a new file": (new(MOTD, "Hello.\n"), new(MOTD, "HELLO.\n")),
    "a mode": (lambda scratch: scratch.path(RC_CONF).chmod(0o755),),
    "a link": (
        lambda scratch: scratch.path("recipes/dom0/overlay/etc/hosts").symlink_to("/c"),
        lambda scratch: scratch.path("recipes/dom0/overlay/etc/hosts").symlink_to("/d"),
    ),
    "a file less": (lambda scratch: scratch.remove("recipes/domu/pkgrepo/overlay/etc/motd"),),
    "a spec": (
        add(SPEC, "./etc/rc.conf mode=0600 gid=5\n"),
        add(SPEC, "./etc/rc.conf mode=0640\n"),
    ),
    "accounts": (renumbered,),
    DATE: (nothing, nothing),
    "an option of a kernel": (add("kernel-configs/XEN3_DOMU_RO", "options \tDIAGNOSTIC\n"),),
    "a piece of a kernel": (extra("# nothing\n"), extra("options \tDIAGNOSTIC\n")),
    "build flags": (put("sets/mini.toml", '"MKREPRO=yes"', '"MKREPRO=yes", "-V", "UNUSED=1"'),),
    PACKAGES[0]: (
        put(DOM0, '"net/rsync"', '"net/rsync", "pkgin"'),
        put(DOM0, '"net/rsync"', '"archivers/libarchive", "net/rsync"'),
        put(DOM0, '"devel/subversion-base", "net/rsync"', '"net/rsync", "devel/subversion-base"'),
    ),
    PACKAGES[1]: (put(PKGREPO, '"pkgtools/pkg_chk", ', ""),),
}
# Places whose builds take long, and places that need a new lock.
SLOW = frozenset({DATE, "an option of a kernel", "a piece of a kernel", "build flags", *PACKAGES})


@dataclass
class Walk:
    """A walk through the fully built checkout `here`."""

    here: Scratch
    folder: Path
    seed: int
    avoid: Collection[str] = ()
    say: Callable[[str], object] = print
    state: State = field(default_factory=dict)
    last: tuple[str, int] | None = None
    fresh_builds: int = 0
    returns: int = 0
    damaged: int = 0
    built: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.start = self.here.sources_only(self.folder / "start")
        self.epoch = json.loads(self.start.read(LOCK))["epoch"]
        self.known: dict[str, tuple[str, dict[str, str]]] = {}

    def go(self, edits: int, *, every: int) -> None:
        """Take `steps` steps; compare with a fresh build regularly and at the end."""
        for number in range(1, edits + 1):
            began = time.monotonic()
            summary = self.step()
            self.say(f"{number:3} {summary}, {time.monotonic() - began:.1f} s")
            if number % every == 0 or number == edits:
                self.compare()
                self.say(f"    as a fresh build, seed {self.seed}")

    def step(self) -> str:
        """One edit and a build; a known state must have the same products."""
        name, number = self.choose()
        self.last = name, self.state.get(name, 0)
        self.state[name] = number
        summary = f"{name} → {number}"
        self.lay_out(relock=name in PACKAGES)
        if self.chance.random() < 0.15:
            summary += self.damage()
        ran = self.here.doit(*TASKS, "progress=json", limit=LIMIT)
        self.built += len(ran.built)
        state = json.dumps(sorted(item for item in self.state.items() if item[1]))
        lock, products = self.here.read(LOCK), self.here.products()
        if state in self.known:
            self.returns += 1
            assert self.known[state] == (lock, products), f"seed {self.seed}: {summary}: {state}"
        self.known[state] = lock, products
        return f"{summary}: {len(ran.built)} built, {len(ran.restored)} restored"

    def choose(self) -> tuple[str, int]:
        """A place and another of its variants, sometimes the one before the last edit."""
        if self.last and self.chance.random() < 0.3:
            return self.last
        name = self.chance.choice([name for name in SPOTS if name not in self.avoid])
        others = [
            number for number in range(len(SPOTS[name]) + 1) if number != self.state.get(name, 0)
        ]
        return name, self.chance.choice(others)

    def lay_out(self, *, relock: bool) -> None:
        """Bring the checkout into the state; unchanged files are not touched."""
        shutil.rmtree(self.folder / "wanted", ignore_errors=True)
        wanted = self.start.sources_only(self.folder / "wanted")
        for name, number in self.state.items():
            if number:
                SPOTS[name][number - 1](wanted)
        wanted.write(LOCK, self.here.read(LOCK))
        for part in PARTS:
            _sync(wanted.root / part, self.here.root / part)
        if relock:
            self._date(self.epoch)
            self.here.doit("lock", limit=LIMIT)
        self._date(EPOCH.get(self.state.get(DATE, 0), self.epoch))

    def _date(self, epoch: int) -> None:
        text = self.here.read(LOCK)
        now = json.loads(text)["epoch"]
        if now != epoch:
            self.here.edit(LOCK, f'"epoch": {now}', f'"epoch": {epoch}')

    def damage(self) -> str:
        """Damage: change a word in the unpacked sources, or delete a content."""
        self.damaged += 1
        sources = sorted(self.here.root.glob("build/work/src-*/usr/src/sys/kern/*.c"))
        if sources and self.chance.random() < 0.5:
            path = self.chance.choice(sources)
            path.write_bytes(path.read_bytes() + b"\nint damage;\n")
            return f" and {path.name} damaged"
        blobs = sorted(
            path for path in self.here.root.glob("build/store/blobs/*/*") if path.is_file()
        )
        path = self.chance.choice(blobs)
        path.unlink()
        return f" and {path.name[:8]} lost"

    def compare(self) -> None:
        """Check that a checkout that was never built has the same products."""
        self.fresh_builds += 1
        fresh = self.here.sources_only(self.folder / f"fresh-{self.fresh_builds}")
        fresh.doit(*TASKS, limit=LIMIT)
        assert fresh.products() == self.here.products(), f"seed {self.seed}: {self.state}"
        shutil.rmtree(fresh.root)


def _sync(source: Path, target: Path) -> None:
    """Make `target` equal to `source`."""
    for path in sorted(target.rglob("*"), reverse=True):
        other = source / path.relative_to(target)
        if not (other.is_symlink() or other.exists()) or _kind(path) != _kind(other):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in sorted(source.rglob("*")):
        other = target / path.relative_to(source)
        if path.is_symlink():
            other.symlink_to(path.readlink()) if not other.is_symlink() else None
        elif path.is_dir():
            other.mkdir(exist_ok=True)
        else:
            if not other.exists() or other.read_bytes() != path.read_bytes():
                other.write_bytes(path.read_bytes())
            other.chmod(path.stat().st_mode & 0o777)


def _kind(path: Path) -> str:
    return f"link {path.readlink()}" if path.is_symlink() else "dir" if path.is_dir() else "file"
