"""docs/reference/commands.md: every command, task and exit status."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT

from buildlib.cli.boot_media.session import GROUPS
from buildlib.cli.main import COMMANDS
from tools import command_page

PAGE = command_page.PAGE.read_text()


def test_the_page_is_current() -> None:
    assert command_page.page() == PAGE, "python tools/command_page.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented(name: str) -> None:
    assert f"\n### {name}\n" in PAGE or f"`{name}`" in PAGE.partition("not used\n")[2]


@pytest.mark.parametrize("name", [name for name in COMMANDS if f"\n### {name}\n" in PAGE])
def test_its_options_are_documented(name: str) -> None:
    section = PAGE.partition(f"\n### {name}\n")[2].partition("\n##")[0]
    shown = command_page.DOIT_OPTIONS.get(name)
    options = command_page.class_of(name).cmd_options
    assert shown is None or shown <= {option["name"] for option in options}
    for option in options:
        assert (f"`--{option['long']}" in section) is (shown is None or option["name"] in shown)
    if any(option["name"] == "json" for option in options):
        assert "\nWith `--json`: " in section


def test_tasks_are_documented() -> None:
    part = PAGE.partition("\n## Tasks\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `([a-z-]+)(?::…)?` \|", part, re.MULTILINE)
    assert sorted(told) == sorted({"iso", *command_page.checks(), *GROUPS})


def test_notes_are_about_commands() -> None:
    assert COMMANDS.keys() >= command_page.NOTES.keys() | command_page.DOIT_OPTIONS.keys()


@pytest.mark.programs
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("first",), 1),
        (("--continue", "second"), 2),
        (("help",), 0),
        (("nothing",), 3),
        (("clean",), 3),
        (("plan", "--none"), 3),
    ],
)
def test_exit_statuses_are_those_of_a_run(
    words: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    (tmp_path / "dodo.py").write_text(
        "DOIT_CONFIG = {'backend': 'goldmaster', 'dep_file': 'doit.json'}\n"
        "def task_first():\n    return {'actions': [lambda: False]}\n"
        "def task_second():\n    return {'actions': ['true'], 'task_dep': ['first']}\n"
    )
    script = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n"
        "from buildlib.cli.main import main\nsys.exit(main())"
    )
    ran = subprocess.run([sys.executable, "-c", script, *words], cwd=tmp_path, capture_output=True)
    assert ran.returncode == status
    assert f"\n| {status} | " in PAGE
