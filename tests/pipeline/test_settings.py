"""Settings, their precedence, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.checkouts.scratch import Scratch


def test_settings_and_their_precedence(scratch: Scratch) -> None:
    """Command line over environment over file; each says where the products go."""

    def folders() -> set[str]:
        return {path.name for path in scratch.root.iterdir()} & {"filed", "from-env", "given"}

    scratch.remove("dist")
    scratch.write("recipes/settings.toml", 'dist = "filed"\njobs = 1\n')
    environment = {"GOLDMASTER_DIST": "from-env"}
    scratch.doit("iso")
    assert folders() == {"filed"}
    scratch.doit("iso", environment=environment)
    assert folders() == {"filed", "from-env"}
    scratch.doit("iso", "dist=given", environment=environment)
    assert folders() == {"filed", "from-env", "given"}
    assert not scratch.path("dist").exists()


def test_the_store_lies_where_the_settings_say(scratch: Scratch) -> None:
    scratch.path("build").rename(scratch.path("a store"))
    scratch.write("recipes/settings.toml", 'build = "a store"\n')
    for _ in range(2):
        assert scratch.doit("iso").text == ""
    assert list(scratch.path("a store/store").glob("glance-*"))
    assert scratch.doit("plan").text == ""
    assert "removed" in scratch.doit("gc").out
    assert not scratch.path("build").exists()


BAD_SETTINGS: list[tuple[list[str], dict[str, str], str, str]] = [
    (["relaese=mini"], {}, "", "relaese: no such setting; did you mean release?"),
    ([], {}, 'mirorr = "x"\n', "mirorr: no such setting; did you mean mirror?"),
    (["jobs=many"], {}, "", "jobs: must be a whole number from 0, is 'many'"),
    ([], {"GOLDMASTER_JOBS": "-1"}, "", "GOLDMASTER_JOBS: must be a whole number from 0, is '-1'"),
    ([], {}, "jobs = 1.5\n", "jobs: must be a whole number from 0, is 1.5"),
    (["offline=maybe"], {}, "", "offline: must be yes or no, is 'maybe'"),
    ([], {}, "offline = 1\n", "offline: must be yes or no, is 1"),
    ([], {"GOLDMASTER_OFFLINE": "y"}, "", "GOLDMASTER_OFFLINE: must be yes or no, is 'y'"),
    (
        ["progress=loud"],
        {},
        "",
        "progress: must be one of auto, live, plain, json, quiet, is 'loud'",
    ),
    (
        [],
        {"GOLDMASTER_OFLINE": "yes"},
        "",
        "GOLDMASTER_OFLINE: no such setting; did you mean offline?",
    ),
    ([], {"SOURCE_DATE_EPOCH": "now"}, "", "SOURCE_DATE_EPOCH is not a number of seconds"),
    ([], {}, "jobs = \n", "settings.toml is not valid TOML"),
]


@pytest.mark.parametrize(("words", "environment", "filed", "expected"), BAD_SETTINGS)
def test_wrong_settings(
    shared: Scratch, words: list[str], environment: dict[str, str], filed: str, expected: str
) -> None:
    if filed:
        shared.write("recipes/settings.toml", filed)
    shared.path("recipes/dom0.toml").touch()  # so that the run looks at all of them
    try:
        for command in ("iso", "plan"):
            ran = shared.doit(command, *words, environment=environment, status=3)
            assert expected in ran.err
            assert ran.out == ""
    finally:
        shared.path("recipes/settings.toml").unlink(missing_ok=True)


def test_other_folders_and_other_file_systems(scratch: Scratch, tmp_path: Path) -> None:
    """A release by its path, products on another file system: copies, watched all the same."""
    other = Path("/dev/shm") / f"goldmaster-{tmp_path.parent.name}-{tmp_path.name}"
    words = ("iso", "release=sets/mini.toml", f"dist={other}")
    try:
        assert scratch.build(*words).built == {"iso"}
        assert scratch.build(*words).built == set()
        image = other / "mini-dom0.iso"
        assert image.read_bytes() == scratch.product().read_bytes()
        assert image.stat().st_mode & 0o777 == 0o444
        image.chmod(0o644)
        with image.open("r+b") as file:
            file.write(b"tampered")
        shutil.copystat(scratch.product(), image)
        assert scratch.build(*words).built == {"iso"}
        assert image.read_bytes() == scratch.product().read_bytes()
    finally:
        shutil.rmtree(other, ignore_errors=True)
