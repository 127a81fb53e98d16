"""Writes JSON Schemas of recipes, release definitions and settings, for editors.

    python tools/schema_files.py

They are generated from the dataclasses that read these files. They do not cover relations between
keys, which goldmaster itself checks.
"""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.dataclass_docs import (
    KINDS,
    REFERENCE,
    Key,
    example_of,
    keys_of,
    summary,
    table_class,
    without_none,
)

Schema: TypeAlias = dict[str, Any]

FOLDER = REFERENCE / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TITLES = {
    "recipe": "a recipe of goldmaster",
    "release": "a release definition of goldmaster",
    "settings": "settings of goldmaster",
}
_NAMES = {bool: "boolean", int: "integer", str: "string"}


def path_of(name: str) -> Path:
    """The path of the schema for a kind of file."""
    return FOLDER / f"{name}.schema.json"


def text_of(name: str) -> str:
    """A schema as text."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def schema_of(name: str) -> Schema:
    """The schema of a kind of file."""
    table = _table(KINDS[name], name, "")
    if name == "settings":
        table["properties"] = {key: _setting(found) for key, found in table["properties"].items()}
    return {"$schema": DIALECT, "title": _TITLES[name], **table}


def _table(kind: type, name: str, at: str) -> Schema:
    """The schema of a table at the path `at` of a file."""
    keys = keys_of(kind)
    needed = [key.name for key in keys if key.needed]
    return {
        "description": summary(kind),
        "type": "object",
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
        "properties": {key.name: _key(key, name, at) for key in keys},
    }


def _key(key: Key, name: str, at: str) -> Schema:
    inner = table_class(key.hint)
    if inner:
        found = _table(inner, name, f"{at}.{key.name}" if at else key.name)
    else:
        found = _type(without_none(key.hint), key.values)
    if key.limits:
        found |= dict(zip(("minimum", "maximum"), key.limits, strict=True))
    given = {} if inner else example_of(name, at)
    return {
        **found,
        "description": f"{key.meaning}\n\n{summary(inner)}" if inner else key.meaning,
        **({} if key.default is None else {"default": key.default}),
        **({"examples": [given[key.name]]} if key.name in given else {}),
    }


def _type(hint: Any, values: tuple[str, ...] = ()) -> Schema:
    """The schema of a value; `values` restricts a string, a list's items or a table's keys."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"type": _NAMES[type(arguments[0])], "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _type(arguments[0], values)}
    if origin is not None and issubclass(origin, Mapping):
        names = {"propertyNames": {"enum": list(values)}} if values else {}
        return {"type": "object", **names, "additionalProperties": _type(arguments[1])}
    return {"type": _NAMES[hint], **({"enum": list(values)} if values else {})}


def _setting(found: Schema) -> Schema:
    """A setting: its file may have numbers as strings, and `"yes"`, as on the command line."""
    if found["type"] == "boolean":
        return {**found, "type": ["boolean", "string"], "enum": [True, False, "yes", "no"]}
    if found["type"] == "integer":
        return {**found, "type": ["integer", "string"], "pattern": "^[0-9]+$"}
    return found


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        path_of(kind).write_text(text_of(kind), encoding="utf-8")
