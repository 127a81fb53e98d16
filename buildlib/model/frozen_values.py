"""Normal form of a stage's fields: a value carries no more information than its key document.

A document is canonical JSON. It does not record the insertion order of a mapping, the subclass of a
number, or any other property of an object. So a stage gets each value in the one form that the
document describes: mappings are read-only and sorted by key (by code point, as in JSON), and
everything else has a plain type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType

from buildlib.model.errors import StageError

_PLAIN = (str, int, bool, type(None))


def fixed(value: object, *, where: str, leaves: tuple[type, ...] = ()) -> object:
    """`value` and everything in it in normal form; `value` itself if it already has that form.

    where   its name in errors: `Packages.archives`
    leaves  other types that the document can represent

    Raises StageError for values that cannot be part of a key, for example lists, floats, subclasses
    of plain types, and sets, which have no order.
    """
    if isinstance(value, leaves) or type(value) in _PLAIN:
        return value
    if type(value) is tuple:
        parts = tuple(
            fixed(part, where=f"{where}[{number}]", leaves=leaves)
            for number, part in enumerate(value)
        )
        return value if all(map(_is, parts, value)) else parts
    if isinstance(value, Mapping):
        return _mapping(value, where, leaves)
    if is_dataclass(value) and not isinstance(value, type):
        changed = fixed_fields(value, where=where, leaves=leaves)
        return replace(value, **changed) if changed else value
    raise no_place(value, where)


def fixed_fields(value: object, *, where: str, leaves: tuple[type, ...] = ()) -> dict[str, object]:
    """The fields of a dataclass that are not in normal form: name to normal form."""
    if not type(value).__dataclass_params__.frozen:  # type: ignore[attr-defined]  # it has them
        raise StageError(
            f"{type(value).__name__} is mutable, so it cannot be part of a key",
            where=where,
            hint="use @dataclass(frozen=True)",
            reason="key-field",
        )
    changed = {}
    for field in fields(value):  # type: ignore[arg-type]  # it is a dataclass
        before = getattr(value, field.name)
        after = fixed(before, where=f"{where}.{field.name}", leaves=leaves)
        if after is not before:
            changed[field.name] = after
    return changed


def in_order(value: Mapping[str, object]) -> bool:
    """Whether the keys of a mapping are in the order of canonical JSON."""
    keys = list(value)
    return all(type(key) is str for key in keys) and keys == sorted(keys)


def no_place(value: object, where: str) -> StageError:
    """The error for a value that a document cannot represent."""
    hint = "use str, int, bool, None, tuples, mappings and frozen dataclasses"
    if isinstance(value, set | frozenset | list):
        hint = "use a tuple, whose order is part of the key; sort it if the order has no meaning"
    return StageError(
        f"a field of type {type(value).__name__} cannot be part of a key",
        where=where,
        hint=hint,
        reason="key-field",
    )


def _mapping(
    value: Mapping[object, object], where: str, leaves: tuple[type, ...]
) -> Mapping[str, object]:
    for key in value:
        if type(key) is not str:
            raise StageError(
                f"a mapping's key of type {type(key).__name__} cannot be part of a key",
                where=where,
                why=f"{key!r}: as text it could equal another key",
                hint="use str",
                reason="key-field",
            )
    items = {
        str(key): fixed(value[key], where=f"{where}[{key!r}]", leaves=leaves)
        for key in sorted(value, key=str)
    }
    if (
        isinstance(value, MappingProxyType)
        and in_order(value)
        and all(items[key] is part for key, part in value.items())
    ):
        return value
    return MappingProxyType(items)


def _is(one: object, other: object) -> bool:
    return one is other
