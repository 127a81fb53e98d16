"""doit's own commands, given what they cannot do: an error in our words, and no traceback."""

from __future__ import annotations

import re

import pytest
from support.checkouts.scratch import Scratch


@pytest.mark.parametrize(
    "words",
    [
        ("info", "kernel:NOPE"),
        ("list", "iso", "kernel:NOPE"),
        ("list", "kernel:NOPE"),
        ("kernel:NOPE",),
        ("iso", "kernel:NOPE"),
        ("kernel:NOPE*",),
    ],
    ids=" ".join,
)
def test_a_task_that_is_not_there(shared: Scratch, words: tuple[str, ...]) -> None:
    """A pattern must be of a task, too: with nothing to do all would seem well."""
    ran = shared.doit(*words, status=3)
    assert re.match(
        r"ERROR: there is no task (or command )?kernel:NOPE\*?; did you mean kernel\?\n"
        r"  do:    `doit list --all` shows all tasks",
        ran.err,
    ), ran.err
    assert ran.out == ""


@pytest.mark.parametrize("form", ["{x}", "{0}", "{", "{name.x}", "{status}", "{name:x}"])
def test_a_template_that_cannot_be_filled_in(shared: Scratch, form: str) -> None:
    ran = shared.doit("list", "--template", form, status=3)
    assert ran.err.startswith("ERROR: the template is not valid\n")
    assert shared.doit("list", "--template", "{name}\t{doc}").out.startswith("boot-test\t")


def test_a_file_for_the_report_that_cannot_be_made(shared: Scratch) -> None:
    ran = shared.doit("run", "-o", "nowhere/x", "iso", status=3)
    assert "where: doit run, nowhere/x\n" in ran.err
