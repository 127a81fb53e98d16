"""Manual pages: each is sound, and says of its script what the script accepts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT

RECIPES = PROJECT / "recipes"
PAGES = sorted([*RECIPES.rglob("usr/share/man/man*/*"), *(PROJECT / "docs/man").iterdir()])
COMMANDS = sorted(RECIPES.rglob("overlay/usr/sbin/*"))
# Scripts that people run by hand, or that read settings of their own. The others of rc.d do their
# work when the server starts, and have nothing to say to anybody.
RC_SCRIPTS = sorted(
    path
    for path in RECIPES.rglob("overlay/etc/rc.d/*")
    if re.search(r"^(extra_commands|rcvar)=", path.read_text(), re.MULTILINE)
    or path.name == "nismaster"
)
IN_RC_SUBR = {"restart"}  # what it adds to every script that starts and stops


def overlay_of(script: Path) -> Path:
    return next(folder for folder in script.parents if folder.name == "overlay")


def page_of(script: Path) -> str:
    """The page beside it, by which it lands in every image that has the script."""
    path = overlay_of(script) / f"usr/share/man/man8/{script.name}.8"
    assert path.is_file(), f"{script.name} has no manual page: {path}"
    return path.read_text()


def identity(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=identity)
def test_a_page_is_sound(page: Path) -> None:
    ran = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, check=False
    )
    assert (ran.stdout + ran.stderr, ran.returncode) == ("", 0)


@pytest.mark.parametrize("page", PAGES, ids=identity)
def test_a_page_is_called_what_it_is_about(page: Path) -> None:
    name, _, section = page.name.partition(".")
    text = page.read_text().replace("\\-", "-")
    assert f"\n.Dt {name.upper()} {section}\n" in f"\n{text}"
    assert f"\n.Sh NAME\n.Nm {name}\n" in text
    assert page.parent.name in {f"man{section}", "man"}


def test_no_page_is_left_behind() -> None:
    about = {page.name for page in PAGES if page.suffix == ".8"}
    assert about == {f"{script.name}.8" for script in (*COMMANDS, *RC_SCRIPTS)}


@pytest.mark.parametrize("script", COMMANDS, ids=lambda path: path.name)
def test_options_are_those_of_the_script(script: Path) -> None:
    """Each letter with whether it takes an argument, in the script's order in both."""
    found = re.search(r"^while getopts (\S+) ", script.read_text(), re.MULTILINE)
    accepted = dict(re.findall(r"([a-z])(:?)", found[1])) if found else {}
    page = page_of(script)
    told = {
        letter: ":" if argument else ""
        for letter, argument in re.findall(r"^\.It Fl ([a-z])( Ar .+)?$", page, re.MULTILINE)
    }
    synopsis = page.partition(".Sh SYNOPSIS\n")[2].partition("\n.Sh ")[0]
    if found:
        assert told == accepted
        shown = re.findall(r"Fl ([a-z]+)", synopsis)
        assert sorted("".join(shown)) == sorted(accepted)
    else:  # an option of one of its commands
        assert all(f" -{letter}" in script.read_text() for letter in told)


def commands_of(script: Path) -> set[str]:
    """The words that its first argument may be, by the labels of the case that reads it."""
    text = script.read_text()
    found = re.search(
        r'case (?:"\$\*"|\$_command:\$#) in\n(.*?)^\s*esac', text, re.DOTALL | re.MULTILINE
    )
    labels = re.findall(r'^\s*("?[a-z][^)\n]*)\)', found[1], re.MULTILINE) if found else []
    return {word for label in labels for word in re.findall(r"(?:^|\| )\"?([a-z]+)", label)}


@pytest.mark.parametrize("script", COMMANDS, ids=lambda path: path.name)
def test_commands_are_those_of_the_script(script: Path) -> None:
    told = re.findall(r"^\.It Ic ([a-z]+)", page_of(script), re.MULTILINE)
    assert sorted(told) == sorted(commands_of(script))


@pytest.mark.parametrize("script", RC_SCRIPTS, ids=lambda path: path.name)
def test_commands_are_those_of_rc(script: Path) -> None:
    accepted = {
        name
        for name, does in re.findall(r'^([a-z]+)_cmd="(.+)"$', script.read_text(), re.MULTILINE)
        if does != ":"
    }
    synopsis = page_of(script).partition(".Sh SYNOPSIS\n")[2].partition("\n.Sh ")[0]
    (line,) = re.findall(r"^\.Ic (.+)$", synopsis, re.MULTILINE)
    told = set(line.split(" | "))
    assert accepted <= told <= accepted | IN_RC_SUBR
    items = set(re.findall(r"^\.It Ic ([a-z]+)", page_of(script), re.MULTILINE))
    assert items == (told if len(told) > 1 else set())


@pytest.mark.parametrize("script", RC_SCRIPTS, ids=lambda path: path.name)
def test_settings_are_those_of_the_script(script: Path) -> None:
    """Names in rc.conf that begin with the script's, and their defaults."""
    sources = [script, *(overlay_of(script) / "libexec/goldmaster").iterdir()]
    text = "\n".join(path.read_text() for path in sources)
    name = rf"({script.name}(?:_[a-z]+)*)"
    accepted = dict(re.findall(rf"\$\{{{name}:[=-](\w*)\}}", text))
    accepted |= dict(re.findall(rf"^\s*setting {name} (\d+)$", text, re.MULTILINE))
    told = dict(
        re.findall(
            r"^\.It Va (\w+)\n(.+?)(?=^\.(?:It|El))", page_of(script), re.DOTALL | re.MULTILINE
        )
    )
    assert told.keys() == accepted.keys()
    for setting, default in accepted.items():
        assert default in told[setting], setting
