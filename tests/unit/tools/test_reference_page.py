"""docs/reference: every key of the configuration files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from buildlib.config.settings import Settings, read_settings
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load
from tools import dataclass_docs, reference_page
from tools.dataclass_docs import KINDS, Key, keys_of, tables_of

TABLES = [(name, at, kind) for name, root in KINDS.items() for at, kind in tables_of(root)]
KEYS = [
    pytest.param(name, at, key, id=f"{name}:{at}.{key.name}")
    for name, at, kind in TABLES
    for key in keys_of(kind)
]
NUMBERS = [param for param in KEYS if param.values[2].hint is int]  # type: ignore[union-attr]  # a Key
# Keys that the example cannot have together with its others.
LEFT_OUT = {
    "recipe": {
        "free",
        "hypervisor.file",
        "hypervisor.sha256",
        "hypervisor.package",
        "boot.legacy.distribution",
    },
    "release": {
        "mirror_source",
        "mirror_time",
        "packages.certificate",
        "packages.hypervisor",
        *(f"packages.hypervisor.{key}" for key in ("distribution", "file", "sha256", "package")),
    },
    "settings": set[str](),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_page_is_current(name: str) -> None:
    assert reference_page.path_of(name).read_text() == reference_page.page_of(name), (
        "python tools/reference_page.py"
    )


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "at", "key"), KEYS)
def test_a_key_has_a_meaning_and_a_row(name: str, at: str, key: Key) -> None:
    assert key.meaning
    heading = f"\n## `[{at}]`\n" if at else "\n| key |"
    section = reference_page.page_of(name).partition(heading)[2].partition("\n## ")[0]
    assert f"\n| `{key.name}` | " in section


def given(name: str) -> dict[str, Any]:
    return tomllib.loads(dataclass_docs.example_text(name))


@pytest.mark.parametrize("name", KINDS)
def test_the_example_names_every_key_that_it_can(name: str) -> None:
    known = {
        f"{at}.{key.name}".lstrip(".")
        for table, at, kind in TABLES
        if table == name
        for key in keys_of(kind)
    }
    named = {
        f"{at}.{key}".lstrip(".")
        for table, at, _ in TABLES
        if table == name
        for key in dataclass_docs.example_of(name, at)
    }
    assert known - named == LEFT_OUT[name]


def read(name: str, data: dict[str, Any], folder: Path) -> object:
    """Read the file as goldmaster does."""
    if name != "settings":
        return load(KINDS[name], data, where=name)
    path = folder / "recipes/settings.toml"
    path.parent.mkdir(exist_ok=True)
    lines = (
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n"
        for key, value in data.items()
    )
    path.write_text("".join(lines))
    return read_settings(folder, {})


@pytest.mark.parametrize("name", KINDS)
def test_the_example_is_accepted(name: str, tmp_path: Path) -> None:
    assert isinstance(read(name, given(name), tmp_path), KINDS[name])


def changed(name: str, at: str, key: str, value: object) -> dict[str, Any]:
    """The example with another value."""
    data = given(name)
    table = data
    for part in at.split(".") if at else ():
        table = table.setdefault(part, {})
    table[key] = value
    if name == "recipe":
        data["boot"]["loader"] = "grub2"  # it allows every timeout
    return data


@pytest.mark.parametrize(("name", "at", "key"), NUMBERS)
def test_limits_are_those_of_the_check(name: str, at: str, key: Key, tmp_path: Path) -> None:
    assert key.limits is not None
    for number in key.limits:
        read(name, changed(name, at, key.name, number), tmp_path)
    for number in (key.limits[0] - 1, key.limits[1] + 1):
        with pytest.raises(ConfigError):
            read(name, changed(name, at, key.name, number), tmp_path)


def test_values_are_those_of_the_check(tmp_path: Path) -> None:
    for (kind, key), values in dataclass_docs.VALUES.items():
        name, at = next((name, at) for name, at, other in TABLES if other is kind)
        hint = next(one.hint for one in keys_of(kind) if one.name == key)
        for value in values:
            read(name, changed(name, at, key, _made(hint, value)), tmp_path)
        with pytest.raises(ConfigError):
            read(name, changed(name, at, key, _made(hint, "none of them")), tmp_path)


def _made(hint: Any, value: str) -> object:
    if hint is str:
        return value
    return [value] if "tuple" in str(hint).partition("[")[0] else {value: ["x"]}


def test_docstrings_are_read_as_they_are_written() -> None:
    @dataclass
    class Sample:
        """What it is,
        in two lines.

        one, two  a meaning
                  of two lines
        three  another:  with blanks

        Not a field  at all.
        """

        one: int
        two: int
        three: tuple[str, ...] = ("x",)
        four: Settings | None = None

    assert dataclass_docs.summary(Sample) == "What it is, in two lines."
    assert dataclass_docs.meanings(Sample) == {
        "one": "a meaning of two lines",
        "two": "a meaning of two lines",
        "three": "another:  with blanks",
    }
