"""docs/reference/commands.md: python tools/command_page.py

Names, usage, purpose and options come from the classes of the commands, tasks from the tables that
define them; descriptions of their results are in this file.
"""

from __future__ import annotations

import signal
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doit.doit_cmd import DoitMain

from buildlib.cli.boot_media.checks import checks_of
from buildlib.cli.boot_media.session import GROUPS, BootMediaSession
from buildlib.cli.commands.build import Own
from buildlib.cli.commands.unsupported import _Retired
from buildlib.cli.main import COMMANDS
from buildlib.config.shconf import Problem
from tools.dataclass_docs import REFERENCE

PAGE = REFERENCE / "commands.md"
HEAD = """# Every command and task

    goldmaster [COMMAND] [OPTION …] [WORD …] [SETTING=VALUE …]

`goldmaster` is [doit](https://pydoit.org) with goldmaster's commands. In a project's folder `doit`
does the same. Without a command, the words are tasks to run: `goldmaster iso` is
`goldmaster run iso`, and `goldmaster` alone runs `iso` (in a pipeline of your own: all tasks).
Options come before words, settings may be anywhere: [settings.md](settings.md) lists them.

`goldmaster help` lists all commands, `goldmaster help COMMAND` explains one. This page is generated
from the code by `tools/command_page.py`.
"""
# doit's own options that are useful here. The others act on doit's own records, or are set by
# goldmaster.
DOIT_OPTIONS: Mapping[str, frozenset[str]] = {
    "run": frozenset({"continue"}),
    "list": frozenset({"subtasks", "quiet", "status", "template"}),
    "info": frozenset({"hide_status"}),
}
# Additional notes on commands.
NOTES: Mapping[str, str] = {
    "run": """
        Tasks that are up to date are skipped without a message. `*` in a name stands for anything:
        `goldmaster run 'kernel:*'`. The setting `jobs` says how many run at once.""",
    "plan": """
        With `--json`: a list of objects with `task`, `verdict` (`build`, `restore`, `depends`) and
        `reasons`.""",
    "why": """
        With `--json`: an object, from each task to the list of its reasons.""",
    "site-check": """
        With `--json`: an object with `site`, `hosts` and `servers` (how many there are), and
        `problems`, a list of objects with {problem}.""",
    "outdated": """
        With `--json`: an object with `release`, `packages` (how many are locked), `outdated`,
        `vulnerabilities` and `notes`. `outdated` is null if the repository was not asked,
        `vulnerabilities` if no list was given.""",
    "packages-report": """
        With `--json`: an object with `packages`, a list of objects with `package`, `recipes` and
        `actions`, and `undone`, from each recipe to the declarations that could not be applied
        (null if its root is not up to date).""",
}
TASKS: Mapping[str, str] = {
    "iso": """
        Writes `RELEASE-dom0.iso` to the folder `dist`, and beside it the same name with `.sha256`,
        `.sha512`, `.mtree` and `.json`. Runs if no task is named.""",
    "domu-images": """
        Writes `RELEASE-NAME.ffs` for each domU recipe, with the same files beside it.
        `domu-images:NAME` makes one of them.""",
    "verify": """
        Fails if anything is damaged. Damaged content is removed from the store, so that
        the next build makes it again.""",
    "boot-test": """
        Makes `iso` first if it is not up to date. Settings: `media`, `seconds`, `jobs`. Consoles
        are kept in `build/log`. Fails if any of the boots fails.""",
    "image-server": """
        Settings: `key` (required), `images`, `served`.""",
    "package-repo": """
        Settings: `key` (without it the list of digests is not signed), `packages`.""",
}
RETIRED = """
    {names} act on doit's own records of tasks. Here the store decides what is up to date, so each
    of them refuses with exit status 3, and names the command to use instead."""
NAMED = """
    These are the tasks that users name. {checks} run whenever they are named, all others only if
    something that they depend on has changed."""
STATUSES: Mapping[str, str] = {
    "0": """
        Everything that was requested is done or was up to date. A comparison found nothing.""",
    "1": """
        A task failed. {comparing}: the comparison or check found something.""",
    "2": """
        A task could not be started: with `--continue`, because one that it needs has failed; or
        because a `file_dep` of a task of your own in dodo.py is missing.""",
    "3": """
        Nothing was started: a wrong setting, option or word, an unknown task or command, a problem
        in the configuration or in dodo.py, or something that would make a long build fail later.
        A command other than `run` failed. Standard output could not be written.""",
    "128 + N": """
        Signal N ended the run: {signals}. {pipe} if the reader of a command that only prints is
        gone, as in `goldmaster list \\| head -1`.""",
}
ERRORS = """
    Errors go to standard error. With `progress=json`, those of tasks are events on standard output:
    [events.md](events.md)."""
STATUS_ONE = "Exit status 1"


def page() -> str:
    """The whole page."""
    retired = [name for name in COMMANDS if is_of(name, _Retired)]
    return "\n".join(
        [
            HEAD,
            "## Commands\n",
            "\n".join(_overview(used())),
            *(_command(name) for name in used()),
            "## Commands that are not used\n",
            _paragraph(RETIRED.format(names=_listed(retired))),
            *_tasks(),
            *_statuses(),
        ]
    )


