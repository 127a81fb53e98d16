"""Values with reordered mappings, to check that the order does not matter."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

from buildlib.engine.stage import HostPackage, OutputRef, SourceFile, SourceTree


def shuffled(value: object, chance: random.Random) -> object:
    """The value with all mappings in it created in another order."""
    if isinstance(value, Mapping):
        items = [(key, shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    if isinstance(value, tuple):
        return tuple(shuffled(item, chance) for item in value)
    leaves = OutputRef | SourceFile | SourceTree | HostPackage | type
    if is_dataclass(value) and not isinstance(value, leaves):
        return replace(
            value,
            **{field.name: shuffled(getattr(value, field.name), chance) for field in fields(value)},
        )
    return value
