"""The form of modules and functions: how long they are, and what they say of themselves."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.modules import MODULES, ROOT, definitions, tree

MODULE_LINES = 400
FUNCTION_LINES = 50


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_one_idea_and_says_it(module: str) -> None:
    lines = (ROOT / "buildlib" / module).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MODULE_LINES
    assert ast.get_docstring(tree(module)), "a module says what it is for"


def test_tests_have_one_idea_too() -> None:
    """A file of tests that grows becomes a folder."""
    sizes = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "tests").rglob("*.py")
    }
    assert [str(path) for path, lines in sizes.items() if lines > MODULE_LINES] == []


BARE = re.compile(
    r"# (?:noqa(?!: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*  [^\s#])"
    r"|type: ?ignore(?!\[[a-z-]+(?:, ?[a-z-]+)*\]  # \S))"
)


def test_whoever_silences_a_checker_says_why() -> None:
    """`# noqa: CODE  reason`, and `# type: ignore[code]  # reason`."""
    here = Path(__file__)
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (
            *(
                path
                for folder in ("buildlib", "tests", "tools")
                for path in (ROOT / folder).rglob("*.py")
            ),
            ROOT / "dodo.py",
        )
        if path != here
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if BARE.search(line)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "is_bare"),
    [
        ("x  # noqa", True),
        ("x  # noqa: E501", True),
        ("x  # noqa: E501  # type: ignore", True),
        ("x  # type: ignore", True),
        ("x  # type: ignore[misc]", True),
        ("x  # type: ignore[misc]  why", True),
        ("x  # noqa: E402, F401  # type: ignore[misc]", True),
        ("x  # noqa: E501  its name", False),
        ("x  # noqa: E402, F401  likewise", False),
        ("x  # type: ignore[misc]  # doit has no types", False),
        ("x  # a remark", False),
    ],
)
def test_the_rule_sees_silence_without_a_reason(line: str, is_bare: bool) -> None:
    assert bool(BARE.search(line)) is is_bare


def test_functions_are_short() -> None:
    """Those of tests and tools, too."""
    wrong = [
        f"{path.relative_to(ROOT)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for folder in ("buildlib", "tests", "tools")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not wrong


def test_what_is_public_is_documented() -> None:
    wrong = [
        f"{module}: {name}"
        for module in MODULES
        for name, node in definitions(tree(module))
        if not any(part.startswith("_") for part in name.split("."))
        and isinstance(node, ast.ClassDef | ast.FunctionDef)
        and not _is_overload_of_documented(node)
        and ast.get_docstring(node) is None
    ]
    assert not wrong


def _is_overload_of_documented(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """A property's setter, or a body of `...` in a protocol: the words stand elsewhere."""
    last = node.body[-1]
    return isinstance(node, ast.FunctionDef) and (
        any(
            isinstance(item, ast.Attribute) and item.attr == "setter"
            for item in node.decorator_list
        )
        or (
            isinstance(last, ast.Expr)
            and isinstance(last.value, ast.Constant)
            and last.value.value is ...
        )
    )
