"""doit's commands that do nothing here."""

from __future__ import annotations

import pytest

from buildlib.cli.commands import unsupported
from buildlib.cli.commands.build import Own


@pytest.mark.parametrize(
    ("kind", "name", "instead"),
    [
        (unsupported.Clean, "clean", "`doit gc` frees disk space"),
        (unsupported.Forget, "forget", "`doit why TASK` shows why"),
        (unsupported.ResetDep, "reset-dep", "`doit why TASK` shows why"),
        (unsupported.DumpDB, "dumpdb", "`doit why TASK` shows why"),
        (unsupported.Ignore, "ignore", "name the tasks to run"),
    ],
)
def test_each_names_what_to_use(
    kind: type[Own], name: str, instead: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kind.get_name() == name
    assert kind().execute({}, ["iso"]) == 3
    head, why, do = capsys.readouterr().err.splitlines()
    assert head == f"ERROR: doit {name} does nothing here"
    assert why == (
        "  why:   The store decides what is up to date, so there is nothing for it to act on."
    )
    assert do.startswith(f"  do:    {instead}")
