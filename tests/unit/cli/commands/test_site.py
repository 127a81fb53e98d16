"""`site-init` and `site-check`: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildlib.cli.commands.site import SiteCheck, SiteInit


@pytest.fixture
def site(project: Path, tmp_path: Path) -> Path:
    """The example, in a checkout whose recipes it does not name."""
    (project / "recipes").mkdir()
    assert SiteInit().execute({}, [str(tmp_path / "site")]) == 0
    return tmp_path / "site"


def test_the_example_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    assert SiteInit().execute({}, [str(folder)]) == 0
    files = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    assert capsys.readouterr().out == (
        f"{folder}: {len(files)} files; check it with: doit site-check {folder}\n"
    )


@pytest.mark.parametrize(
    ("names", "why"), [([], "it was given none"), (["a", "b"], "it was given 2: a b")]
)
@pytest.mark.parametrize("command", [SiteInit, SiteCheck])
def test_they_take_one_folder(
    command: type[SiteInit] | type[SiteCheck],
    names: list[str],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command().execute({"json": False}, names) == 3
    assert capsys.readouterr().err.splitlines()[:2] == [
        f"ERROR: doit {command.name} takes one folder",
        f"  why:   {why}",
    ]


def test_problems_are_lines_and_the_status(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    (site / "pservers/stray").write_text("x")
    assert SiteCheck().execute({"json": False}, [str(site)]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert "pservers/stray: is not a folder" in lines
    assert lines == sorted(lines)
    assert last.startswith(f"{site}: 2 hosts, ")
    assert last.endswith(f", {len(lines)} problems")


def test_a_site_without_problems(
    tmp_path: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes").mkdir()
    for name in ("pservers", "vservers", "global"):
        (tmp_path / "small" / name).mkdir(parents=True)
    assert SiteCheck().execute({"json": False}, [str(tmp_path / "small")]) == 0
    assert capsys.readouterr().out == (f"{tmp_path}/small: 0 hosts, 0 servers, no problems\n")
    (tmp_path / "small/global").rmdir()
    assert SiteCheck().execute({"json": False}, [str(tmp_path / "small")]) == 1
    assert capsys.readouterr().out.endswith(": 0 hosts, 0 servers, 1 problem\n")


@pytest.mark.parametrize("words", [["--json"], []])
def test_json_is_asked_for_before_or_after_the_folder(
    words: list[str], site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    (site / "pservers/stray").write_text("x")
    assert SiteCheck().execute({"json": not words}, [str(site), *words]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["site"], found["hosts"]) == (str(site), 2)
    assert {
        "file": "pservers/stray",
        "line": 0,
        "what": "is not a folder",
        "hint": "",
        "reason": "not-a-folder",
    } in found["problems"]


def test_a_check_needs_recipes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert SiteCheck().execute({"json": False}, [str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith("ERROR: there are no recipes here\n")
