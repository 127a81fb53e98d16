"""Peak memory for writing an image, measured in a separate process.

    PYTHONPATH=.:tests python -m support.peak ffs 40000

It prints the difference to the start of the process in KiB.
"""

from __future__ import annotations

import os
import pickle
import resource
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from tempfile import TemporaryDirectory

from buildlib.engine.stage import OutputRef, Stage
from buildlib.model.digest import Blob
from buildlib.model.tree import Entry, tree_of
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.iso import Iso
from buildlib.store.packs import StoredTree
from buildlib.store.records import Output
from support.stages.stage_bench import TREE, Bench

BIOS = OutputRef("grub:bios", "image")
STAGES: dict[str, Stage] = {
    "ffs": FfsImage(TREE, 1, free="1m"),
    "iso": Iso(TREE, {"bios": BIOS}, volume="large", application="", time=1),
}


def main(kind: str, files: int) -> None:
    """Lay out and write one image of many small files, all of them different."""
    with TemporaryDirectory() as folder:
        made = Path(folder, "made")
        if os.fork() == 0:  # do not count the memory for making the tree
            made.write_bytes(pickle.dumps(_make(Bench(Path(folder, "build")), files)))
            os._exit(0)
        os.wait()
        tree = pickle.loads(made.read_bytes())
        before = _peak()
        bench = Bench(Path(folder, "build"))
        bench.run_stage(STAGES[kind], {TREE: tree, BIOS: b"boot image" * 20})
        print(_peak() - before)


def _make(bench: Bench, files: int) -> Output:
    packs: list[Blob] = []
    entries = []
    with bench.store.packs.writer(packs) as pack:
        for number in range(files):
            data = b"%d" % number
            path = f"usr/share/{number % 100}/{number // 100 % 20}/file-name-{number}.txt"
            entries.append(
                Entry(
                    path,
                    "file",
                    0o644,
                    time=number,
                    size=len(data),
                    sha256=pack.add(data),
                    origin="base",
                )
            )
    return bench.output(StoredTree(tree_of(entries), tuple(packs)))


def _peak() -> int:
    """The peak of this process, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    parser = ArgumentParser(
        prog="python -m support.peak",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("image", choices=STAGES, help="which image is made")
    parser.add_argument(
        "count",
        nargs="?",
        type=int,
        default=40_000,
        metavar="COUNT",
        help="how many files are in it (40000)",
    )
    given = parser.parse_args()
    main(given.image, given.count)
