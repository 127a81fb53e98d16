"""Power cuts at random steps: no wrong product, no stuck store, and what was announced is there.

GOLDMASTER_TEST_CUTS=200 GOLDMASTER_TEST_SEED=7 pytest -s tests/faults/test_power_cuts.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import pytest
from support.checkouts.fault_checkout import Victim
from support.faults.kill_stress import Products, Variant
from support.faults.power_cuts import PowerCuts

pytestmark = pytest.mark.pipeline

CUTS = int(os.environ.get("GOLDMASTER_TEST_CUTS", "4"))
SEED = int(os.environ.get("GOLDMASTER_TEST_SEED", "0")) or time.time_ns() % 10**9


def test_power_cuts(victim: Victim, known: Mapping[Variant, Products]) -> None:
    print(f"GOLDMASTER_TEST_SEED={SEED}")
    cuts = PowerCuts(victim, known, SEED)
    while cuts.cuts < CUTS:
        cuts.cut()
    print(
        f"{cuts.cuts} cuts: {cuts.lost} changes of names and {cuts.damaged} contents lost, "
        f"{cuts.announced} announced before, 0 wrong, 0 stuck"
    )
