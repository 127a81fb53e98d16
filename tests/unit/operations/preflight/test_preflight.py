"""The checks before a long build, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.servers.mirror import Mirror

from buildlib.config.build_sh import Space
from buildlib.operations.preflight import preflight
from buildlib.operations.preflight.pending_work import PendingWork
from buildlib.operations.preflight.preflight import mirror_problems, need, space_problems

ALL = PendingWork(sources=True, toolchain=True, kernels=2)
SPACE = Space(sources=2500, toolchain=3500, kernel=250, files=300_000)
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, int | None]:
    """A disk with free space set by a test."""
    numbers: dict[str, int | None] = {"bytes": 10**12, "files": 10**9}
    monkeypatch.setattr(preflight, "free_bytes", lambda _folder: numbers["bytes"])
    monkeypatch.setattr(preflight, "free_files", lambda _folder: numbers["files"])
    return numbers


def found(
    work: PendingWork = ALL, left: tuple[int, int] = (0, 0), space: Space = SPACE
) -> list[str]:
    return space_problems(space, work, Path("/srv/build"), unfinished=lambda: left)


def test_what_is_needed() -> None:
    assert need(SPACE, ALL) == (6_700_000_000, 300_000)
    assert need(SPACE, PendingWork(kernels=1)) == (450_000_000, 300_000 * 250 // 6250)
    assert need(SPACE, PendingWork(kernels=1, download=5)) == (450_000_005, 12_000)
    assert need(SPACE, PendingWork(fetches=("a",), download=5)) == (0, 0)
    small = Space(sources=1, toolchain=1, kernel=1, files=9)
    assert need(small, PendingWork(sources=True, toolchain=True, kernels=1)) == (6_000_000, 9)
    assert need(Space(0, 0, 0, 9), ALL) == (0, 0)


def test_enough_room(disk: dict[str, int | None]) -> None:
    assert found() == []
    disk["files"] = None  # a file system that creates inodes on demand
    assert found() == []
    disk.update(bytes=6_700_000_000, files=300_000)
    assert found() == []


def test_too_few_bytes(disk: dict[str, int | None]) -> None:
    disk["bytes"] = 4_100_000_000
    (problem,) = found()
    assert problem.startswith("the build needs 6.7 GB, but only 4.1 GB are free below /srv/build: ")
    assert "doit gc" in problem
    assert "build=FOLDER" in problem
    assert found(PendingWork(kernels=2)) == []


def test_too_few_inodes(disk: dict[str, int | None]) -> None:
    disk["files"] = 1000
    (problem,) = found()
    assert problem.startswith(
        "the build makes 300000 files, but the disk has room for only 1000 below /srv/build: "
    )


def test_both(disk: dict[str, int | None]) -> None:
    disk.update(bytes=5_000_000, files=0)
    assert len(found()) == 2
    assert "5.0 MB are free" in found()[0]


def test_what_an_interrupted_build_left_counts(disk: dict[str, int | None]) -> None:
    disk.update(bytes=2_000_000_000, files=50_000)
    assert found(left=(5_000_000_000, 250_000)) == []
    assert len(found(left=(4_000_000_000, 249_999))) == 2


# mirrors


def at(mirrors: list[str], *paths: str) -> dict[str, list[str]]:
    return {path: [f"{mirror}/{path}" for mirror in mirrors] for path in paths}


def test_one_mirror_is_enough(tmp_path: Path) -> None:
    with Mirror({"a": b"content"}) as mirror:
        assert mirror_problems(at([DEAD, mirror.url], "gone", "a")) == []
        assert [path for path, _ in mirror.requests] == ["gone"]
    assert mirror_problems(at([str(tmp_path)], "a")) == []


def test_none_answers(tmp_path: Path) -> None:
    (problem,) = mirror_problems(at([DEAD, f"{DEAD}/b"], "c/a"))
    assert problem.startswith(f"no mirror answers ({DEAD}: Connection refused; {DEAD}/b: ")
    assert "mirror=URL" in problem
    (problem,) = mirror_problems(at([str(tmp_path / "none")], "c/a"))
    assert problem.startswith(f"no mirror answers ({tmp_path / 'none'}: no such folder)")


def test_what_folders_have_is_asked_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch()
    asked: list[tuple[str, ...]] = []

    def unanswered(urls: tuple[str, ...]) -> dict[str, str]:
        asked.append(urls)
        return {}

    monkeypatch.setattr(preflight, "unanswered", unanswered)
    mirrors = [DEAD, str(tmp_path)]
    assert mirror_problems(at(mirrors, "a")) == []
    assert mirror_problems({}) == []
    assert not asked
    assert mirror_problems(at(mirrors, "a", "b")) == []
    assert asked == [(f"{DEAD}/b",)]


def test_a_folder_does_not_stand_for_a_server(tmp_path: Path) -> None:
    (problem,) = mirror_problems(at([DEAD, str(tmp_path)], "a"))
    assert "Connection refused" in problem
