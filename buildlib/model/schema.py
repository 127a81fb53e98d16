"""Conversion of plain values into frozen dataclasses; every problem is reported at once.

Recipes, release definitions and locks are edited by hand. Their editors want all mistakes in one
report, each with its key and the nearest valid name. Libraries that turn TOML into dataclasses stop
at the first mistake, or suggest no names.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from buildlib.model.errors import ConfigError
from buildlib.model.names import FieldProblems
from buildlib.model.nearness import near

T = TypeVar("T")

_HINTS = 100  # after so many problems, no nearest names are suggested


def load(kind: type[T], data: Mapping[str, Any], *, where: str) -> T:
    """An instance of the dataclass `kind` from `data`; keys are the field names.

    Field types may be bool, int, str, a Literal, tuple[X, ...], Mapping[str, X], another
    dataclass, X | None.
    Raises ConfigError with all problems: unknown keys, missing keys, wrong types, and ValueErrors
    that a dataclass raises in `__post_init__`.
    """
    problems: list[str] = []
    value = _dataclass(kind, data, "", problems)
    if problems:
        raise problems_of(where, problems)
    return typing.cast("T", value)


def problems_of(where: str, problems: Sequence[str]) -> ConfigError:
    """The error for a file with these problems."""
    count = f"{len(problems)} problem{'s' * (len(problems) != 1)}"
    return ConfigError(
        f"{where} has {count}", where=where, problems=tuple(problems), reason="schema"
    )


@cache
def _fields(kind: type) -> dict[str, tuple[Any, bool]]:
    """Field name to (type, whether it must be given)."""
    hints = typing.get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


def _dataclass(kind: type, data: object, at: str, problems: list[str]) -> object:
    if not isinstance(data, Mapping):
        _wrong(data, "a table", at, problems)
        return None
    fields = _fields(kind)
    before = len(problems)
    problems.extend(
        f"{_join(at, str(key))}: " + _unknown(kind, str(key), fields if number < _HINTS else ())
        for number, key in enumerate((key for key in data if key not in fields), before)
    )
    values = {}
    for name, (hint, needed) in fields.items():
        if name in data:
            values[name] = _value(hint, data[name], _join(at, name), problems)
        elif needed:
            problems.append(f"{_join(at, name)}: missing")
    if len(problems) > before:
        return None
    try:
        return kind(**values)
    except FieldProblems as error:
        problems.extend(f"{_join(at, key)}: {problem}" for key, problem in error.found)
        return None
    except ValueError as error:
        problems.append(f"{at or kind.__name__.lower()}: {error}")
        return None


def _unknown(kind: type, key: str, known: typing.Iterable[str]) -> str:
    """The problem with an unknown key. `RENAMED` of a dataclass maps old key names to new ones."""
    renamed: Mapping[str, str] = getattr(kind, "RENAMED", {})
    if key in renamed:
        return f"is called {renamed[key]} now"
    return f"unknown key{nearest(key, known)}"


def _value(hint: Any, data: object, at: str, problems: list[str]) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        hint = next(argument for argument in arguments if argument is not type(None))
        return None if data is None else _value(hint, data, at, problems)
    if origin is typing.Literal:
        return _choice(arguments, data, at, problems)
    if origin is tuple:
        return _list(arguments[0], data, at, problems)
    if origin is not None and issubclass(origin, Mapping):
        return _table(arguments[1], data, at, problems)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, data, at, problems)
    return _plain(hint, data, at, problems)


def _plain(hint: type, data: object, at: str, problems: list[str]) -> object:
    if type(data) is not hint:  # not isinstance: a TOML true is not an integer
        _wrong(data, _NAMES.get(hint, str(hint)), at, problems)
        return None
    return data


def _choice(known: tuple[str | int, ...], data: object, at: str, problems: list[str]) -> object:
    if data not in known:
        names = list(map(str, known))
        hint = nearest(data, names) if isinstance(data, str) and len(problems) < _HINTS else ""
        given = f", not {data!r}{hint}" if isinstance(data, str) else ""
        problems.append(f"{at}: one of {', '.join(names)}{given}")
        return None
    return data


def _list(hint: Any, data: object, at: str, problems: list[str]) -> object:
    if not isinstance(data, list):
        _wrong(data, "a list", at, problems)
        return None
    return tuple(
        _value(hint, item, f"{at}[{number}]", problems) for number, item in enumerate(data)
    )


def _table(hint: Any, data: object, at: str, problems: list[str]) -> object:
    if not isinstance(data, Mapping):
        _wrong(data, "a table", at, problems)
        return None
    return {
        str(key): _value(hint, item, _join(at, str(key)), problems) for key, item in data.items()
    }


_NAMES = {bool: "true or false", int: "a whole number", str: "a string"}


def _wrong(data: object, wanted: str, at: str, problems: list[str]) -> None:
    found = {
        bool: "true or false",
        int: "a whole number",
        str: "a string",
        list: "a list",
        dict: "a table",
        float: "a number with a fraction",
        type(None): "nothing",
    }.get(type(data), f"a {type(data).__name__}")
    problems.append(f"{at}: must be {wanted}, is {found}")


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """`; did you mean X?`, or an empty text if no known name is similar."""
    found = near(name, known)
    return f"; did you mean {found[0]}?" if found else ""
