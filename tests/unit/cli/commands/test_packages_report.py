"""`doit packages-report`: for people and for programs."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from buildlib.cli.commands.packages_report import PackagesReport
from buildlib.operations import packages_report
from buildlib.operations.packages_report import Report
from buildlib.pkgsrc.unapplied import Action

REPORTS = (
    Report("lz4-1.9", ("dom0",), ()),
    Report("web-1.0", ("dom0", "sql"), (Action("+INSTALL", 7, "echo"), Action("@exec", 0, "x"))),
)
UNDONE = {"dom0": None, "sql": (), "web": ("user a: taken", "group b: taken")}


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SimpleNamespace(plan="plan", engine="engine")
    monkeypatch.setattr(PackagesReport, "boot_media", lambda _self: session)
    monkeypatch.setattr(packages_report, "report", lambda _plan, _engine: REPORTS)
    monkeypatch.setattr(packages_report, "undone", lambda _plan, _engine: UNDONE.items())


def test_a_paragraph_for_each_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert PackagesReport().execute({"json": False}, []) == 0
    assert capsys.readouterr().out.splitlines() == [
        "web-1.0 (dom0, sql)",
        "    +INSTALL 7: echo",
        "    @exec: x",
        "dom0: run doit root:dom0 to see declarations that cannot be applied",
        "web: declarations that could not be applied",
        "    user a: taken",
        "    group b: taken",
        "2 packages, 1 with actions that are not applied",
    ]


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert PackagesReport().execute({"json": True}, []) == 0
    assert json.loads(capsys.readouterr().out) == {
        "packages": [
            {
                "package": "web-1.0",
                "recipes": ["dom0", "sql"],
                "actions": [
                    {"where": "+INSTALL", "line": 7, "text": "echo"},
                    {"where": "@exec", "line": 0, "text": "x"},
                ],
            }
        ],
        "undone": {"dom0": None, "sql": [], "web": ["user a: taken", "group b: taken"]},
    }


def test_it_takes_no_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert PackagesReport().execute({"json": False}, ["lz4"]) == 3
    assert "doit packages-report takes no arguments" in capsys.readouterr().err
