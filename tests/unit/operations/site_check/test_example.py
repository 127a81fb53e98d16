"""The example site and other valid sites have no problems."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT
from support.machines.sites import (
    ALPHA,
    check,
    link,
    put,
    told,
    write,
)

from buildlib.config.shconf import Problem
from buildlib.config.site.example import write_example
from buildlib.config.site.fleet import Known
from buildlib.config.site.reader import known_names, read_site
from buildlib.model.errors import ConfigError
from buildlib.operations.site_check.check import IMAGE_KEY, check_site


def test_the_example_has_no_problems(site: Path) -> None:
    assert told(site) == []


def test_the_example_suits_this_checkout(site: Path) -> None:
    problems: list[Problem] = []
    known = known_names(PROJECT)
    assert check_site(read_site(site, problems), known) == problems == []


def test_kernels_are_those_that_a_domu_recipe_uses(tmp_path: Path) -> None:
    """The CD has only the recipes' kernels; files that are not recipes are ignored."""
    for name, text in {
        "a": 'kernel = "ONE"',
        "b": 'kernel = "ONE"',
        "c": 'kernel = "TWO"',
        "broken": "kernel = ",
        "none": "",
    }.items():
        write(tmp_path, f"recipes/domu/{name}.toml", text)
    write(tmp_path, "kernel-configs/XEN3_DOM0_CD", "")
    known = known_names(tmp_path)
    assert known == Known(frozenset({"a", "b", "c", "broken", "none"}), frozenset({"ONE", "TWO"}))
    assert known_names(PROJECT).kernels == {"XEN3_DOMU_RO"}


def test_the_example_is_always_the_same(tmp_path: Path) -> None:
    def content(folder: Path) -> dict[str, str | bytes]:
        return {
            path.relative_to(folder).as_posix(): os.readlink(path)
            if path.is_symlink()
            else path.read_bytes()
            for path in folder.rglob("*")
            if path.is_symlink() or path.is_file()
        }

    (tmp_path / "b").mkdir()
    count = write_example(tmp_path / "a")
    assert count == write_example(tmp_path / "b") == len(content(tmp_path / "a"))
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_the_example_is_not_laid_over_anything(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        write_example(tmp_path)
    with pytest.raises(ConfigError, match="is not a folder"):
        write_example(tmp_path / ".hidden")


def test_a_folder_that_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a site"):
        read_site(tmp_path, [])
    with pytest.raises(ConfigError, match="there is no folder"):
        read_site(tmp_path / "none", [])


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "https://images.example.net:8443/x/y/",
        "rsync://10.0.0.5/images",
        "'http://[fd00::1]/~images'",
    ],
)
def test_a_store_of_images(site: Path, url: str) -> None:
    write(site, "global/images.pem", "key")
    (site / ALPHA / "etc/goldmaster").mkdir()
    link(site, f"{ALPHA}/{IMAGE_KEY}", "/config/global/images.pem")
    put(site, f"{ALPHA}/host.conf", image_store="/var/images", image_url=url, image_keep="5")
    assert told(site) == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/b",
        "http:///b",
        "http://a/../b",
        "http://a//b",
        "http://a/b?c",
        "file:///etc",
        "-x",
        "rsync://a/-b c",
    ],
)
def test_what_is_no_url(url: str, site: Path) -> None:
    put(site, f"{ALPHA}/host.conf", image_store="/var/images", image_url=f"'{url}'")
    assert [problem.reason for problem in check(site)] == ["value"]
