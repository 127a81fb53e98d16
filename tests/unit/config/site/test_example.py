"""The example of a site: where it is written, and what it has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.config.shconf import Problem
from buildlib.config.site.example import write_example
from buildlib.config.site.reader import read_site
from buildlib.model.errors import ConfigError


def test_an_example_is_a_site(tmp_path: Path) -> None:
    folder = tmp_path / "a/site"
    count = write_example(folder)
    files = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    assert count == len(files)
    problems: list[Problem] = []
    site = read_site(folder, problems)
    assert problems == []
    assert len(site.hosts) == 2
    for machine in (*site.hosts.values(), *site.servers.values()):
        for path, target in machine.links.items():
            name = target.removeprefix("/config/global/")
            assert name in site.shared.paths, path


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert write_example(tmp_path) > 0


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is not empty") as error:
        write_example(tmp_path)
    assert (error.value.reason, error.value.hint) == (
        "not-empty",
        "name a folder that does not exist yet",
    )
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "site"
    if kind == "file":
        place.write_text("x")
    else:
        place.symlink_to("nowhere")
    with pytest.raises(ConfigError, match="is not a folder") as error:
        write_example(place)
    assert error.value.reason == "not-a-folder"
