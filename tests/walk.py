"""The walk of random edits as a command: `python -m tests.walk 50 --seed 1`.

Every line that tells of a comparison names the seed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Walk, and say how it went."""
    sys.path.insert(0, str(Path(__file__).parent))
    from support.checkouts.campaigns import parse, words
    from support.checkouts.random_edits import LIMIT, TASKS, Walk
    from support.checkouts.scratch import Scratch

    parser = words(__doc__, command="python -m tests.walk", count=50, of="edits")
    parser.add_argument(
        "--every", type=int, default=10, metavar="N", help="edits between fresh builds (10)"
    )
    options = parse(parser)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="goldmaster-walk-") as folder:
        here = Scratch.new(Path(folder) / "here")
        here.doit(*TASKS, limit=LIMIT)
        walk = Walk(here, Path(folder), options.seed, say=lambda line: print(line, flush=True))
        walk.go(options.count, every=options.every)
    print(
        f"seed {options.seed}: {options.count} edits, {walk.built} stages and products built, "
        f"{walk.damaged} damaged, {walk.returns} states seen again, {walk.fresh_builds} fresh "
        f"builds equal, {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
