"""Stress test of a checkout: builds are killed, and invariants checked whenever nothing runs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from buildlib.model.digest import sha256
from support.checkouts.fault_checkout import MOTD, Attempt, Ended, Victim, wait_until

Variant: TypeAlias = tuple[int, int]
Products: TypeAlias = Mapping[str, str]  # file name to SHA-256

KERNEL = "kernel-configs/XEN3_DOMU_RO"
VARIANTS: tuple[Variant, ...] = ((0, 0), (1, 0), (0, 1), (1, 1))


def set_variant(victim: Victim, variant: Variant) -> None:
    """Change one file of an overlay and one kernel configuration."""
    motd, kernel = variant
    victim.edit(MOTD, lambda text: text.partition("again\n")[0] + "again\n" * motd)
    victim.edit(KERNEL, lambda text: text.partition("no options")[0] + "no options DDB\n" * kernel)


def products(folder: Path) -> Products:
    """Content of a folder of products, including hidden files."""
    return {path.name: sha256(path.read_bytes()) for path in folder.iterdir()}


def build_offline(folder: Path) -> None:
    """A fully built checkout whose hypervisor is a file, so no run needs a network."""
    victim = Victim.fresh(folder)
    victim.build()
    iso, xen = victim.iso(), _hypervisor(victim)
    shutil.copyfile(victim.store / "blobs" / xen[:2] / xen, folder / "xen.gz")
    victim.edit(
        "recipes/dom0.toml",
        lambda text: re.sub(
            r"^package = .*$", f'file = "xen.gz"\nsha256 = "{xen}"', text, flags=re.MULTILINE
        ),
    )
    ended = victim.build()
    assert victim.iso() == iso, ended.report()  # the same bytes from elsewhere
    # `iso`: its build record
    assert ended.stages() == ["hypervisor", "xen-version", "iso"], ended.report()
    shutil.rmtree(folder / "build" / "work")  # contains absolute paths
    assert victim.run("iso").good().out == ""


def _hypervisor(victim: Victim) -> str:
    for path in (victim.store / "records").rglob("*.json"):
        record = json.loads(path.read_bytes())
        if record["document"].get("stage") == "DistributionXen":
            return str(record["outputs"]["xen"][0][0])
    raise AssertionError("there is no record of the hypervisor")


def known_products(built: Victim, folder: Path) -> dict[Variant, Products]:
    """The products of every variant, from undisturbed builds in a copy."""
    reference, found = built.copy(folder), {}
    for variant in VARIANTS:
        set_variant(reference, variant)
        reference.build()
        found[variant] = products(reference.dist)
    return found


class Disturber:
    """Creates work in a checkout: changes its inputs, or removes results.

    variant  the current variant of the inputs
    removed  names of contents that were removed
    """

    def __init__(self, victim: Victim, chance: random.Random) -> None:
        self.variant: Variant = (0, 0)
        self.removed: set[str] = set()
        self._victim = victim
        self._random = chance

    def disturb(self, products_gone: float) -> str:
        """Return what was done. If products are removed, `products_gone` is their share."""
        chosen = self._random.choice(["variant", "variant", "records", "content", "work", "dist"])
        if chosen == "variant":
            self.variant = self._random.choice([v for v in VARIANTS if v != self.variant])
            set_variant(self._victim, self.variant)
        elif chosen == "records":
            self._remove("records/*/*.json", 6)
        elif chosen == "content":
            self._remove("blobs/*/*", 5)
            self._remove("packs/*/*", 1)
        elif chosen == "work":
            shutil.rmtree(self._victim.folder / "build" / "work", ignore_errors=True)
            self._remove("records/*/*.json", 3)
        else:
            for path in self._victim.dist.iterdir():
                if self._random.random() < products_gone:
                    path.unlink()
        return chosen

    def _remove(self, pattern: str, count: int) -> None:
        found = sorted(self._victim.store.glob(pattern))
        for path in self._random.sample(found, min(count, len(found))):
            path.unlink()
            self.removed.add(path.name.removesuffix(".idx"))


class Siege:
    """Attacks on one checkout. `known` are the correct products of every variant."""

    def __init__(self, victim: Victim, known: Mapping[Variant, Products], seed: int) -> None:
        self.victim = victim
        self.random = random.Random(seed)
        self.kills = 0
        self.strikes: dict[str, int] = {}
        self._known = known
        self._disturber = Disturber(victim, self.random)
        self._finished: set[str] = set()  # stages that were not built again
        self._seconds = 1.0  # duration of a run

    def attack(self) -> None:
        """One build, killed at a random moment."""
        if self.random.random() < 0.6:
            self._finished.clear()
            self._disturber.disturb(0.5)
        before = self.victim.processes()  # of a run that was killed with -9; the next run ends them
        attempt = self.victim.start("iso", "progress=json")
        time.sleep(self.random.uniform(0, self._seconds * 1.1))
        ended = self._strike(attempt, before)
        self._learn(ended)
        self.check()

    def recover(self) -> None:
        """An undisturbed build must produce the right result; the next one has no work."""
        started = time.monotonic()
        ended = self.victim.build()
        self._seconds = max(0.6, min(3.0, time.monotonic() - started))
        self._learn(ended)
        assert products(self.victim.dist) == self._known[self._disturber.variant], ended.report()
        self.check()
        again = self.victim.build()
        assert again.out == "", again.report()
        assert not self.victim.processes()

    # attacks

    def _strike(self, attempt: Attempt, before: Mapping[int, str]) -> Ended:
        """Kill the run with a random signal: alone, with its group or with all its tools.

        `before` are the processes that existed before it.
        """
        number = self.random.choice(
            [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
        )
        how = self.random.choice(["alone", "group", "tools"])
        if attempt.process.poll() is None:
            self.kills += 1
            name = f"{number.name} {how}"
            self.strikes[name] = self.strikes.get(name, 0) + 1
        handled = attempt.handles(signal.SIGTERM)  # Python handles SIGINT from its start
        if how == "tools" and number == signal.SIGKILL:
            attempt.signal(signal.SIGSTOP)
            tools = self.victim.processes()
            attempt.signal(number)
            for pid in tools:
                _kill(pid)
        attempt.signal(number, group=how == "group")
        ended = attempt.wait()
        if number != signal.SIGKILL:
            assert ended.status in {0, 128 + number} or not handled, ended.report()
            assert not handled or ended.err == "", ended.report()
            wait_until(
                lambda: not self.victim.processes().keys() - before.keys(),
                "the tools end with the run",
                report=lambda: f"{self.victim.processes()}\n{ended.report()}",
            )
        return ended

    # invariants

    def _learn(self, ended: Ended) -> None:
        """Work that was finished before with the same inputs is not repeated."""
        begun = {event["stage"] for event in ended.events if event["event"] == "started"}
        again = (begun | set(ended.stages())) & self._finished
        assert not again, f"built again: {again}\n{ended.report()}"
        self._finished |= set(ended.stages())

    def check(self, *, deep: bool = False) -> None:
        """Products are intact, and records name existing content."""
        for name, digest in products(self.victim.dist).items():
            right = {of[name] for of in self._known.values() if name in of}
            assert digest in right, f"{name} is not whole or has no business there"
        for path in self.victim.store.glob("records/*/*.json"):
            for kind, name, size in _contents(json.loads(path.read_bytes())):
                content = self.victim.store / kind / name[:2] / name
                if content.exists() and (
                    kind == "blobs" or content.with_name(f"{name}.idx").exists()
                ):
                    self._disturber.removed.discard(name)  # made again, and must not be lost again
                    assert content.stat().st_size == size, f"{path.name}: {content}"
                else:
                    assert name in self._disturber.removed, f"{path.name}: {content}"
        self._check_contents(1.0 if deep else 0.05)

    def _check_contents(self, share: float) -> None:
        for path in self.victim.store.glob("blobs/*/*"):
            if self.random.random() < share:
                assert sha256(path.read_bytes()) == path.name

    def leftovers(self) -> list[str]:
        """Files that killed builds left in the store and later builds did not remove."""
        folder = self.victim.store
        names = {
            "blobs",
            "packs",
            "records",
            "last",
            "tmp",
            "lock",
            "seen.json",
            "seal.json",
            "seal.mark",
        }
        found = [
            path
            for path in folder.iterdir()
            if path.name not in names and not re.fullmatch(r"glance-\w+\.json", path.name)
        ]
        found += (folder / "tmp").iterdir()
        return sorted(str(path.relative_to(folder)) for path in found)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _contents(record: Mapping[str, object]) -> Iterator[tuple[str, str, int]]:
    """(folder, name, size) of all contents that a record names."""
    outputs = record["outputs"]
    assert isinstance(outputs, dict)
    for blob, packs, files in outputs.values():
        yield "blobs", *blob
        for pack in packs:
            yield "packs", *pack
        for file in files:
            yield "blobs", *file
