"""Every string of a release, recipe or lock has a rule."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from buildlib.config.boot_test import BootTestConfig, Stick
from buildlib.config.build_sh import Build, Compiler, Space
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.config.lock import LockedPackage, Pinned
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.config.release import PackageSource, Release, Signature

PIN = Pinned("a" * 128)
PACKAGES = PackageSource(
    "a",
    key="k",
    fingerprint="a" * 40,
    libraries=("/a",),
    advisories_key="k",
    advisories_fingerprint="a" * 40,
)
SIGNATURE = Signature("a", "k", "a" * 40, "b")
BOOT = BootTestConfig(("a",), {"cd": ("a",)})
RIGHT: tuple[Any, ...] = (
    SIGNATURE,
    PACKAGES,
    BOOT,
    Stick("K"),
    Compiler(c_flags=("-g",), cxx_flags=("-g",)),
    Space(),
    Build("1", ("-N",), {"A": "b"}),
    Origin("a"),
    Origin(file="a", sha256="a" * 64),
    Hypervisor("a"),
    Hypervisor(package="a"),
    Hypervisor(file="a", sha256="a" * 64),
    Release(
        "r",
        "1",
        ("http://a",),
        "a",
        SIGNATURE,
        BOOT,
        PACKAGES,
        archives={"a": "http://b"},
        mirror_source="f",
    ),
    BootConfig(xen=("a",), menu_entries={"t": ("a",)}),
    Recipe(
        ("base",),
        "K",
        packages=("a/b",),
        overlays=("o",),
        remove=("r",),
        keep={"a": "b"},
        domus=("d",),
    ),
    LockedPackage("a-1", "a/b", "a-1.tgz", PIN),
)
# A lock's own strings are only compared with others, never used as names.
FREE = {("LockedPackage", "pkgpath"), ("LockedPackage", "recipes"), ("LockedPackage", "wanted_by")}


def texts(value: object, hint: object) -> Iterator[object]:
    """The value with an invalid string, in each place that has a string."""
    bad = "a\0b"
    if isinstance(value, str) and typing.get_origin(hint) is not typing.Literal:
        yield bad
    elif isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        if typing.get_origin(typing.get_args(hint)[0]) is not typing.Literal:
            yield (*value, bad)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield {bad: item}
            yield {key: bad} if isinstance(item, str) else {key: (bad,)}


CASES = [
    pytest.param(noun, field.name, bad, id=f"{number}-{type(noun).__name__}.{field.name}-{which}")
    for number, noun in enumerate(RIGHT)
    for field in dataclasses.fields(noun)
    if (type(noun).__name__, field.name) not in FREE
    for which, bad in enumerate(
        texts(getattr(noun, field.name), typing.get_type_hints(type(noun))[field.name])
    )
]


@pytest.mark.parametrize(("noun", "name", "bad"), CASES)
def test_every_text_goes_through_a_rule(noun: Any, name: str, bad: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        dataclasses.replace(noun, **{name: bad})


def test_no_noun_of_the_configuration_is_left_out() -> None:
    """Every dataclass that a release or recipe can contain is tested above."""
    seen: set[type] = set()
    todo: list[Any] = [Release, Recipe, LockedPackage]
    while todo:
        hint = todo.pop()
        if dataclasses.is_dataclass(hint) and isinstance(hint, type) and hint not in seen:
            seen.add(hint)
            todo += typing.get_type_hints(hint).values()
        todo += typing.get_args(hint)
    assert {kind.__name__ for kind in seen} == {type(noun).__name__ for noun in RIGHT} | {"Pinned"}
