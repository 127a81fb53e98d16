"""Settings: one name each, on the command line, in the environment and in a file.

    doit iso release=mini      GOLDMASTER_RELEASE=mini      recipes/settings.toml: release = "mini"

The first of these that is given counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from buildlib.sources.tomlfile import read_toml
from buildlib.store.surroundings import all_settings, processors, setting, source_date_epoch
from buildlib.words.errors import ConfigError
from buildlib.words.schema import nearest

_YES_NO = {"yes": True, "no": False, "true": True, "false": False}  # the latter are TOML's
PROGRESS = ("auto", "live", "plain", "json", "quiet")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is told from outside. Nothing of it gets into an output but by the release.

    release   name of a file in sets, or a path to a .toml
    mirror    URL or folder that takes the place of the release's mirrors and archives
    offline   whether no server may be asked
    jobs      processors to use; 0: all
    progress  auto, live, plain, json or quiet
    build     folder of the store and of work folders; dist: of products
    seconds   time limit of a boot test; 0: what the release says
    media     what a boot test boots, with commas: cd, disk, usb; empty: all the image is made for
    images    folder of the server that hosts fetch images from; empty: `images` in dist
    packages  folder of the package repository; empty: `packages` in dist
    key       file of the key that versions of images and the repository's list are signed with
    vulnerabilities  file or URL of pkg-vulnerabilities, for `outdated`
    """

    release: str = "mini"
    mirror: str = ""
    offline: bool = False
    jobs: int = 0
    progress: str = "auto"
    build: str = "build"
    dist: str = "dist"
    seconds: int = 0
    media: str = ""
    images: str = ""
    packages: str = ""
    key: str = ""
    vulnerabilities: str = ""

    @property
    def workers(self) -> int:
        """How many processors a run may use."""
        return self.jobs or processors()


def read_settings(root: Path, variables: Mapping[str, str]) -> Settings:
    """The settings in force; `variables` are those of the command line. Raises ConfigError."""
    path = root / "recipes" / "settings.toml"
    filed = read_toml(path, name="recipes/settings.toml") if path.exists() else {}
    known = {field.name: field for field in fields(Settings)}
    problems = [
        f"{name}: no such setting{nearest(name, known)}"
        for name in (*variables, *filed) if name not in known
    ]
    problems += [
        f"GOLDMASTER_{name.upper()}: no such setting{nearest(name, known)}"
        for name in all_settings() if name not in known and name.islower()
    ]
    values: dict[str, str | int | bool] = {}
    for name, spec in known.items():
        places = (variables.get(name), setting(name), filed.get(name))
        given = next((value for value in places if value is not None), None)
        if given is None:
            continue
        if isinstance(spec.default, bool):  # is an int too, for Python
            if str(given).lower() not in _YES_NO:
                problems.append(f"{name}: must be yes or no, is {given!r}")
                continue
            values[name] = _YES_NO[str(given).lower()]
        elif isinstance(spec.default, int):
            if not str(given).isdigit():
                problems.append(f"{name}: must be a whole number from 0, is {given!r}")
                continue
            values[name] = int(given)
        else:
            values[name] = str(given)
    if values.get("progress", "auto") not in PROGRESS:
        problems.append(f"progress: one of {', '.join(PROGRESS)}, not {values['progress']!r}")
    if problems:
        raise ConfigError("settings that cannot be", problems=tuple(problems),
                          why=f"known: {', '.join(known)}", reason="settings")
    return Settings(**values)  # type: ignore[arg-type]  # checked above


def progress_setting(root: Path, variables: Mapping[str, str]) -> str:
    """The setting `progress`, even where others are wrong: errors are shown by it too."""
    try:
        return read_settings(root, variables).progress
    except ConfigError:
        return "auto"


def read_epoch() -> int | None:
    """SOURCE_DATE_EPOCH, or None where it is not set. Raises ConfigError."""
    text = source_date_epoch()
    if text is None:
        return None
    if not text.isdigit():
        raise ConfigError("SOURCE_DATE_EPOCH is no number of seconds", why=f"it is {text!r}",
                          reason="settings")
    return int(text)
