"""Settings: one name each, on the command line, in the environment and in a file.

    doit iso release=mini      GOLDMASTER_RELEASE=mini      recipes/settings.toml: release = "mini"

The first one in this order takes precedence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from os.path import lexists, realpath
from pathlib import Path

from buildlib.config.boot_test import read_media
from buildlib.config.reading.toml_file import read_toml
from buildlib.host.environment import all_settings, processors, setting, source_date_epoch
from buildlib.model.errors import ConfigError
from buildlib.model.names import TIME_LIMIT, TIME_REASON, shown
from buildlib.model.numbers import MOST, number_or_none, whole_number
from buildlib.model.schema import nearest

FILE = "recipes/settings.toml"
_SOURCES = (
    "recipes",
    "sets",
    "kernel-configs",
    "buildlib",
    "docs",
    "tests",
    "tools",
    ".git",
    ".venv",
)
_MOST = 1_000_000  # seconds, processors: a larger number is a mistake
_YES_NO = {"yes": True, "no": False, "true": True, "false": False}  # the last two are TOML's
PROGRESS = ("auto", "live", "plain", "json", "quiet")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run. Of these, only the release affects the products, and `served` what
    `image-server` serves.

    release   the release: name of a file in sets without `.toml`, a path to a .toml file, or
              goldmaster:NAME for a definition that comes with the package
    mirror    URL or folder that replaces the release's mirrors and archives
    offline   use no server: everything comes from the store or from folders
    jobs      total number of parallel stages and compilers; 0: number of processors
    progress  how a run reports: `auto` is `live` on a terminal and `plain` elsewhere; `live` shows
              a line for each running stage, `plain` one for each result, `json` one line of JSON
              for each event, `quiet` errors only
    build     folder of the store and of work folders
    dist      folder of products
    seconds   time limit of a boot test; 0: the release definition's
    media     media for the boot test, comma-separated: cd, disk, usb; empty: all the image supports
    images    folder that hosts fetch domU images from; empty: `images` in `dist`
    served    domU recipes whose images `image-server` serves, comma-separated; empty: all
    packages  folder of the package repository; empty: `packages` in `dist`
    key       file of the private key that `image-server` and `package-repo` sign with
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
    served: str = ""
    packages: str = ""
    key: str = ""
    vulnerabilities: str = ""

    @property
    def workers(self) -> int:
        """How many processors a run may use."""
        return self.jobs or processors()


# Settings of any pipeline; the others are for boot media.
_OF_PIPELINES = frozenset({"build", "dist", "jobs", "progress"})


def read_settings(
    root: Path, variables: Mapping[str, str], *, usual: Mapping[str, str] | None = None
) -> Settings:
    """The effective settings; `variables` are those of the command line. Raises ConfigError.

    usual  defaults of a pipeline that builds no boot media. It has no settings file, and from the
           environment it uses only the settings that it knows
    """
    path, every = root / FILE, {field.name: field for field in fields(Settings)}
    document = read_toml(path, name=FILE) if usual is None and lexists(path) else None
    filed = document.tables if document else {}
    known = (
        every if usual is None else {name: every[name] for name in every if name in _OF_PIPELINES}
    )
    unknown = [(name, name) for name in variables if name not in known]
    unknown += [
        (_variable(name), name) for name in all_settings() if name not in every and name.islower()
    ]
    at = {name: f"{FILE}:{document.line_of(name)}: {name}" for name in filed} if document else {}
    unknown += [(at[name], name) for name in filed if name not in known]
    problems = [f"{place}: no such setting{nearest(name, known)}" for place, name in unknown]
    values: dict[str, str | int | bool] = {}
    given_at: dict[str, str] = {}
    for name, spec in known.items():
        places = (
            (name, variables.get(name)),
            (_variable(name), setting(name)),
            (at.get(name, ""), filed.get(name)),
            (name, (usual or {}).get(name)),
        )
        place, given = next((both for both in places if both[1] is not None), ("", None))
        if given is None:
            continue
        given_at[name] = place
        try:
            values[name] = _value(name, type(spec.default), given)
        except ValueError as error:
            problems.append(f"{place}: {error}")
    if not problems:
        settings = Settings(**values)  # type: ignore[arg-type]  # of the fields' types
        problems += folder_problems(root, settings, given_at)
    if problems:
        raise ConfigError(
            "some settings are not valid",
            problems=tuple(problems),
            why=f"known: {', '.join(known)}" if unknown else None,
            hint="docs/reference/settings.md lists them all",
            reason="settings",
        )
    return settings


def _variable(name: str) -> str:
    return f"GOLDMASTER_{name.upper()}"


def _value(name: str, kind: type[object], given: object) -> str | int | bool:
    """A setting's value. Raises ValueError."""
    if kind is bool:
        if str(given).lower() not in _YES_NO or not isinstance(given, str | bool):
            raise ValueError(f"must be yes or no, is {shown(repr(given))}")
        return _YES_NO[str(given).lower()]
    if kind is int:
        number = number_or_none(str(given), most=_MOST) if type(given) in {str, int} else None
        if number is None:
            raise ValueError(f"must be a whole number from 0, is {shown(repr(given))}")
        return number
    if not isinstance(given, str):
        raise ValueError(f"must be a text, is {shown(repr(given))}")  # noqa: TRY004  see above
    if not given.isprintable():
        raise ValueError(f"{shown(given)!r} has unprintable characters")
    if not given.strip() and name in {"release", "build", "dist"}:
        raise ValueError("is empty; leave it out to use the default")
    if name == "progress" and given not in PROGRESS:
        raise ValueError(f"must be one of {', '.join(PROGRESS)}, is {shown(given)!r}")
    if name == "media":
        read_media(given)
    return given


