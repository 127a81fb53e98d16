"""Builds that are killed at random moments: nothing half-written, nothing lost.

    GOLDMASTER_TEST_KILLS=5000 GOLDMASTER_TEST_SEED=7 pytest tests/faults/test_kills.py

`tests/kills.py` does the same by the thousand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.checkouts.fault_checkout import Victim
from support.faults.kill_stress import Products, Siege, Variant

pytestmark = pytest.mark.pipeline

TESTS = Path(__file__).parents[1]
KILLS = int(os.environ.get("GOLDMASTER_TEST_KILLS", "100"))
SEED = int(os.environ.get("GOLDMASTER_TEST_SEED", "0")) or time.time_ns() % 10**9
PARTS = 2
REST = 12  # kills before a build is left alone


@pytest.mark.parametrize("part", range(PARTS))
def test_kills(victim: Victim, known: dict[Variant, Products], part: int) -> None:
    siege = Siege(victim, known, SEED + part)
    print(f"GOLDMASTER_TEST_SEED={SEED}")
    while siege.kills < KILLS // PARTS:
        siege.attack()
        if siege.random.random() < 1 / REST:
            siege.recover()
    siege.recover()
    siege.check(deep=True)
    print(siege.strikes)
    assert siege.leftovers() == []


def test_small_builds_that_are_killed_often() -> None:
    """In a process of its own: it forks."""
    done = subprocess.run(
        [sys.executable, TESTS / "kills.py", str(KILLS // 2), f"--seed={SEED}"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is well" in done.stdout
