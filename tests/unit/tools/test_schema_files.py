"""docs/reference/schema: the schemas accept the files that goldmaster accepts."""

from __future__ import annotations

import fnmatch
import json
import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.checkouts.scratch import PROJECT

from buildlib.model.errors import ConfigError
from buildlib.model.schema import load
from tools import dataclass_docs, schema_files
from tools.dataclass_docs import KINDS, keys_of, tables_of

SHIPPED = {
    "recipe": [PROJECT / "recipes/dom0.toml", *(PROJECT / "recipes/domu").glob("*.toml")],
    "release": [*(PROJECT / "sets").glob("*.toml")],
    "settings": [PROJECT / "docs/reference/examples/settings.toml"],
}
FILES = [
    (name, path.relative_to(PROJECT).as_posix())
    for name, paths in SHIPPED.items()
    for path in sorted(paths)
]
FILES += [(name, f"docs/reference/examples/{name}.toml") for name in ("recipe", "release")]
TABLES = [(name, at) for name, kind in KINDS.items() for at, _ in tables_of(kind)]


def example(name: str) -> dict[str, Any]:
    return tomllib.loads(dataclass_docs.example_text(name))


def problems(name: str, data: dict[str, Any]) -> list[str]:
    schema = json.loads(schema_files.path_of(name).read_text())
    return [error.message for error in Draft202012Validator(schema).iter_errors(data)]


@pytest.mark.parametrize("name", KINDS)
def test_a_schema_is_current(name: str) -> None:
    assert schema_files.path_of(name).read_text() == schema_files.text_of(name), (
        "python tools/schema_files.py"
    )
    Draft202012Validator.check_schema(schema_files.schema_of(name))


@pytest.mark.parametrize(("name", "path"), FILES)
def test_a_file_that_is_there_is_accepted(name: str, path: str) -> None:
    assert problems(name, tomllib.loads((PROJECT / path).read_text())) == []


@pytest.mark.parametrize(("name", "at"), TABLES)
def test_a_misspelt_key_is_refused(name: str, at: str) -> None:
    data = example(name)
    table(data, at)["sorces"] = 1
    assert [one for one in problems(name, data) if "'sorces' was unexpected" in one]


@pytest.mark.parametrize(("name", "at"), TABLES)
def test_a_wrong_type_is_refused(name: str, at: str) -> None:
    """For every key; goldmaster refuses the same values."""
    for key in keys_of(dict(tables_of(KINDS[name]))[at]):
        data = example(name)
        table(data, at)[key.name] = 1.5
        assert problems(name, data), key.name
        if name != "settings":  # `tests/unit/cli/test_settings.py` has those
            with pytest.raises(ConfigError):
                load(KINDS[name], data, where=name)


@pytest.mark.parametrize(("name", "at"), TABLES)
def test_what_must_be_given_is_missed(name: str, at: str) -> None:
    for key in keys_of(dict(tables_of(KINDS[name]))[at]):
        data = example(name)
        table(data, at).pop(key.name, None)
        assert bool(problems(name, data)) == key.needed, key.name


@pytest.mark.parametrize(
    ("key", "value", "is_right"),
    [
        ("offline", True, True),
        ("offline", "yes", True),
        ("offline", "maybe", False),
        ("offline", 1.0, False),
        ("jobs", 4, True),
        ("jobs", "4", True),
        ("jobs", "four", False),
        ("jobs", -1, False),
        ("progress", "json", True),
        ("progress", "loud", False),
    ],
)
def test_settings_may_be_texts(key: str, value: object, is_right: bool) -> None:
    assert (problems("settings", {key: value}) == []) is is_right


def table(data: dict[str, Any], at: str) -> dict[str, Any]:
    for part in at.split(".") if at else ():
        data = data.setdefault(part, {})
    return data


def test_editors_find_the_schema_of_a_file() -> None:
    """Each file matches at most one schema; taplo's `*` is that of fnmatch."""
    rules = tomllib.loads((PROJECT / ".taplo.toml").read_text())["rule"]
    places = [
        path.relative_to(PROJECT).as_posix()
        for folder in ("recipes", "sets", "docs")
        for path in (PROJECT / folder).rglob("*.toml")
    ]
    found = {
        (rule["schema"]["path"], path)
        for rule in rules
        for path in places
        if any(fnmatch.fnmatch(path, pattern) for pattern in rule["include"])
        and not any(fnmatch.fnmatch(path, pattern) for pattern in rule.get("exclude", ()))
    }
    assert found == {
        (schema_files.path_of(name).relative_to(PROJECT).as_posix(), path) for name, path in FILES
    }
