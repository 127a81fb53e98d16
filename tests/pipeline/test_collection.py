"""The list of tests is the same in every process, and no archive of theirs has the clock in it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
# Whatever a caller may have other than whoever runs these tests.
ELSEWHERE = {
    "LC_ALL": "C",
    "TZ": "Pacific/Auckland",
    "COLUMNS": "40",
    "TERM": "dumb",
    "HOME": "/nonexistent",
    "PYTEST_ADDOPTS": "",
}


def _by_file(names: Iterator[str]) -> Mapping[str, list[str]]:
    found = defaultdict(list)
    for name in names:
        found[name.partition("::")[0]].append(name)
    return found


def _collected_elsewhere(seed: int) -> Mapping[str, list[str]]:
    """All tests, with files the other way round, as a process finds them that starts later."""
    files = sorted(map(str, TESTS.rglob("test_*.py")), reverse=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        cwd=TESTS.parent,
        env=os.environ | ELSEWHERE | {"PYTHONHASHSEED": str(seed)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return _by_file(line for line in done.stdout.splitlines() if "::" in line)


def test_every_process_finds_the_same_tests(request: pytest.FixtureRequest) -> None:
    """What this process found, of all or some, is what another one finds, in the same order."""
    mine = _by_file(item.nodeid for item in request.session.items)
    others = _collected_elsewhere(os.getpid() % 1000 + 1)
    for name, tests in mine.items():
        wanted = set(tests)
        assert [test for test in others[name] if test in wanted] == tests


def _with_the_clock(source: str) -> Iterator[int]:
    """Lines where something is packed by gzip with the time of day in its header."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            words = {word.arg for word in node.keywords}
            values = [word.value for word in node.keywords] + node.args
            if (
                ast.unparse(node.func) in {"gzip.compress", "gzip.GzipFile", "GzipFile"}
                and "mtime" not in words
            ) or any(
                isinstance(value, ast.Constant) and value.value in {"w:gz", "w|gz", "x:gz"}
                for value in values
            ):
                yield node.lineno
        elif isinstance(node, ast.Dict | ast.List | ast.Tuple):
            values = node.values if isinstance(node, ast.Dict) else node.elts
            if any(ast.unparse(value) == "gzip.compress" for value in values if value):
                yield node.lineno


def test_no_archive_has_the_clock_in_it() -> None:
    wrong = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in _with_the_clock(path.read_text(encoding="utf-8"))
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("gzip.compress(data)", [1]),
        ("gzip.compress(data, mtime=0)", []),
        ("tarfile.open(name, mode='w:gz')", [1]),
        ("pack = [\nbytes, gzip.compress]", [1]),
        ("x = {'gz': gzip.compress}", [1]),
    ],
    ids=["clock", "no clock", "tar", "list", "mapping"],
)
def test_the_rule_sees_what_it_forbids(source: str, lines: list[int]) -> None:
    assert list(_with_the_clock(source)) == lines
