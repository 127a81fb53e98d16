"""Standard streams as callers leave them: closed, full, without a reader, of another encoding."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.checkouts.scratch import Ran, Scratch, surroundings

MOTD = "recipes/domu/pkgrepo/overlay/etc/motd"
TELLING = {
    "list": ("list",),
    "list --all": ("list", "--all"),
    "info": ("info", "iso"),
    "plan": ("plan",),
    "why": ("why",),
    "packages-report": ("packages-report",),
    "site-check": ("site-check", "site"),
    "help": ("help",),
    "help why": ("help", "why"),
    "outdated": ("outdated",),
}
CLOSED = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-")


def shell(
    scratch: Scratch,
    words: tuple[str, ...],
    redirect: str,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run doit by a shell that opens and closes descriptors."""
    done = subprocess.run(
        ["sh", "-c", f"exec {shlex.join(scratch.argv(*words))} {redirect}"],
        cwd=scratch.root,
        env=surroundings(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=480,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def without_a_reader(scratch: Scratch, *words: str) -> Ran:
    """Run doit with a pipe for output that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        scratch.argv(*words),
        cwd=scratch.root,
        env=surroundings(),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=480,
    )
    os.close(writer)
    return Ran(done.returncode, "", done.stderr)


@pytest.fixture(scope="module")
def changed(template: Scratch, tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """A checkout in which something is to be done, with a site."""
    copy = template.copy(tmp_path_factory.mktemp("streams") / "checkout")
    copy.append(MOTD, "again\n")
    copy.doit("site-init", "site")
    return copy


@pytest.mark.parametrize("name", TELLING)
def test_a_command_that_tells_ends_with_its_reader(changed: Scratch, name: str) -> None:
    """`doit list | head -1`: in silence, with the status of a program whose pipe is closed."""
    ran = without_a_reader(changed, *TELLING[name])
    assert (ran.status, ran.err) == (128 + 13, "")


def test_a_command_that_makes_goes_on_without_a_reader(scratch: Scratch) -> None:
    lock = scratch.read("sets/mini.lock")
    scratch.remove("sets/mini.lock")
    ran = without_a_reader(scratch, "lock")
    assert (ran.status, ran.err) == (0, "")
    assert scratch.read("sets/mini.lock") == lock
    scratch.append(MOTD, "again\n")
    ran = without_a_reader(scratch, "iso")
    assert (ran.status, ran.err) == (0, "")
    assert scratch.build("iso").built == set()


@pytest.mark.parametrize("name", ["list --all", "help", "plan"])
def test_output_that_cannot_be_written_is_an_error(changed: Scratch, name: str) -> None:
    ran = shell(changed, TELLING[name], ">/dev/full")
    assert ran.status == 3
    assert ran.err.splitlines() == [
        "ERROR: the output is incomplete",
        "  where: standard output",
        "  why:   No space left on device",
        "  do:    redirect it elsewhere; everything else is done",
    ]
    assert shell(changed, TELLING[name], "2>/dev/full").status == 0


@pytest.mark.parametrize("redirect", CLOSED, ids=["in", "out", "err", "all"])
def test_closed_descriptors(changed: Scratch, redirect: str) -> None:
    ran = shell(changed, ("plan",), redirect)
    assert (ran.status, ran.err) == (0, "")
    assert ("root:pkgrepo" in ran.out) is (">&-" not in redirect.replace("2>&-", ""))


def test_a_build_with_no_stream_at_all(scratch: Scratch, template: Scratch) -> None:
    """Tools run, and nothing of what would be told gets into a file that was opened instead."""
    for path in scratch.path("build/store/records").rglob("*.json"):
        if (
            "DistributionXen" not in (text := path.read_text())
            and '"Toolchain"' not in text
            and ('"Kernel"' not in text)
        ):
            path.unlink()
    ran = shell(scratch, ("iso", "domu-images"), CLOSED[-1])
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert scratch.products() == template.products()
    assert scratch.build("iso", "domu-images").built == set()
    scratch.append("recipes/dom0.toml", "\nsets = 3")
    ran = shell(scratch, ("iso",), ">&-")
    assert ran.status == 3
    assert ran.err.startswith("ERROR: ")


def test_a_build_to_a_full_disk_is_made_and_told(scratch: Scratch) -> None:
    scratch.append(MOTD, "again\n")
    ran = shell(scratch, ("iso",), ">/dev/full")
    assert ran.status == 3
    assert ran.err.startswith("ERROR: the output is incomplete\n")
    assert ran.err.count("ERROR") == 1
    assert scratch.build("iso").built == set()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX"},
        {"LANG": "C", "LC_ALL": ""},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1:strict"},
    ],
    ids=["ascii", "POSIX", "C", "no UTF-8", "latin-1"],
)
def test_letters_that_cannot_be_shown(
    template: Scratch, tmp_path: Path, environment: dict[str, str]
) -> None:
    """In the path of the checkout, which a result's line tells."""
    scratch = template.copy(tmp_path / "caf\u00e9 \u20ac")
    scratch.append(MOTD, "again\n")
    ran = shell(scratch, ("iso",), "", environment)
    assert (ran.status, ran.err) == (0, "")
    assert "caf" in ran.out
    ran = shell(scratch, ("nothing-\u00e9",), "", environment)
    assert ran.status == 3
    assert ran.err.startswith("ERROR: there is no task or command nothing-")


def on_a_terminal(scratch: Scratch, *words: str, **variables: str | None) -> tuple[int, str]:
    """Status and output of doit on a terminal, with variables of the environment, or without."""
    ours, theirs = pty.openpty()
    environment = {
        name: value
        for name, value in surroundings().items()
        if name not in {"TERM", "COLUMNS", "LINES"}
    }
    process = subprocess.Popen(
        scratch.argv(*words),
        cwd=scratch.root,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment | {name: value for name, value in variables.items() if value is not None},
    )
    os.close(theirs)
    pieces = []
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # EIO: the last one has closed it
            break
        pieces.append(piece)
    os.close(ours)
    return process.wait(), b"".join(pieces).decode(errors="replace")


@pytest.mark.parametrize(
    "columns",
    ["1", "0", "-7", "\u00b2", "9" * 5000, "wide", "40"],
    ids=["1", "0", "negative", "no digit", "long", "word", "40"],
)
def test_columns_that_no_terminal_has(changed: Scratch, columns: str) -> None:
    status, told = on_a_terminal(changed, "plan", COLUMNS=columns, TERM="xterm")
    assert status == 0
    assert told.startswith("root:pkgrepo")
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("term", "columns", "lives"),
    [("xterm", "\u00b2", True), ("xterm", "1", True), ("dumb", None, False), (None, None, False)],
    ids=["odd", "narrow", "dumb", "none"],
)
def test_a_build_on_a_terminal(
    scratch: Scratch, term: str | None, columns: str | None, lives: bool
) -> None:
    scratch.append(MOTD, "again\n")
    status, told = on_a_terminal(scratch, "iso", TERM=term, COLUMNS=columns)
    assert status == 0, told
    assert ("\x1b[" in told) is lives
    assert "built    root:pkgrepo"[:15] in told
