"""What all commands take that try things by chance: how many, and the seed that repeats a run."""

from __future__ import annotations

import argparse
import time


def words(doc: str | None, *, command: str, count: int, of: str) -> argparse.ArgumentParser:
    """A parser of `[COUNT] [--seed S]`, for a command to add its own options to.

    command  what is typed before them
    count    the number of things (`of`) where none is given
    """
    parser = argparse.ArgumentParser(
        prog=command, description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=_number, default=count, metavar="COUNT",
                        help=f"how many {of} ({count})")
    parser.add_argument("--seed", type=_number, default=time.time_ns() % 10**6, metavar="S",
                        help="a number; the same one repeats a run (one by chance, which is told)")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The words of the command line; the seed is printed before anything is tried."""
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    return given


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return int(text)