def folder_problems(root: Path, settings: Settings, given_at: Mapping[str, str]) -> list[str]:
    """Check that the folders a build writes to are separate from each other and from sources.

    given_at  name of each given setting in its source, for messages
    """
    root = Path(realpath(root))
    names = {
        "build": settings.build,
        "dist": settings.dist,
        "images": settings.images,
        "packages": settings.packages,
    }
    # `resolve` raises RuntimeError for circular links; these are reported where they are used
    places = {name: Path(realpath(root / text)) for name, text in names.items() if text}
    problems = []
    for name, place in places.items():
        shown_as = f"{given_at.get(name, name)}: {names[name]}"
        if root.is_relative_to(place):
            problems.append(
                f"{shown_as} is the project's folder or above it; use a separate folder"
            )
        problems += [
            f"{shown_as} is in {part}, which a build only reads; use another folder"
            for part in _SOURCES
            if place.is_relative_to(root / part)
        ]
        if name != "build" and place.is_relative_to(places.get("build", root / "build")):
            problems.append(
                f"{shown_as} is in build, which may be deleted at any time; use another folder"
            )
        problems += [
            f"{shown_as} is also {other}; use a separate folder for each"
            for other in places
            if other < name and other != "build" and places[other] == place
        ]
    return problems


def progress_setting(root: Path, variables: Mapping[str, str]) -> str:
    """The setting `progress`, even if others are invalid: errors are shown by it, too."""
    try:
        return read_settings(root, variables).progress
    except ConfigError:
        return "auto"


def read_epoch() -> int | None:
    """SOURCE_DATE_EPOCH, or None if it is not set or empty.

    Raises ConfigError if it is not a number of seconds, or a time that an image cannot record.
    """
    text = source_date_epoch()
    if text is None:
        return None
    try:
        seconds = whole_number(text, least=-MOST, signed=True)
    except ValueError as error:
        raise ConfigError(
            "SOURCE_DATE_EPOCH is not a number of seconds",
            where="SOURCE_DATE_EPOCH",
            why=str(error),
            reason="settings",
            hint="set it to seconds since 1970, such as 1767225600",
        ) from None
    if not 0 <= seconds <= TIME_LIMIT:
        raise ConfigError(
            f"the time {seconds} cannot be recorded in an image",
            where="SOURCE_DATE_EPOCH",
            why=TIME_REASON,
            reason="settings",
            hint="set it to seconds since 1970, such as 1767225600, or unset it",
        )
    return seconds
