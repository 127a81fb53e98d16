"""The library's modules as syntax trees: what they import, use and define."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT / "buildlib").as_posix() for path in (ROOT / "buildlib").rglob("*.py")
)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / "buildlib" / module).read_text(encoding="utf-8"))


@cache
def imports(module: str) -> tuple[tuple[int, str], ...]:
    """Line and full name of everything that a module imports, at any depth."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def uses(module: str) -> tuple[tuple[int, str], ...]:
    """Line and dotted name of everything a module uses from other modules and their classes."""
    return tuple(_uses(module))


def _uses(module: str) -> Iterator[tuple[int, str]]:
    origins = {name.rpartition(".")[2]: name for _, name in imports(module)}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute):
            parts = [node.attr]
            below: ast.expr = node.value
            while isinstance(below, ast.Attribute):
                parts.insert(0, below.attr)
                below = below.value
            if isinstance(below, ast.Name):
                yield node.lineno, ".".join([below.id, *parts])
        elif isinstance(node, ast.Name) and node.id in origins:
            yield node.lineno, origins[node.id]


def found(module: str, wanted: frozenset[str]) -> list[str]:
    return [f"{module}:{line}: {name}" for line, name in uses(module) if name in wanted]


def imported(module: str, wanted: frozenset[str]) -> list[str]:
    return [
        f"{module}:{line}: import {name}"
        for line, name in imports(module)
        if name.split(".")[0] in wanted
    ]


def definitions(node: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Name and node of every class and function, except nested functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield f"{inside}{child.name}", child
            yield from definitions(child, f"{inside}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{inside}{child.name}", child
