"""Settings: valid values, and one report of all mistakes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.cli.boot_media.open import open_session
from buildlib.cli.run import Run
from buildlib.config.settings import Settings, read_epoch, read_settings
from buildlib.model.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [*os.environ]:
        if name.startswith("GOLDMASTER_") or name == "SOURCE_DATE_EPOCH":
            monkeypatch.delenv(name)
    (tmp_path / "project/recipes").mkdir(parents=True)
    return tmp_path / "project"


def told(root: Path, **given: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read_settings(root, given)
    assert caught.value.reason == "settings"
    return caught.value.problems


NO_PLACE = "is in build, which may be deleted at any time; use another folder"


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"jbos": "2"}, ("jbos: no such setting; did you mean jobs?",)),
        ({"jobs": "²"}, ("jobs: must be a whole number from 0, is '²'",)),
        ({"jobs": "9" * 5000}, ("jobs: must be a whole number from 0, is '" + "9" * 76 + "…",)),
        ({"jobs": "1_0"}, ("jobs: must be a whole number from 0, is '1_0'",)),
        ({"seconds": " 1"}, ("seconds: must be a whole number from 0, is ' 1'",)),
        ({"media": "cd,floppy"}, ("media: no such medium as 'floppy'",)),
        ({"media": "cd, ubs"}, ("media: no such medium as 'ubs'; did you mean usb?",)),
        ({"media": "cd,"}, ("media: no such medium as ''",)),
        (
            {"progress": "loud"},
            ("progress: must be one of auto, live, plain, json, quiet, is 'loud'",),
        ),
        ({"release": ""}, ("release: is empty; leave it out to use the default",)),
        ({"build": ""}, ("build: is empty; leave it out to use the default",)),
        ({"mirror": "a\nb"}, ("mirror: 'a\\nb' has unprintable characters",)),
        ({"build": "\udcff"}, ("build: '\\udcff' has unprintable characters",)),
        (
            {"build": "."},
            (
                "build: . is the project's folder or above it; use a separate folder",
                f"dist: dist {NO_PLACE}",
            ),
        ),
        (
            {"build": "recipes/x"},
            ("build: recipes/x is in recipes, which a build only reads; use another folder",),
        ),
        ({"dist": "build"}, (f"dist: build {NO_PLACE}",)),
        ({"dist": "build/store"}, (f"dist: build/store {NO_PLACE}",)),
        ({"dist": "x/../build/y"}, (f"dist: x/../build/y {NO_PLACE}",)),
        ({"dist": ".."}, ("dist: .. is the project's folder or above it; use a separate folder",)),
        ({"images": "build/i"}, (f"images: build/i {NO_PLACE}",)),
        ({"packages": "dist"}, ("packages: dist is also dist; use a separate folder for each",)),
        (
            {"jobs": "x", "offline": "y"},
            ("offline: must be yes or no, is 'y'", "jobs: must be a whole number from 0, is 'x'"),
        ),
    ],
    ids=lambda value: "-".join(value).replace("²", "2")[:40] if isinstance(value, dict) else "",
)
def test_settings_that_cannot_be(
    root: Path, given: dict[str, str], problems: tuple[str, ...]
) -> None:
    assert told(root, **given) == problems


def test_a_folder_that_cannot_be_is_called_as_it_was_given(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "recipes/settings.toml").write_text('dist = "sets/x"\n')
    monkeypatch.setenv("GOLDMASTER_BUILD", "recipes/x")
    assert told(root, packages="docs/x") == (
        "GOLDMASTER_BUILD: recipes/x is in recipes, which a build only reads; use another folder",
        (
            "recipes/settings.toml:1: dist: sets/x is in sets, which a build only reads; "
            "use another folder"
        ),
        "packages: docs/x is in docs, which a build only reads; use another folder",
    )


def test_folders_that_are_links(root: Path) -> None:
    (root / "store").symlink_to("build")
    assert told(root, dist="store") == (f"dist: store {NO_PLACE}",)
    (root / "out").symlink_to("recipes")
    assert told(root, dist="out") == (
        "dist: out is in recipes, which a build only reads; use another folder",
    )


@pytest.mark.parametrize("name", ["build", "dist", "images", "packages"])
def test_links_in_a_circle_are_reported_by_who_uses_them(root: Path, name: str) -> None:
    (root / "loop").symlink_to("loop")
    for text in ("loop", "loop/x"):
        assert getattr(read_settings(root, {name: text}), name) == text


def test_folders_elsewhere(root: Path, tmp_path: Path) -> None:
    found = read_settings(root, {"build": str(tmp_path / "b"), "dist": "out", "images": "out/i"})
    assert found == Settings(build=str(tmp_path / "b"), dist="out", images="out/i")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"# caf\xe9\n", "line 1: byte 0xe9 is not UTF-8"),
        (b"jobs = " + b"9" * 5000, "a number is more than"),
        (b'build = ["x"]', ""),
        (b"release = 3", ""),
        (b"jobs = true", ""),
        (b"offline = 1", ""),
    ],
    ids=["Latin-1", "digits", "list", "number", "bool", "one"],
)
def test_a_file_of_settings_that_is_wrong(root: Path, data: bytes, why: str) -> None:
    (root / "recipes/settings.toml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_settings(root, {})
    assert why in (caught.value.why or "")


def test_a_byte_order_mark_is_left_out(root: Path) -> None:
    (root / "recipes/settings.toml").write_bytes(b"\xef\xbb\xbfjobs = 2\n")
    assert read_settings(root, {}).jobs == 2


@pytest.mark.parametrize("kind", ["fifo", "folder", "a link to nowhere", "a link to itself"])
def test_something_else_in_the_place_of_the_file(root: Path, kind: str) -> None:
    path = root / "recipes/settings.toml"
    if kind.startswith("a link"):
        path.symlink_to("nowhere" if kind.endswith("nowhere") else path.name)
    else:
        os.mkfifo(path) if kind == "fifo" else path.mkdir()
    with pytest.raises(ConfigError) as caught:
        read_settings(root, {})
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("2147483648", "the time 2147483648 cannot be recorded in an image"),
        ("5000000000", "the time 5000000000 cannot be recorded in an image"),
        ("4294967296", "the time 4294967296 cannot be recorded in an image"),
        ("-1", "the time -1 cannot be recorded in an image"),
        (" ", "SOURCE_DATE_EPOCH is not a number of seconds"),
        ("²", "SOURCE_DATE_EPOCH is not a number of seconds"),
        ("1.0", "SOURCE_DATE_EPOCH is not a number of seconds"),
        ("9" * 5000, "SOURCE_DATE_EPOCH is not a number of seconds"),
    ],
    ids=["2038", "later", "32 bits", "negative", "blank", "superscript", "fraction", "digits"],
)
def test_epochs_that_no_image_can_have(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str, what: str
) -> None:
    assert root
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(ConfigError, match=what) as caught:
        read_epoch()
    assert caught.value.where == "SOURCE_DATE_EPOCH"
    assert caught.value.hint


def test_epochs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert root
    for text, epoch in (("", None), ("0", 0), ("2147483647", 2147483647)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
        assert read_epoch() == epoch


@pytest.mark.parametrize(
    ("given", "looked_at"),
    [
        ({}, False),
        ({"progress": "plain"}, False),
        ({"seconds": "60", "media": "cd,usb"}, False),
        ({"offline": "yes", "images": "/srv/images"}, False),
        ({"seconds": "²"}, True),
        ({"seconds": "x"}, True),
        ({"offline": "maybe"}, True),
        ({"progress": "loud"}, True),
        ({"media": "floppy"}, True),
        ({"images": "build"}, True),
        ({"key": "a\nb"}, True),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else str(value),
)
def test_a_run_with_nothing_to_do_looks_at_settings_that_may_be_wrong(
    root: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], looked_at: bool
) -> None:
    monkeypatch.setattr("buildlib.cli.run.read_glance", lambda *_: "a glance")
    assert (Run(root, given, open_session).snapshot is None) is looked_at
