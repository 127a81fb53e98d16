"""Make a small change in a module, and check whether the tests of its folder notice it.

    python tools/mutants.py [--number N] [--seed S] [MODULE ...]

A mutant is a copy of the checkout with one of Cosmic Ray's changes: another comparison, a number
increased by one, a loop that ends immediately. A random module is chosen, weighted by its lines,
then a kind of change, then one mutant. MODULE is a file or folder below buildlib; the default is
all of buildlib. The tests for a module in `buildlib/FOLDER` are those of `tests/unit/FOLDER`, the
module's own file first.

Mutants that survive are shown with their changes. Read them: if a mutant behaves like the original,
the tests are fine; otherwise write a test.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.watched_tests import first_failure  # noqa: E402  its folder is found since the line above

LEFT_OUT = (".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis")
Position = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """An operator's change number `occurrence` to a module, in line `line`."""

    module: Path
    operator: str
    occurrence: int
    line: int

    @property
    def kind(self) -> str:
        """The family of the operator: some have a member for each pair of operators."""
        return self.operator.partition("_")[0]

    def code(self) -> str:
        """The module with the change."""
        source = (ROOT / self.module).read_text(encoding="utf-8")
        return str(mutate_code(source, get_operator(self.operator)(), self.occurrence))

    def can_be_made(self) -> bool:
        """Whether Cosmic Ray can make it: it fails for some exceptions, as in `except a.b`."""
        try:
            self.code()
        except AttributeError:
            return False
        return True

    def diff(self) -> str:
        """The change as a diff."""
        before = (ROOT / self.module).read_text(encoding="utf-8").splitlines()
        lines = difflib.unified_diff(before, self.code().splitlines(), n=1, lineterm="")
        return "\n".join(f"    {line}" for line in [*lines][3:])


@cache
def mutants_of(module: Path) -> Sequence[Mutant]:
    """All mutants of a module, except those of annotations, which are not evaluated."""
    source = (ROOT / module).read_text(encoding="utf-8")
    idle = [*_annotations(source)]
    nodes = [*ast_nodes(get_ast(source))]
    found = []
    for name in operator_names():
        if get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        found += [
            Mutant(module, name, number, start[0])
            for number, (start, _) in enumerate(places)
            if not any(first <= start < last for first, last in idle)
        ]
    return found


def _annotations(source: str) -> Iterator[tuple[Position, Position]]:
    for node in ast.walk(ast.parse(source)):
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            if isinstance(part, ast.expr):
                assert part.end_lineno is not None
                assert part.end_col_offset is not None
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def sample(modules: Sequence[Path], number: int, seed: int) -> list[Mutant]:
    """A random sample of `number` different mutants."""
    chance = random.Random(seed)
    sizes = [len((ROOT / module).read_text(encoding="utf-8").splitlines()) for module in modules]
    drawn: dict[Mutant, None] = {}
    for _ in range(100 * number):
        if len(drawn) == number:
            break
        (module,) = chance.choices(modules, sizes)
        if known := mutants_of(module):
            kind = chance.choice(sorted({mutant.kind for mutant in known}))
            one = chance.choice([one for one in known if one.kind == kind])
            if one.can_be_made():
                drawn.setdefault(one)
    return list(drawn)


def tests_of(module: Path, root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that bear a module's name, and the others of its folder and the folders in it.

    A folder without tests is represented by the nearest parent with tests; `tests/unit` itself, by
    the files that lie in it.
    """
    unit = Path("tests/unit")
    folder = unit.joinpath(*module.parts[1:-1])
    while not any((root / folder).rglob("test_*.py")):
        folder = folder.parent
    found = (root / folder).glob if folder == unit else (root / folder).rglob
    paths = sorted(path.relative_to(root) for path in found("test_*.py"))
    own = [path for path in paths if path.match(f"test_{module.stem}*.py")]
    others = [path for path in paths if path not in own]
    return tuple(map(str, own)), tuple(map(str, others))


class Judge:
    """Runs tests on mutants in a copy of the checkout."""

    def __init__(self, checkout: Path) -> None:
        self._checkout = checkout
        self.unreliable: set[str] = set()  # tests that fail without a change

    def notices(self, mutant: Mutant) -> str | None:
        """The test that notices a mutant: of those with its module's name, then of the folder.

        It must pass without the change. One that does not is left out from then on.
        """
        path, code = self._checkout / mutant.module, mutant.code()
        original = path.read_bytes()
        for tests in tests_of(mutant.module, self._checkout):
            while tests:
                path.write_text(code, encoding="utf-8")
                failed = first_failure(tests, self._checkout, left_out=self.unreliable)
                path.write_bytes(original)
                if failed is None:
                    break
                again = tests if failed == "collection" else (failed,)
                if first_failure(again, self._checkout, left_out=self.unreliable) is None:
                    return failed
                if failed in self.unreliable or "::" not in failed:
                    sys.exit(f"without a change, these tests fail: {' '.join(tests)}")
                self.unreliable.add(failed)
        return None


def survivors(drawn: Sequence[Mutant], judge: Judge) -> Iterator[Mutant]:
    """Test each mutant in the copy and print the result; yields those that no test noticed."""
    for mutant in sorted(drawn, key=lambda one: (one.module, one.line)):
        by = judge.notices(mutant)
        operator = mutant.operator.removeprefix("core/")
        word = "SURVIVED" if by is None else "noticed "
        print(f"{word}  {mutant.module}:{mutant.line}  {operator}", flush=True)
        if by is None:
            print(mutant.diff(), flush=True)
            yield mutant


def main() -> None:
    """Choose mutants, test them and print a summary."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--number", type=int, default=20, help="how many mutants (20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random sample (1)")
    parser.add_argument("modules", nargs="*", default=["buildlib"], help="files or folders")
    given = parser.parse_args()
    modules = sorted(
        path.relative_to(ROOT)
        for name in given.modules
        for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    )
    if not modules:
        parser.error(f"{' '.join(given.modules)}: no modules found")
    drawn = sample(modules, given.number, given.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the tests, removes the copy
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Path(scratch) / "checkout"
        shutil.copytree(ROOT, checkout, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        judge = Judge(checkout)
        left = [*survivors(drawn, judge)]
    noticed = len(drawn) - len(left)
    print(f"{noticed} of {len(drawn)} mutants were noticed, with seed {given.seed}")
    if judge.unreliable:
        sys.exit("\n  ".join(["these tests failed without a change:", *sorted(judge.unreliable)]))


if __name__ == "__main__":
    main()
