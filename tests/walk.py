"""The walk of random edits as a command: `python -m tests.walk --edits 50 --seed 1`.

Without a seed it takes one by chance; every line that tells of a comparison names it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Walk, and say how it went."""
    sys.path.insert(0, str(Path(__file__).parent))
    from support.scratch import Scratch
    from support.walking import LIMIT, TASKS, Walk

    parser = argparse.ArgumentParser(prog="python -m tests.walk", description=__doc__)
    parser.add_argument("--edits", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--every", type=int, default=10, help="steps between fresh builds")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="goldmaster-walk-") as folder:
        print(f"seed {options.seed}, {options.edits} edits", flush=True)
        here = Scratch.new(Path(folder) / "here")
        here.doit(*TASKS, limit=LIMIT)
        walk = Walk(here, Path(folder), options.seed, say=lambda line: print(line, flush=True))
        walk.go(options.edits, every=options.every)
    print(f"seed {options.seed}: {options.edits} edits, {walk.built} stages and products built, "
          f"{walk.damaged} damaged, {walk.returns} states seen again, {walk.fresh_builds} fresh "
          f"builds equal, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
