"""The short run of the campaign, and what the campaign itself must notice."""

from __future__ import annotations

import gc
import mmap
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz.campaign import Counts, campaign, make
from fuzz.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
# What reads texts and archives that others made; a module that is added here needs a target.
PARSERS = (
    *(f"sources/archive/{name}.py" for name in ("tar", "pax", "compress", "unpack")),
    *(
        f"pkgsrc/{name}.py"
        for name in (
            "accounts",
            "advisories",
            "unapplied",
            "modes",
            "package",
            "pattern",
            "pkginstall",
            "plist",
            "repository",
            "resolution/closure",
            "resolution/resolve",
            "resolution/whole_set",
            "signed",
            "summary",
            "version",
        )
    ),
    "sources/checksums.py",
    "config/kernel_config.py",
    "sources/openpgp.py",
    "sources/spec_overrides.py",
    "pkgsrc/package_file.py",
    "config/reading/toml_file.py",
    "stages/system/packages.py",
    "stages/boot/pvh_note.py",
    "formats/disc_map.py",
    "store/null_build.py",
    "store/records.py",
    "model/json_text.py",
    "model/mtree_keywords.py",
    "model/mtree.py",
    "model/numbers.py",
    "model/schema.py",
    "config/shconf.py",
    "model/spec.py",
    "model/text.py",
    "model/toml.py",
)
NO_PARSERS = {  # of those folders
    "sources/archive/__init__.py",
    "sources/archive/pack.py",
    "pkgsrc/__init__.py",
    "pkgsrc/install.py",
    "pkgsrc/pkgdb.py",
    "pkgsrc/remote_index.py",
    "pkgsrc/trust.py",
    "pkgsrc/writer.py",
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
    found = {
        path.relative_to(ROOT / "buildlib").as_posix()
        for folder in folders
        for path in (ROOT / "buildlib" / folder).glob("*.py")
    }
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
    bytearray(b"x") * (40 << 20)


def after_a_collection(_data: bytes, _folder: Path) -> None:
    gc.collect()
    bytearray(b"x") * (40 << 20)


def endless(_data: bytes, _folder: Path) -> None:
    while True:
        pass


def asleep(_data: bytes, _folder: Path) -> None:
    time.sleep(3600)


def wrong(_data: bytes, _folder: Path) -> None:
    raise RecursionError


def gone(_data: bytes, _folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def crowded() -> Iterator[None]:
    """A process as after many tests: it has many addresses, garbage in a circle, and room that
    malloc keeps because something lies above it.
    """
    pieces = [bytearray(100_000) for _ in range(800)]
    above = bytearray(100_000)
    del pieces
    rooms = [mmap.mmap(-1, 1 << 30) for _ in range(3)]
    circle: list[object] = [bytearray(b"x") * (35 << 20)]
    circle.append(circle)
    del circle
    yield
    del above
    for room in rooms:
        room.close()


@pytest.mark.parametrize(
    ("read", "what", "limits"),
    [
        (outside, "outside of its folder", {}),
        (linked, "outside of its folder", {}),
        (slow, " s", {"SECONDS": 0.2}),
        (large, " MB", {"MEGABYTES": 10}),
        (after_a_collection, " MB", {"MEGABYTES": 10}),
        (wrong, "RecursionError", {}),
        (gone, "the worker ended", {}),
        (endless, "the worker ended", {"SECONDS": 0.2, "_WORK": 1}),
        (asleep, "the worker ended", {"_WAIT": 1}),
    ],
    ids=[
        "written outside",
        "linked outside",
        "slow",
        "large",
        "large after a collection",
        "another error",
        "killed",
        "computes for ever",
        "waits for ever",
    ],
)
@pytest.mark.usefixtures("crowded")
def test_what_must_not_be_is_found(
    read: object, what: str, limits: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with only its own limit set low: on a busy machine memory takes time, too."""
    for name, limit in limits.items():
        monkeypatch.setattr(f"fuzz.campaign.{name}", limit)
    target = Target(read, lambda _chance: b"x", (), writes=True)  # type: ignore[arg-type]  # any
    monkeypatch.setitem(TARGETS, "mine", target)
    found = campaign(1, "x", only="mine").findings
    assert len(found) == 1
    assert what in found[0].what
    assert found[0].seed == "x/mine/0"


@pytest.mark.usefixtures("crowded")
def test_addresses_of_the_process_are_not_the_input_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_data: bytes, _folder: Path) -> None:
        mmap.mmap(-1, 1 << 30).close()

    monkeypatch.setitem(TARGETS, "mine", Target(read, lambda _chance: b"x", ()))
    assert told(campaign(2, "x", only="mine")) == ""
