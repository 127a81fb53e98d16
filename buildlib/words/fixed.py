"""Values of which nothing can be seen but what a key document holds.

A document is canonical JSON: it does not know in which order a mapping was made, what type a
number had before it was written, or what else an object carries. So whoever works with a value
gets it in the one form that the document tells of: mappings read-only and in the order of their
keys (by code point, as JSON has them), nothing but plain types beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType

from buildlib.words.errors import StageError

_PLAIN = (str, int, bool, type(None))


def fixed(value: object, *, where: str, leaves: tuple[type, ...] = ()) -> object:
    """`value` in that form, and all that is in it; itself where it has the form already.

    where   what errors say it is: `Packages.archives`
    leaves  types that the document knows how to write

    Raises StageError for what has no place in a key: sets, which have no order, and lists, floats
    and subclasses of plain types among them.
    """
    if isinstance(value, leaves) or type(value) in _PLAIN:
        return value
    if type(value) is tuple:
        parts = tuple(fixed(part, where=f"{where}[{number}]", leaves=leaves)
                      for number, part in enumerate(value))
        return value if all(map(_is, parts, value)) else parts
    if isinstance(value, Mapping):
        return _mapping(value, where, leaves)
    if is_dataclass(value) and not isinstance(value, type):
        changed = fixed_fields(value, where=where, leaves=leaves)
        return replace(value, **changed) if changed else value
    raise no_place(value, where)


def fixed_fields(
    value: object, *, where: str, leaves: tuple[type, ...] = ()
) -> dict[str, object]:
    """Those fields of a dataclass that do not have that form yet, by name, in it."""
    if not type(value).__dataclass_params__.frozen:  # type: ignore[attr-defined]  # it has them
        raise StageError(f"{type(value).__name__} can be changed, so it has no place in a key",
                         where=where, hint="say @dataclass(frozen=True)", reason="key-field")
    changed = {}
    for field in fields(value):  # type: ignore[arg-type]  # it is a dataclass
        before = getattr(value, field.name)
        after = fixed(before, where=f"{where}.{field.name}", leaves=leaves)
        if after is not before:
            changed[field.name] = after
    return changed


def in_order(value: Mapping[str, object]) -> bool:
    """Whether a mapping has its keys in the order of canonical JSON."""
    keys = list(value)
    return all(type(key) is str for key in keys) and keys == sorted(keys)


def no_place(value: object, where: str) -> StageError:
    """The error that tells of a value no document can hold."""
    hint = "say it with str, int, bool, None, tuples, mappings and frozen dataclasses"
    if isinstance(value, set | frozenset | list):
        hint = "a tuple has an order that the key holds; sort it where the order means nothing"
    return StageError(f"a field of type {type(value).__name__} has no place in a key", where=where,
                      hint=hint, reason="key-field")


def _mapping(
    value: Mapping[object, object], where: str, leaves: tuple[type, ...]
) -> Mapping[str, object]:
    for key in value:
        if type(key) is not str:
            raise StageError(
                f"a mapping's key of type {type(key).__name__} has no place in a key",
                where=where, why=f"{key!r}: as text it could be another key's",
                hint="use str", reason="key-field")
    items = {str(key): fixed(value[key], where=f"{where}[{key!r}]", leaves=leaves)
             for key in sorted(value, key=str)}
    if isinstance(value, MappingProxyType) and in_order(value) and all(
            items[key] is part for key, part in value.items()):
        return value
    return MappingProxyType(items)


def _is(one: object, other: object) -> bool:
    return one is other
