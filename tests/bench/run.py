"""`make bench`: our figures beside those of others, in one run.

Prints a row for each: our median, the other's, their ratio pair by pair, and the ratio to reach.
Ratios count; absolute times are those of this machine at this hour. Rows are chosen by name:
`make bench BENCH="null ingest"`; `--runs N` sets the number of counted runs (5).
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import material
from measure import Command, middle, pairs, ratio, run

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "bench"
PYTHON = Path(sys.prefix) / "bin" / "python"
OURS = Path(__file__).with_name("ours.py")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `reached` compares the figure with `wanted`, which has its sense."""

    name: str
    ours: str
    other: str
    figure: str
    wanted: str
    reached: bool


def null_build(runs: int) -> list[Row]:
    """`doit iso` with nothing to do, against a doit whose only task is up to date."""
    project, bare = WORK / "null", WORK / "bare"
    bare.mkdir(parents=True, exist_ok=True)
    (bare / "dodo.py").write_text(
        "def task_one():\n    return {'actions': ['true'], 'uptodate': [True]}\n")
    _project(project)
    doit: list[str | Path] = [PYTHON, "-m", "doit"]
    for _ in range(3):  # the first builds; what was just written is looked at once more
        run(Command([*doit, "iso"], project))
    ours, others = pairs(Command([*doit, "iso"], project), Command(doit, bare), runs)
    figure = ratio(ours, others, "cpu")
    return [Row("null build, CPU", _seconds(middle(ours, "cpu")),
                f"bare doit {_seconds(middle(others, 'cpu'))}", f"{figure:.2f} ×", "≤ 1.60 ×",
                figure <= 1.6)]


def first_build(runs: int) -> list[Row]:
    """`doit iso` from nothing."""
    project = WORK / "first"
    _project(project)

    def clear() -> None:
        shutil.rmtree(project / "build", ignore_errors=True)
        shutil.rmtree(project / "dist", ignore_errors=True)

    command = Command([PYTHON, "-m", "doit", "iso"], project, clear)
    results = [run(command) for _ in range(min(runs, 3))]
    wall, memory = middle(results, "wall"), max(item.memory for item in results)
    return [
        Row("doit iso from nothing, wall", _seconds(wall), "", f"{wall:.1f} s", "≤ 60 s",
            wall <= 60),
        Row("doit iso, peak of a process", f"{memory:.0f} MiB", "", f"{memory:.0f} MiB",
            "≤ 200 MiB", memory <= 200),
    ]


def ingest(runs: int) -> list[Row]:
    """A set of 20,000 files into the store, every one hashed, against bsdtar that unpacks it."""
    tree = material.tree(WORK / "set", files=18_000, folders=2_000, size=331_000_000)
    archive = material.archive(tree, WORK / "set.tgz")
    store, out = WORK / "store", WORK / "out"

    def fresh_out() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()

    ours, others = pairs(
        Command([PYTHON, OURS, "ingest", archive, store], WORK,
                lambda: shutil.rmtree(store, ignore_errors=True)),
        Command(["bsdtar", "-C", out, "-xf", archive], WORK, fresh_out),
        runs,
    )
    figure, memory = ratio(ours, others, "cpu"), max(item.memory for item in ours)
    return [
        Row("ingest of a 331 MB set, CPU", _seconds(middle(ours, "cpu")),
            f"bsdtar -xf {_seconds(middle(others, 'cpu'))}", f"{figure:.2f} ×", "≤ 1.30 ×",
            figure <= 1.3),
        Row("ingest, peak memory", f"{memory:.0f} MiB", "", f"{memory:.0f} MiB", "≤ 200 MiB",
            memory <= 200),
    ]


def fetch(runs: int) -> list[Row]:
    """Fetch, verify and store from loopback, against SHA-512 alone on the same bytes."""
    WORK.mkdir(parents=True, exist_ok=True)
    file, store = material.noise(WORK / "noise", 512 << 20), WORK / "fetched"
    with file.open("rb") as stream:
        sha512 = hashlib.file_digest(stream, "sha512").hexdigest()
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    server = subprocess.Popen([PYTHON, Path(__file__).with_name("server.py"), file],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/noise"
        ours, others = pairs(
            Command([PYTHON, OURS, "fetch", url, sha512, sha256, str(512 << 20), store], WORK,
                    lambda: shutil.rmtree(store, ignore_errors=True)),
            Command([PYTHON, OURS, "sha512", file], WORK),
            runs,
        )
    finally:
        server.kill()
        server.wait()
    figure = 1 / ratio(ours, others, "wall")
    return [Row("fetch and verify, rate", f"{512 / middle(ours, 'wall'):.0f} MiB/s",
                f"SHA-512 alone {512 / middle(others, 'wall'):.0f} MiB/s", f"{figure:.2f} ×",
                "≥ 0.90 ×", figure >= 0.9)]


ROWS: dict[str, Callable[[int], list[Row]]] = {
    "null": null_build, "first": first_build, "ingest": ingest, "fetch": fetch,
}


def _project(folder: Path) -> None:
    """A copy of the project to build in, fresh from the checkout."""
    for name in ("buildlib", "recipes", "sets", "kernel-configs"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    for name in ("dodo.py", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def main() -> int:
    """Run the rows asked for; exit status 1 where one does not reach its ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("rows", nargs="*", default=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    good = True
    for name in options.rows:
        for row in ROWS[name](options.runs):
            good &= row.reached
            print(f"{'ok  ' if row.reached else 'MISS'} {row.name:<30} {row.ours:>12}   "
                  f"{row.other:<26} {row.figure:>10}   wanted {row.wanted}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
