"""Strange inputs for every parser, and for each how many it had and how many it refused.

python -m tests.fuzz 100000 --seed 7
python -m tests.fuzz 5000 --only spec
python -m tests.fuzz --again 7/spec/31    # one input, as a finding names it
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.checkouts.campaigns import parse, words

from fuzz.campaign import Counts, campaign, run, show
from fuzz.targets import TARGETS

parser = words(__doc__, command="python -m tests.fuzz", count=10_000, of="inputs")
parser.add_argument(
    "--only",
    default="",
    metavar="TEXT",
    help=f"targets whose names have this in them: {', '.join(TARGETS)}",
)
parser.add_argument(
    "--again", default="", metavar="SEED/TARGET/NUMBER", help="run the input of a finding here"
)
given = parse(parser)
if given.again:
    target = TARGETS.get(given.again.partition("/")[2].rpartition("/")[0])
    if target is None:
        parser.error(f"--again: {given.again} is not the name of an input")
    with tempfile.TemporaryDirectory() as scratch:
        print(*run(target, given.again, Path(scratch)))
    sys.exit()
if not any(given.only in name for name in TARGETS):
    parser.error(f"--only: no target has {given.only} in its name")
counts = Counts()
with contextlib.suppress(KeyboardInterrupt):  # what was found by then is told
    campaign(given.count, str(given.seed), only=given.only, counts=counts)
sys.exit(show(counts))
