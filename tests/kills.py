"""Builds that are killed with -9 by the thousand: no wrong product, no stuck store, no orphan.

    python tests/kills.py 2000 --seed 7          # small builds, a tenth of a second each
    python tests/kills.py 300 --real --seed 7    # builds of the miniature

It ends with the counts, or with what was wrong and the seed that finds it again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from support.checkouts.campaigns import parse, words
from support.checkouts.fault_checkout import Victim
from support.faults.kill_stress import Siege, build_offline, known_products
from support.faults.quick_kill_stress import QuickSiege

REST = 12  # kills before a build is left alone
TELL = 100
STORE = 500  # kills of small builds before a new store is begun


def quick(runs: int, seed: int, folder: Path) -> None:
    """Kill small builds, over several stores."""
    for number in range(-(-runs // STORE)):
        siege = QuickSiege(folder / f"quick-{number}", seed + number)
        _attack(siege, min(STORE, runs - number * STORE), siege.report)


def real(runs: int, seed: int, folder: Path) -> None:
    """Kill builds of the miniature, most of whose results are in the store."""
    build_offline(folder / "built")
    built = Victim(folder / "built")
    known = known_products(built, folder / "reference")
    siege = Siege(built.copy(folder / "project"), known, seed)
    _attack(siege, runs, lambda: f"seed {seed}: {siege.kills} kills {siege.strikes}")
    siege.check(deep=True)
    assert siege.leftovers() == [], siege.leftovers()


def _attack(siege: QuickSiege | Siege, kills: int, told: Callable[[], str]) -> None:
    shown = 0
    while siege.kills < kills:
        siege.attack()
        if siege.random.random() < 1 / REST:
            siege.recover()
        if siege.kills // TELL > shown:
            shown = siege.kills // TELL
            print(time.strftime("%H:%M:%S"), told(), flush=True)
    siege.recover()
    print(time.strftime("%H:%M:%S"), told(), "- all is well", flush=True)


def main() -> None:
    """Run what the command line says."""
    parser = words(__doc__, command="python tests/kills.py", count=2000, of="kills")
    parser.add_argument("--real", action="store_true", help="of builds of the miniature")
    given = parse(parser)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        (real if given.real else quick)(given.count, given.seed, Path(folder))


if __name__ == "__main__":
    main()
