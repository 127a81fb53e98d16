"""Flipped bits in whatever a run keeps: the next one heals or makes anew, and is never wrong."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.checkouts.fault_checkout import Victim
from support.faults.kill_stress import VARIANTS, Products, Variant, products, set_variant

pytestmark = pytest.mark.pipeline

CASES = int(os.environ.get("GOLDMASTER_TEST_DAMAGES", "60"))
SEED = int(os.environ.get("GOLDMASTER_TEST_SEED", "0")) or time.time_ns() % 10**9
PARTS = 2
PATTERNS = ("blobs/*/*", "packs/*/*", "records/*/*", "last/*", "seen.json", "glance-*.json")


def _damage(path: Path, chance: random.Random) -> None:
    """Flip bits, or cut the end off, as a failing disk or memory does."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    if chance.random() < 0.2:
        del data[chance.randrange(len(data)) :]
    else:
        for _ in range(chance.choice([1, 1, 1, 2, 8])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    with path.open("r+b") as file:  # the same inode: products are links to it
        file.truncate(len(data))
        file.write(data)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_damage(victim: Victim, known: Mapping[Variant, Products], part: int) -> None:
    print(f"GOLDMASTER_TEST_SEED={SEED}")
    chance = random.Random(SEED + part)
    variant: Variant = VARIANTS[0]
    for _ in range(CASES // PARTS):
        damaged = set()
        for pattern in chance.choices(PATTERNS, k=chance.choice([1, 1, 2, 4])):
            damaged.add(chance.choice(sorted(victim.store.glob(pattern))))
        for path in sorted(damaged):
            if path.stat().st_size:
                _damage(path, chance)
        if chance.random() < 0.4:
            variant = chance.choice(VARIANTS)
            set_variant(victim, variant)
        names = [str(path.relative_to(victim.store)) for path in damaged]
        ended = victim.build()
        assert "Traceback" not in ended.err, f"{names}\n{ended.report()}"
        assert products(victim.dist) == known[variant], f"{names}\n{ended.report()}"