def used() -> list[str]:
    """The commands in use, doit's before our own."""
    names = [name for name in COMMANDS if not is_of(name, _Retired)]
    return sorted(names, key=lambda name: is_of(name, Own))


def class_of(name: str) -> Any:
    """The class of a command."""
    module, _, attribute = COMMANDS[name].partition(":")
    return getattr(import_module(module), attribute)


def is_of(name: str, kind: type) -> bool:
    """Whether a command is one of that kind."""
    return issubclass(class_of(name), kind)


def ends_with_one(name: str) -> bool:
    """Whether a command exits with status 1 if it finds something."""
    return STATUS_ONE in (class_of(name).doc_description or "")


def _overview(names: Iterable[str]) -> Iterator[str]:
    yield "| command | what it does |"
    yield "|---|---|"
    for name in names:
        yield f"| [`{name}`](#{name}) | {class_of(name).doc_purpose} |"
    for kind in DoitMain.DOIT_CMDS:
        if kind.get_name() not in COMMANDS:
            yield f"| `{kind.get_name()}` | {kind.doc_purpose} (doit's own) |"
    yield ""


def _command(name: str) -> str:
    usage = f"goldmaster {name} {class_of(name).doc_usage}".rstrip()
    parts = [f"### {name}\n", f"    {usage}\n", *map(_paragraph, description(name))]
    if options := options_of(name):
        rows = (
            f"| {', '.join(f'`{form}`' for form in forms)} | {text} |" for forms, text in options
        )
        parts.append("\n".join(["| option | what it does |", "|---|---|", *rows]) + "\n")
    return "\n".join([*parts, *map(_paragraph, notes(name))])


def description(name: str) -> list[str]:
    """What a command does, in paragraphs."""
    kind = class_of(name)
    more = kind.doc_description if is_of(name, Own) else None
    return [sentence(kind.doc_purpose), *([more] if more else [])]


def notes(name: str) -> list[str]:
    """Additional notes on a command, in paragraphs."""
    note = NOTES.get(name)
    return [note.format(problem=_listed(_fields_of_a_problem()))] if note else []


def options_of(name: str) -> list[tuple[list[str], str]]:
    """The forms of each option, `-q` and `--quiet`, and what it does."""
    shown = DOIT_OPTIONS.get(name)
    return [
        _option(option)
        for option in class_of(name).cmd_options
        if shown is None or option["name"] in shown
    ]


def _option(option: Mapping[str, Any]) -> tuple[list[str], str]:
    value = "" if option["type"] is bool else "=ARG"
    forms = [f"-{option['short']}"] if option.get("short") else []
    forms += [f"--{option['long']}{value}"] if option.get("long") else []
    return forms, _line(option["help"]).partition(" [default")[0]


def _fields_of_a_problem() -> list[str]:
    return [field.name for field in fields(Problem)]


def checks() -> dict[str, str]:
    """Name and description of every task that always runs."""
    plan = SimpleNamespace(version={}, repository={})
    session = cast("BootMediaSession", SimpleNamespace(plan=plan))
    return {check.name: check.doc for check in checks_of(session)}


def tasks() -> dict[str, str]:
    """Name and description of every task that users name."""
    return {"iso": "build the boot CD", "domu-images": GROUPS["domu-images"], **checks()}


def more(name: str) -> str:
    """Additional notes on a task; empty for most."""
    return _line(TASKS.get(name, ""))


def _tasks() -> Iterator[str]:
    lines = tasks()
    yield "## Tasks\n"
    yield _paragraph(NAMED.format(checks=_listed([*checks()])))
    yield "\n".join(
        [
            "| task | what it does | more |",
            "|---|---|---|",
            *(f"| `{name}` | {line} | {more(name)} |" for name, line in lines.items()),
        ]
    )
    yield "\nOther tasks are the stages that lead there. `goldmaster list --all` names each.\n"
    yield (
        "\n".join(
            [
                "| tasks | what they do |",
                "|---|---|",
                *(f"| `{name}:…` | {line} |" for name, line in GROUPS.items() if name not in lines),
            ]
        )
        + "\n"
    )


def statuses() -> dict[str, str]:
    """Each exit status, and its meaning."""
    comparing = [name for name in used() if is_of(name, Own) and ends_with_one(name)]
    signals = ", ".join(
        f"{128 + one} {one.name}" for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    )
    return {
        status: _line(text).format(
            comparing=_listed(comparing), signals=signals, pipe=128 + signal.SIGPIPE
        )
        for status, text in STATUSES.items()
    }


def _statuses() -> Iterator[str]:
    yield "## Exit statuses\n"
    rows = (f"| {status} | {meaning} |" for status, meaning in statuses().items())
    yield "\n".join(["| status | meaning |", "|---|---|", *rows]) + "\n"
    yield _paragraph(ERRORS)


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _paragraph(text: str) -> str:
    return textwrap.fill(_line(text), 100, break_long_words=False, break_on_hyphens=False) + "\n"


def sentence(text: str) -> str:
    """A line as a sentence."""
    return text[:1].upper() + text[1:] + "." * (not text.endswith("."))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
