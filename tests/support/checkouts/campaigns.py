"""Common options of randomised commands: the count, and the seed to repeat a run."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


def words(doc: str | None, *, command: str, count: int, of: str) -> argparse.ArgumentParser:
    """A parser of `[COUNT] [--seed S]`, for a command to add its own options to.

    command  the command line before the options
    count    the default number of things (`of`)
    """
    parser = argparse.ArgumentParser(
        prog=command, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "count",
        nargs="?",
        type=_number,
        default=count,
        metavar="COUNT",
        help=f"how many {of} ({count})",
    )
    parser.add_argument(
        "--seed",
        type=_number,
        default=time.time_ns() % 10**6,
        metavar="S",
        help="a number; the same one repeats a run (default: random, and printed)",
    )
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line. The seed is printed before anything is tried."""
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    return given


class Tally:
    """Counts of results, and of unexpected errors."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong = 0

    @contextmanager
    def watch(self, what: str) -> Iterator[None]:
        """Continue after any error inside the block, which is printed with `what`."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  this is what is looked for
            self.wrong += 1
            print(f"{what}: {type(error).__name__}: {error}")

    def show(self, all_of_it: str) -> None:
        """Print the counts and the number of failures."""
        for reason, times in sorted(self.counts.items()):
            print(f"{times:>8}  {reason}")
        print(f"{all_of_it}: {self.wrong} wrong")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return int(text)
