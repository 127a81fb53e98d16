"""The public names: what they are, where they are told, and what they cost."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from support.checkouts.scratch import PROJECT

import buildlib
from tools import api_page

TREE = ast.parse((PROJECT / "buildlib/__init__.py").read_text())


def test_the_page_is_made_from_the_docstrings() -> None:
    assert api_page.PAGE.read_text() == api_page.page(), "python tools/api_page.py"


@pytest.mark.parametrize("name", buildlib.__all__)
def test_a_name_is_there(name: str) -> None:
    assert getattr(buildlib, name).__doc__
    assert name in dir(buildlib)


def test_type_checkers_and_programs_see_the_same_names() -> None:
    typed = {
        alias.name
        for node in ast.walk(TREE)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if str(node.module).startswith("buildlib.")
    }
    assert typed == set(buildlib.__all__)
    assert (PROJECT / "buildlib/py.typed").exists()


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Stages'"):
        _ = buildlib.Stages


@pytest.mark.programs
def test_nothing_is_imported_before_it_is_asked_for() -> None:
    script = (
        "import sys; before = set(sys.modules); import buildlib; "
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True)
    assert ran.stdout.split() == ["buildlib"]
