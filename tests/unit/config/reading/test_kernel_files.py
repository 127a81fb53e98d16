"""Which files configure a kernel, and what is told of those that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildlib.config.reading.kernel_files import pieces
from buildlib.config.reading.places import Places
from buildlib.model.errors import ConfigError
from buildlib.store.stat_cache import StatCache


class Project:
    """Kernel configurations of a project, and those that ship."""

    def __init__(self, folder: Path) -> None:
        self.own = folder / "project/kernel-configs"
        self.shipped = folder / "shipped/kernel-configs"
        self.own.mkdir(parents=True)
        self.shipped.mkdir(parents=True)
        self.places = Places(
            self.own.parent, StatCache(folder / "seen"), lambda: self.shipped.parent
        )

    def pieces(self, text: str, **others: str) -> list[str]:
        for name, content in {"KERNEL": text, **others}.items():
            (self.own / name).write_text(content)
        return [place.name for place in pieces("KERNEL", self.places)]

    def refused(self, text: str, **others: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.pieces(text, **others)
        return caught.value


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_configuration_by_itself(project: Project) -> None:
    assert project.pieces("options A\n") == []


def test_pieces_include_pieces(project: Project) -> None:
    """Each is listed once, sorted; those of the sources are not pieces."""
    text = 'include "b"\ninclude "a"\ninclude "conf/std"\n'
    assert project.pieces(text, a='include "c"\n', b='include "c"\n', c="") == [
        "kernel-configs/a",
        "kernel-configs/b",
        "kernel-configs/c",
    ]


def test_what_ships_is_included_by_its_name(project: Project) -> None:
    (project.shipped / "STD").write_text('include "./more"\n')
    (project.shipped / "more").touch()
    found = project.pieces('include "goldmaster:STD"\n')
    assert found == ["goldmaster:STD", "goldmaster:more"]


def test_what_does_not_ship(project: Project) -> None:
    """`cinclude` allows for it; a file that ships itself may name what is in the sources."""
    (project.shipped / "STD").write_text('include "./none"\n')
    error = project.refused('options A\ninclude "goldmaster:SDT"\n')
    assert error.reason == "kernel-config-path"
    assert error.why == (
        "kernel-configs/KERNEL:2: there is no file goldmaster:SDT; did you mean goldmaster:STD?"
    )
    assert project.pieces('cinclude "goldmaster:SDT"\n') == []
    assert project.pieces('include "goldmaster:STD"\n') == ["goldmaster:STD"]


@pytest.mark.parametrize(
    ("others", "looped"),
    [
        ({"a": 'include "a"\n'}, ["a"]),
        ({"a": 'include "b"\n', "b": 'include "a"\n'}, ["a", "b"]),
        ({"a": 'include "b"\n', "b": 'include "c"\n', "c": 'include "b"\n'}, ["b", "c"]),
    ],
)
def test_a_piece_that_includes_itself(
    project: Project, others: dict[str, str], looped: list[str]
) -> None:
    error = project.refused('include "a"\n', **others)
    assert error.reason == "kernel-config-text"
    assert error.what == "config(1) does not accept the kernel configuration"
    assert error.hint is None
    lines = [f"kernel-configs/{name}: includes itself" for name in looped]
    assert sorted(str(error.why).splitlines()) == lines


def test_two_ways_to_one_piece_are_no_loop(project: Project) -> None:
    assert len(project.pieces('include "a"\ninclude "b"\n', a='include "b"\n', b="")) == 2


def test_other_files_come_before_faults(project: Project) -> None:
    """The title and the hint are for them; all lines are told."""
    error = project.refused('options "A\ninclude "/x"\n')
    assert error.reason == "kernel-config-path"
    assert error.what.endswith("files that are not part of its key")
    assert "so that it is part" in str(error.hint)
    first, second = str(error.why).splitlines()
    assert first.startswith("kernel-configs/KERNEL:2: ")
    assert second.startswith("kernel-configs/KERNEL:1: ")
    assert error.where == "kernel-configs/KERNEL:2"


@pytest.mark.parametrize(("count", "more"), [(50, ""), (51, "and 1 more"), (60, "and 10 more")])
def test_so_many_problems_are_shown(project: Project, count: int, more: str) -> None:
    lines = str(project.refused('include "/x"\n' * count).why).splitlines()
    assert lines[50:] == ([more] if more else [])
    assert len([line for line in lines if "/x" in line]) == 50


def test_a_name_that_no_file_can_have(project: Project) -> None:
    assert project.pieces(f'include "{"n" * 300}"\n') == []


def test_a_piece_that_is_no_file(project: Project) -> None:
    (project.own / "folder").mkdir()
    assert project.pieces('include "folder"\n') == []
    (project.own / "large").write_bytes(b"#" * ((1 << 20) + 1))
    error = project.refused('include "large"\n')
    assert error.what == "kernel-configs/large cannot be read"
    assert error.reason == "file"
