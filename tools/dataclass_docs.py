"""Reads keys, types, defaults and meanings from the configuration's dataclasses.

A class docstring has a line `name  meaning` for each field, or `name, name  meaning` for several,
separated by two or more spaces; continuation lines are indented further. The pages and schemas of
docs/reference are generated from these.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from buildlib.config.boot_test import MEDIA, PLATFORMS, BootTestConfig
from buildlib.config.build_sh import Compiler, Space
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.config.release import SUFFIXES, Release
from buildlib.config.settings import PROGRESS, Settings
from buildlib.model.names import TIME_LIMIT

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs/reference"
# The files that users write. Each has an example that names its keys.
KINDS: Mapping[str, type] = {"recipe": Recipe, "release": Release, "settings": Settings}
# Accepted values, if a check restricts the type: of a string, a list's items or a table's keys.
VALUES: Mapping[tuple[type, str], tuple[str, ...]] = {
    (Release, "source_suffix"): SUFFIXES,
    (Release, "binary_suffix"): SUFFIXES,
    (BootConfig, "platforms"): PLATFORMS,
    (BootTestConfig, "platforms"): PLATFORMS,
    (BootTestConfig, "media"): MEDIA,
    (BootTestConfig, "expect_on"): MEDIA,
    (Settings, "progress"): PROGRESS,
}
# Minimum and maximum of a number. A test compares them with the checks.
LIMITS: Mapping[tuple[type, str], tuple[int, int]] = {
    (BootConfig, "timeout"): (-1, 86_400),
    (BootTestConfig, "memory"): (1, 1 << 24),
    (BootTestConfig, "seconds"): (1, 1 << 20),
    (BootTestConfig, "step"): (0, 1 << 20),
    (Release, "mirror_time"): (0, TIME_LIMIT),
    (Compiler, "newest"): (0, 1 << 16),
    **{(Space, name): (0, 1 << 40) for name in ("sources", "toolchain", "kernel", "files")},
    **{(Settings, name): (0, 1_000_000) for name in ("jobs", "seconds")},
}
_FIELD = re.compile(r"(\w+(?:, \w+)*)  +(\S.*)")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table.

    hint     the field's type
    needed   whether it is required
    default  the default as plain values; None: none
    values   accepted values, if the type does not define them
    limits   minimum and maximum of a number; None: not a number
    """

    name: str
    hint: Any
    needed: bool
    default: Any
    meaning: str
    values: tuple[str, ...] = ()
    limits: tuple[int, int] | None = None


def keys_of(kind: type) -> list[Key]:
    """The keys of a table, in the order of the dataclass."""
    hints, texts = typing.get_type_hints(kind), meanings(kind)
    return [
        Key(
            field.name,
            hints[field.name],
            _is_needed(field),
            _default(field),
            texts.get(field.name, ""),
            VALUES.get((kind, field.name), ()),
            LIMITS.get((kind, field.name)),
        )
        for field in dataclasses.fields(kind)
    ]


def tables_of(kind: type, at: str = "") -> Iterator[tuple[str, type]]:
    """Path and dataclass of every table of a file; the path of the file itself is empty."""
    yield at, kind
    for key in keys_of(kind):
        if inner := table_class(key.hint):
            yield from tables_of(inner, f"{at}.{key.name}" if at else key.name)


def table_class(hint: Any) -> type | None:
    """The dataclass of a key's value, if it is a table."""
    hint = without_none(hint)
    return hint if dataclasses.is_dataclass(hint) and isinstance(hint, type) else None


def without_none(hint: Any) -> Any:
    """The type of a key's value: X of `X | None`."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return next(one for one in typing.get_args(hint) if one is not type(None))
    return hint


def meanings(kind: type) -> dict[str, str]:
    """The meaning of each field, from the docstring."""
    known = {field.name for field in dataclasses.fields(kind)}
    found: dict[str, str] = {}
    names: list[str] = []
    for line in inspect.cleandoc(kind.__doc__ or "").splitlines():
        match = _FIELD.fullmatch(line)
        if match and known.issuperset(match[1].split(", ")):
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        elif names and line.startswith(" "):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return found


def summary(kind: type) -> str:
    """The docstring up to the first field, on one line."""
    texts = meanings(kind)
    lines: list[str] = []
    for line in inspect.cleandoc(kind.__doc__ or "").splitlines():
        match = _FIELD.fullmatch(line)
        if match and match[1].split(", ")[0] in texts:
            break
        lines.append(line)
    return " ".join(" ".join(lines).split())


def example_text(name: str) -> str:
    """The example file of a kind, unchanged."""
    return (REFERENCE / f"examples/{name}.toml").read_text(encoding="utf-8")


def example_of(name: str, table: str) -> dict[str, Any]:
    """The values of a table in the example; empty if it has none."""
    value: Any = tomllib.loads(example_text(name))
    for part in table.split(".") if table else ():
        value = value.get(part, {})
    return dict(value)


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return _plain(field.default_factory())
    return None if field.default is dataclasses.MISSING else _plain(field.default)


def _plain(value: Any) -> Any:
    """A value in the types of TOML and JSON; of a table, only what differs from its defaults."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        usual = {key.name: key.default for key in keys_of(type(value))}
        given = {name: _plain(getattr(value, name)) for name in usual}
        return {name: item for name, item in given.items() if item != usual[name]}
    return value
