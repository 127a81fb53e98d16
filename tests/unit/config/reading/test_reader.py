"""What is written, read once into one value; nothing that is wrong ends the reading."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, lay_out

from buildlib.config.configuration import Configuration, Place
from buildlib.config.lock import Lock
from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import Settings
from buildlib.model.errors import ConfigError
from buildlib.store.stat_cache import StatCache


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lay_out(tmp_path / "project", sources=False)
    return tmp_path / "project"


def read(root: Path, release: str = "mini") -> Configuration:
    places = Places(root, StatCache(root.parent / "seen"), lambda: PROJECT)
    return read_configuration(Settings(release=release), places, epoch=7)


def test_all_of_a_project(project: Path) -> None:
    found = read(project)
    assert (found.root, found.epoch, found.settings.release) == (project, 7, "mini")
    assert found.definition == Place(project / "sets/mini.toml", "sets/mini.toml")
    assert found.lock_file == Place(project / "sets/mini.lock", "sets/mini.lock")
    assert isinstance(found.lock, Lock)
    assert [*found.recipes] == ["dom0", "domu/base", "domu/pkgrepo"]
    assert found.domus == ("base", "pkgrepo")
    assert found.accounts.users["pgsql"] == 501
    assert found.beside["keys/mini.asc"].name == "sets/keys/mini.asc"
    assert found.beside["mini"].path == project / "sets/mini"
    assert found.has_key
    (kernel,) = found.kernels["XEN3_DOM0_CD"]
    assert kernel.name == "kernel-configs/XEN3_DOM0_CD"
    overlay = found.overlays["server/overlay"]
    assert overlay.place == Place(project / "recipes/server/overlay", "recipes/server/overlay")
    assert overlay.said["config"].keywords["type"] == "dir"
    assert (found.unread, found.missing, found.package) == ((), (), "")


def test_each_file_is_opened_once(project: Path, opened: list[str]) -> None:
    read(project)
    own = [path for path in opened if path.startswith(str(project))]
    assert len(own) == len({*own})
    assert {Path(path).suffix for path in own} == {".toml", ".lock", ".mtree", ""}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("file", "text", "part"),
    [
        ("sets/mini.lock", "{", "lock"),
        ("recipes/dom0.toml", "x = 1", "unread"),
        ("recipes/domu/base.toml", "x = 1", "unread"),
        ("recipes/accounts.toml", "x = 1", "missing"),
        ("kernel-configs/XEN3_DOMU_RO", 'include "/etc/x"\n', "missing"),
        ("recipes/server/overlay.mtree", "./x mdoe=1\n", "missing"),
    ],
)
def test_what_is_wrong_is_a_part_of_it(project: Path, file: str, text: str, part: str) -> None:
    (project / file).write_text(text)
    found = read(project)
    wrong = {
        field.name
        for field in fields(found)
        if (value := getattr(found, field.name))
        and (
            isinstance(value, ConfigError)
            or (isinstance(value, tuple) and isinstance(value[0], ConfigError))
        )
    }
    assert wrong == {part}


def test_problems_have_the_lines_of_their_keys(project: Path) -> None:
    path = project / "recipes/domu/base.toml"
    path.write_text('# x\nset = []\nkernel = 3\npackages = [\n  "a/b",\n  7,\n]\n')
    (error,) = read(project).unread
    assert error.problems == (
        "line 2: set: unknown key; did you mean sets?",
        "sets: missing",
        "line 3: kernel: must be a string, is a whole number",
        "line 6: packages[1]: must be a string, is a whole number",
    )


@pytest.mark.parametrize(
    ("where", "placed"),
    [
        ("recipes/dom0.toml: kernel", "recipes/dom0.toml:2: kernel"),
        ("recipes/dom0.toml: boot.stick.kernel", "recipes/dom0.toml:3: boot.stick.kernel"),
        ("recipes/dom0.toml: overlays[0]", "recipes/dom0.toml: overlays[0]"),
        ("recipes/dom1.toml: kernel", "recipes/dom1.toml: kernel"),
        ("sets/mini.lock", "sets/mini.lock"),
        (None, None),
    ],
)
def test_the_place_of_an_error_gets_its_line(
    project: Path, where: str | None, placed: str | None
) -> None:
    path = project / "recipes/dom0.toml"
    path.write_text('sets = ["base"]\nkernel = "x"\nboot.timeout = 3\n')
    assert read(project).placed(ConfigError("x", where=where)).where == placed


def test_a_definition_that_cannot_be_read(project: Path) -> None:
    (project / "sets/mini.toml").write_text("x = 1")
    with pytest.raises(ConfigError, match=r"sets/mini.toml has \d+ problems"):
        read(project)


def test_a_release_that_ships(project: Path) -> None:
    own = project / "sets/netbsd-10.1.lock"
    own.unlink()
    found = read(project, "goldmaster:netbsd-10.1")
    assert found.definition.name == "goldmaster:netbsd-10.1.toml"
    assert found.lock_file.name == "goldmaster:netbsd-10.1.lock"
    assert found.new_lock_file.path == own, "an archive is no place to write to"
    assert found.package.startswith("goldmaster ")
