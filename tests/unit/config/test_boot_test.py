"""The keys of a release definition's [boot], and of a recipe's [boot.stick]."""

from __future__ import annotations

from typing import Any

import pytest

from buildlib.config.boot_test import BootTestConfig, Stick, read_media
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ("", ()),
        ("usb", ("usb",)),
        (" usb , cd", ("cd", "usb")),
        ("disk,cd,usb,cd", ("cd", "disk", "usb")),
    ],
)
def test_media(text: str, media: tuple[str, ...]) -> None:
    """In the order of MEDIA, whatever the order in the text."""
    assert read_media(text) == media


@pytest.mark.parametrize("text", ["cd,", "dvd", "CD", "cd usb"])
def test_what_is_no_medium(text: str) -> None:
    with pytest.raises(ValueError, match="no such medium"):
        read_media(text)


def test_the_defaults() -> None:
    config = load(BootTestConfig, {"expect": ["up"]}, where="r.toml")
    assert (config.memory, config.seconds, config.step) == (512, 120, 0)
    assert (config.platforms, config.media) == (("bios", "efi"), ("cd", "disk", "usb"))
    assert Stick("K").words == ("bootdev=sd0d",)


def test_a_medium_may_have_lines_of_its_own() -> None:
    config = BootTestConfig(("cd up",), {"disk": ("disk up",)})
    assert config.markers("cd") == ("cd up",)
    assert config.markers("disk") == ("disk up",)
    assert config.markers("usb") == ("cd up",)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"expect": []}, "expect: is empty"),
        ({"expect_on": {"cd": []}}, "expect_on.cd: is empty"),
        ({"expect": ["("]}, "expect[0]: '('"),
        ({"machine": ["a\n"]}, "machine[0]: "),
        ({"machine_pvh": ["a\n"]}, "machine_pvh[0]: "),
        ({"memory": 0}, "memory: must be a number from 1"),
        ({"memory": (1 << 24) + 1}, "memory: "),
        ({"seconds": 0}, "seconds: must be a number from 1"),
        ({"seconds": (1 << 20) + 1}, "seconds: "),
        ({"step": -1}, "step: must be a number from 0"),
        ({"step": (1 << 20) + 1}, "step: "),
        ({"platforms": ["bios", "coreboot"]}, "boot.platforms: bios, efi, or both"),
        ({"media": ["dvd"]}, "boot.media: cd, disk, usb, or some of them"),
        ({"expect_on": {"dvd": ["up"]}}, "boot.expect_on: cd, disk, usb, or some of them"),
    ],
)
def test_what_cannot_be(data: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(BootTestConfig, {"expect": ["up"], **data}, where="r.toml")
    (told,) = caught.value.problems
    assert problem in told


@pytest.mark.parametrize(
    "data",
    [
        {"memory": 1, "seconds": 1, "step": 0},
        {"memory": 1 << 24, "seconds": 1 << 20, "step": 1 << 20},
        {"platforms": ["efi"], "media": ["usb"], "expect_on": {"usb": ["x"]}},
    ],
)
def test_what_can_be(data: dict[str, Any]) -> None:
    load(BootTestConfig, {"expect": ["up"], **data}, where="r.toml")


def test_a_stick_s_kernel_and_words() -> None:
    for stick, key in (({"kernel": "a/b"}, "kernel"), ({"words": ["a b"]}, "words[0]")):
        with pytest.raises(ConfigError) as caught:
            load(Stick, {"kernel": "K", **stick}, where="r.toml")
        assert caught.value.problems[0].startswith(f"{key}: ")
    load(Stick, {"kernel": "goldmaster:K", "words": []}, where="r.toml")
