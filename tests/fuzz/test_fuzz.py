"""The short run of the campaign, and what the campaign itself must notice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from fuzz.campaign import Counts, campaign, make
from fuzz.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
# What reads texts and archives that others made; a module that is added here needs a target.
PARSERS = (
    *(f"sources/archive/{name}.py" for name in ("tar", "pax", "compress", "unpack")),
    *(f"pkgsrc/{name}.py" for name in (
        "accounts", "advisories", "unapplied", "modes", "package", "pattern", "pkginstall", "plist",
        "repository", "resolve", "signed", "summary", "version")),
    "sources/checksums.py", "sources/openpgp.py", "sources/spec_overrides.py",
    "pkgsrc/package_file.py", "config/toml_file.py", "stages/system/packages.py",
    "stages/boot/pvh_note.py", "formats/disc_map.py", "store/null_build.py", "store/records.py",
    "model/json_text.py", "model/mtree_keywords.py", "model/mtree.py", "model/numbers.py",
    "model/schema.py", "config/shconf.py", "model/spec.py", "model/text.py", "model/toml.py",
)
NO_PARSERS = {  # of those folders
    "sources/archive/__init__.py", "sources/archive/pack.py", "pkgsrc/__init__.py",
    "pkgsrc/install.py", "pkgsrc/pkgdb.py", "pkgsrc/remote_index.py", "pkgsrc/writer.py",
}


def told(counts: Counts) -> str:
    return "\n".join(f"{one.seed}\n{one.what}" for one in counts.findings)


def test_a_short_campaign() -> None:
    counts = campaign(1200, "short")
    assert counts.runs.total() == 1200
    assert told(counts) == ""
    assert set(counts.runs) == set(TARGETS)


def test_every_parser_has_a_target() -> None:
    assert {module for target in TARGETS.values() for module in target.covers} == set(PARSERS)
    folders = ("sources/archive", "pkgsrc")
    found = {path.relative_to(ROOT / "buildlib").as_posix() for folder in folders
             for path in (ROOT / "buildlib" / folder).glob("*.py")}
    assert found - set(PARSERS) <= NO_PARSERS


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_come_again_by_their_seed(name: str) -> None:
    seed = f"x/{name}/1"
    assert make(TARGETS[name], seed) == make(TARGETS[name], seed)


@pytest.mark.parametrize("name", TARGETS)
def test_some_inputs_are_valid(name: str, tmp_path: Path) -> None:
    counts = campaign(30, "valid", only=name)
    assert counts.refused.total() < counts.runs.total()


def outside(_data: bytes, folder: Path) -> None:
    (folder.parent / "evil").write_text("x")


def linked(_data: bytes, folder: Path) -> None:
    (folder / "evil").symlink_to("/etc/passwd")


def slow(_data: bytes, _folder: Path) -> None:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass


def large(_data: bytes, _folder: Path) -> None:
    bytearray(b"x") * (40 << 20)  # above 32 MiB malloc never takes room that it had before


def wrong(_data: bytes, _folder: Path) -> None:
    raise RecursionError


def gone(_data: bytes, _folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("read", "what"),
    [(outside, "outside of its folder"), (linked, "outside of its folder"), (slow, " s"),
     (large, " MB"), (wrong, "RecursionError"), (gone, "the worker ended")],
    ids=["written outside", "linked outside", "slow", "large", "another error", "killed"])
def test_what_must_not_be_is_found(
    read: object, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fuzz.campaign.SECONDS", 0.2)
    monkeypatch.setattr("fuzz.campaign.MEGABYTES", 10)
    target = Target(read, lambda _chance: b"x", (), writes=True)  # type: ignore[arg-type]  # any
    monkeypatch.setitem(TARGETS, "mine", target)
    found = campaign(1, "x", only="mine").findings
    assert len(found) == 1
    assert what in found[0].what
    assert found[0].seed == "x/mine/0"
