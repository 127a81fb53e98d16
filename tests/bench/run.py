"""`make bench`: our figures beside those of others, in one run.

Prints a row for each: our median, the other's, their ratio pair by pair, and the ratio to reach.
Ratios count; absolute times are those of this machine at this hour. Rows are chosen by name:
`make bench BENCH="null ingest"`; `--runs N` sets the number of counted runs (5). Once every row was
measured, now or before, docs/bench.svg is drawn of the last figures.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import images
import material
import packages
import release
import sources
from measure import Command, Folders, middle, pairs, ratio, run
from picture import draw
from projects import DOIT, ROOT, WORK, checkout
from rows import Row, alone, beside, over, peak, remember

PICTURE = ROOT / "docs" / "bench.svg"
PYTHON = Path(sys.prefix) / "bin" / "python"
OURS = Path(__file__).with_name("ours.py")
# root's bsdtar would set owners and modes that others cannot, at a cost
AS_USER = ("--no-same-owner", "--no-same-permissions")


def null_build(runs: int) -> list[Row]:
    """`doit iso` with nothing to do, against a doit whose only task is up to date."""
    project = WORK / "null"
    checkout(project)
    for _ in range(3):  # the first builds; what was just written is looked at once more
        run(Command([*DOIT, "iso"], project))
    return [_null(runs, "null build, CPU", Command([*DOIT, "iso"], project), wanted=1.2)]


def null_real(runs: int) -> list[Row]:
    """The same with a release of 190,000 source files; and that nobody asks for these in vain.

    When an overlay changes, nothing is compiled: sources that are gone are not unpacked again.
    """
    project, overlay = WORK / "null-real", Path("recipes/dom0/overlay/etc/motd")
    checkout(project)
    if not (project / "build/mirror/mini").exists():
        run(Command([*DOIT, "iso"], project))
    settings = release.with_sources(project, WORK / "release", sources.sets(WORK / "sources"))
    (project / overlay).write_text(f"Welcome at {time.time()}.\n")
    command = Command([*DOIT, "iso", *settings], project)
    for _ in range(3):
        run(command)
    unpacked = list((project / "build/work").glob("src-*"))
    null = _null(runs, f"null build, {sources.FILES:,} sources, CPU", command)
    for path in unpacked:
        path.rename(WORK / f"{path.name}.aside")
    try:
        (project / overlay).write_text(f"Good day at {time.time()}.\n")
        wall = run(command).wall
        again = len(list((project / "build/work").glob("src-*/*")))
    finally:
        for path in unpacked:
            (WORK / f"{path.name}.aside").rename(path)
    return [
        null,
        Row(
            "overlay change without sources",
            again if unpacked else 1,
            0,
            "unpacked",
            ours=f"{wall:.2f} s",
        ),
    ]


def _null(runs: int, name: str, command: Command, *, wanted: float = 1.6) -> Row:
    bare = WORK / "bare"
    bare.mkdir(parents=True, exist_ok=True)
    (bare / "dodo.py").write_text(
        "def task_one():\n    return {'actions': ['true'], 'uptodate': [True]}\n"
    )
    ours, others = pairs(command, Command(DOIT, bare), runs)
    return beside(name, ours, others, other="bare doit", wanted=wanted)


def imported(runs: int) -> list[Row]:
    """`import buildlib` in a fresh Python, against that Python alone."""
    environment = {"PYTHONPATH": str(ROOT)}
    library = Command([PYTHON, "-c", "import buildlib"], WORK, environment=environment)
    alone = Command([PYTHON, "-c", "pass"], WORK, environment=environment)
    return [
        over("import buildlib, CPU", *pairs(library, alone, 8 * runs), other="python", wanted=5)
    ]


def first_build(runs: int) -> list[Row]:
    """`doit iso` from nothing."""
    project = WORK / "first"
    checkout(project)

    def clear() -> None:
        shutil.rmtree(project / "build", ignore_errors=True)
        shutil.rmtree(project / "dist", ignore_errors=True)

    command = Command([*DOIT, "iso"], project, clear)
    results = [run(command) for _ in range(min(runs, 3))]
    return [
        alone("doit iso from nothing, wall", middle(results, "wall"), unit="s", wanted=60),
        peak("doit iso, peak of a process", results, wanted=200),
    ]


def ingest(runs: int) -> list[Row]:
    """A set of 20,000 files into the store, every one hashed, against bsdtar that unpacks it."""
    tree = material.tree(WORK / "set", files=18_000, folders=2_000, size=331_000_000)
    archive = material.archive(tree, WORK / "set.tgz")
    store, out = Folders(WORK, "store"), Folders(WORK, "out")
    ours, others = pairs(
        Command([PYTHON, OURS, "ingest", archive, store.current / "new"], WORK, store.fresh),
        Command(["bsdtar", "-C", out.current, *AS_USER, "-xf", archive], WORK, out.fresh),
        runs,
    )
    return [
        beside("ingest of a 331 MB set, CPU", ours, others, other="bsdtar -xf", wanted=1.3),
        peak("ingest, peak memory", ours, wanted=200),
    ]


def extract(runs: int) -> list[Row]:
    """Source sets of 220,000 members into a work folder, against bsdtar on the same files."""
    archives, runs = sources.sets(WORK / "sources"), min(runs, 3)  # 2 GB each
    folder, out = Folders(WORK, "extracted"), Folders(WORK, "extracted.bsdtar")
    each = 'for set; do bsdtar -C "$0" {} -xf "$set" || exit; done'.format(" ".join(AS_USER))
    ours, others = pairs(
        Command([PYTHON, OURS, "extract", folder.current, *archives], WORK, folder.fresh),
        Command(["sh", "-c", each, out.current, *archives], WORK, out.fresh),
        runs,
    )
    return [
        beside("sources, 220,000 members, CPU", ours, others, other="bsdtar -xf", wanted=1.3),
        beside("sources, wall", ours, others, other="bsdtar -xf", wanted=None, what="wall"),
        peak("sources, peak memory", ours, wanted=200),
    ]


def fetch(runs: int) -> list[Row]:
    """Fetch, verify and store from loopback, against SHA-512 alone on the same bytes."""
    WORK.mkdir(parents=True, exist_ok=True)
    file, store = material.noise(WORK / "noise", 512 << 20), WORK / "fetched"
    with file.open("rb") as stream:
        sha512 = hashlib.file_digest(stream, "sha512").hexdigest()
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    server = subprocess.Popen(
        [PYTHON, Path(__file__).with_name("server.py"), file], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/noise"
        ours, others = pairs(
            Command(
                [PYTHON, OURS, "fetch", url, sha512, sha256, str(512 << 20), store],
                WORK,
                lambda: shutil.rmtree(store, ignore_errors=True),
            ),
            Command([PYTHON, OURS, "sha512", file], WORK),
            runs,
        )
    finally:
        server.kill()
        server.wait()
    return [
        Row(
            "fetch and verify, rate",
            1 / ratio(ours, others, "wall"),
            0.9,
            at_least=True,
            ours=f"{512 / middle(ours, 'wall'):.0f} MiB/s",
            other="SHA-512 alone",
            theirs=f"{512 / middle(others, 'wall'):.0f} MiB/s",
        )
    ]


def site(runs: int) -> list[Row]:
    """`doit site-check` of 10,000 servers on 500 hosts, all of them right."""
    folder = material.site(WORK / "site", servers=10_000, hosts=500)
    command = Command([*DOIT, "site-check", folder], ROOT)
    results = [run(command) for _ in range(min(runs, 3))]
    return [
        alone("site-check, 10,000 servers, CPU", middle(results, "cpu"), unit="s", wanted=10),
        peak("site-check, peak memory", results, wanted=200),
    ]


def summary(runs: int) -> list[Row]:
    """A summary of 30,000 packages read, and 300 of them resolved."""
    path, roots = packages.summary(WORK / "pkg_summary.gz")
    command = Command([PYTHON, OURS, "summary", path], WORK)
    results = [run(command) for _ in range(runs + 1)][1:]
    told = [
        subprocess.run(
            [PYTHON, OURS, "summary", path, *roots],
            cwd=WORK,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for _ in range(runs)
    ]
    resolving, count = statistics.median(float(seconds) for seconds, _ in told), told[0][1]
    return [
        alone("summary, 30,000 packages, CPU", middle(results, "cpu"), unit="s", wanted=1),
        peak("summary, peak memory", results, wanted=150),
        Row("resolve 300 packages, CPU", resolving, 0.5, "s", other=f"{count} come in"),
    ]


def stage_packages(runs: int) -> list[Row]:
    """200 packages of 20,000 files and 300 MB staged, against bsdtar that unpacks each."""
    folder = packages.repository(WORK / "packages")
    store, out = Folders(WORK, "staged"), Folders(WORK, "staged.bsdtar")
    each = 'for package in "$1"/*.tgz; do bsdtar -C "$0" {} -xf "$package" || exit; done'.format(
        " ".join(AS_USER)
    )
    ours, others = pairs(
        Command([PYTHON, OURS, "stage", folder, store.current / "new"], WORK, store.fresh),
        Command(["sh", "-c", each, out.current, folder], WORK, out.fresh),
        runs,
    )
    return [beside("staging 200 packages, CPU", ours, others, other="bsdtar -xf", wanted=1.3)]


def null_packages(runs: int) -> list[Row]:
    """`doit iso` with nothing to do and 300 locked packages."""
    project = WORK / "null-packages"
    checkout(project)
    if not (project / "build/mirror/mini").exists():
        run(Command([*DOIT, "iso"], project))
    settings = packages.release(project, WORK / "release-packages")
    command = Command([*DOIT, "iso", *settings], project)
    for _ in range(3):
        run(command)
    return [_null(runs, "null build, 300 packages, CPU", command)]


ROWS: dict[str, Callable[[int], list[Row]]] = {
    "null": null_build,
    "null-real": null_real,
    "import": imported,
    "first": first_build,
    "ingest": ingest,
    "fetch": fetch,
    "sources": extract,
    "iso": lambda runs: images.many(WORK, runs),
    "iso-large": lambda runs: images.large(WORK, runs),
    "iso-most": lambda runs: images.most(WORK, runs),
    "iso-again": lambda runs: images.again(WORK, runs),
    "site": site,
    "summary": summary,
    "packages": stage_packages,
    "null-packages": null_packages,
}


def main() -> int:
    """Run the rows asked for; exit status 1 where one does not reach its ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("rows", nargs="*", default=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    good, known = True, dict[str, list[Row]]()
    for name in options.rows:
        rows = ROWS[name](options.runs)
        for row in rows:
            good &= row.reached
            print(row.text(), flush=True)
        known = remember(WORK / "rows.json", name, rows)
    if known.keys() >= ROWS.keys():
        PICTURE.write_text(draw({name: known[name] for name in ROWS}))
    else:
        print(f"no picture: never measured: {' '.join(ROWS.keys() - known.keys())}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
