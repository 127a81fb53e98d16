"""`python -m tests.fuzz [NUMBER] [--seed S] [--only TARGET] [--again SEED]`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.campaign import Counts, campaign, run, show
from fuzz.targets import TARGETS

parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
parser.add_argument("number", nargs="?", type=int, default=10_000, help="how many inputs")
parser.add_argument("--seed", default="1", help="another seed makes other inputs")
parser.add_argument("--only", default="", help="targets whose names have this in them")
parser.add_argument("--again", default="", help="the seed of a finding: run it here")
words = parser.parse_args()
if words.again:
    with tempfile.TemporaryDirectory() as scratch:
        print(*run(TARGETS[words.again.split("/")[1]], words.again, Path(scratch)))
    sys.exit()
print(f"seed {words.seed}", flush=True)
counts = Counts()
with contextlib.suppress(KeyboardInterrupt):  # what was found by then is told
    campaign(words.number, words.seed, only=words.only, counts=counts)
sys.exit(show(counts))
