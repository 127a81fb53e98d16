"""What releases, recipes and locks may say: every text and number has a rule."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from buildlib.config.boot_test import BootTestConfig, Stick
from buildlib.config.build_sh import Build, Compiler, Space
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.config.recipe import (
    BootConfig,
    Lock,
    LockedPackage,
    PackageSource,
    Pinned,
    Recipe,
    Release,
    Signature,
)
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load

PIN = Pinned("a" * 128)
PACKAGES = PackageSource("a", key="k", fingerprint="a" * 40, libraries=("/a",),
                         advisories_key="k", advisories_fingerprint="a" * 40)
SIGNATURE = Signature("a", "k", "a" * 40, "b")
BOOT = BootTestConfig(("a",), {"cd": ("a",)})
RIGHT: tuple[Any, ...] = (
    SIGNATURE, PACKAGES, BOOT, Stick("K"), Compiler(c_flags=("-g",), cxx_flags=("-g",)), Space(),
    Build("1", ("-N",), {"A": "b"}), Origin("a"), Origin(file="a", sha256="a" * 64),
    Hypervisor("a"), Hypervisor(package="a"), Hypervisor(file="a", sha256="a" * 64),
    Release("r", "1", ("http://a",), "a", SIGNATURE, BOOT, PACKAGES, archives={"a": "http://b"},
            mirror_source="f"),
    BootConfig(xen=("a",), menu_entries={"t": ("a",)}),
    Recipe(("base",), "K", packages=("a/b",), overlays=("o",), remove=("r",), keep={"a": "b"},
           domus=("d",)),
    LockedPackage("a-1", "a/b", "a-1.tgz", PIN),
)
# A lock's own texts are compared with others, never used as names.
FREE = {("LockedPackage", "pkgpath"), ("LockedPackage", "recipes"), ("LockedPackage", "wanted_by")}


def texts(value: object, hint: object) -> Iterator[object]:
    """The value with a text that cannot be, at each place where it has one."""
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
    for which, bad in enumerate(texts(getattr(noun, field.name),
                                      typing.get_type_hints(type(noun))[field.name]))
]


@pytest.mark.parametrize(("noun", "name", "bad"), CASES)
def test_every_text_goes_through_a_rule(noun: Any, name: str, bad: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        dataclasses.replace(noun, **{name: bad})


def test_no_noun_of_the_configuration_is_left_out() -> None:
    """Every dataclass that a release or recipe can hold is among those above."""
    seen: set[type] = set()
    todo: list[Any] = [Release, Recipe, LockedPackage]
    while todo:
        hint = todo.pop()
        if dataclasses.is_dataclass(hint) and isinstance(hint, type) and hint not in seen:
            seen.add(hint)
            todo += typing.get_type_hints(hint).values()
        todo += typing.get_args(hint)
    assert {kind.__name__ for kind in seen} == {type(noun).__name__ for noun in RIGHT} | {"Pinned"}


def problems(text: str, kind: type[object] = Recipe) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(kind, tomllib.loads(text), where="r.toml")
    return caught.value.problems


NEEDED = 'sets = ["base"]\nkernel = "K"\n'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('kernel_path = ""', "kernel_path: is empty"),
        (
            'kernel_path = "netbsd/"',
            "kernel_path: path 'netbsd/' must be a path below its folder: write 'netbsd'",
        ),
        (
            'kernel_path = "/netbsd"',
            "kernel_path: path '/netbsd' must be a path below its folder: write 'netbsd'",
        ),
        (
            'kernel_path = "a/./b//c"',
            "kernel_path: path 'a/./b//c' must be a path below its folder: write 'a/b/c'",
        ),
        ('kernel_path = ".."', "kernel_path: path '..' must be a path below its folder"),
        (
            f'kernel_path = "{"a/" * 600}a"',
            (f"kernel_path: {'a/' * 38}a…: a path of 1201 bytes; NetBSD allows 1023"),
        ),
        (
            f'kernel_path = "{"a" * 256}"',
            (f"kernel_path: {'a' * 77}…: a name of 256 bytes; NetBSD allows 255"),
        ),
        ('remove = ["a", "a"]', "remove[1]: a is there twice"),
        ('packages = ["a/b", "a/b"]', "packages[1]: a/b is there twice"),
        ('overlays = ["o", "o"]', "overlays[1]: o is there twice"),
        ('domus = ["a/b"]', "domus[0]: name 'a/b': letters, digits and . _ + - only, not first"),
        ('packages = [""]', "packages[0]: is empty"),
        ('outside = [""]', "outside[0]: is empty"),
        ('keep = {"etc/rc" = "etc/rc"}', "keep.etc/rc: it already has that name"),
        ('keep = {"a" = "x", "b" = "x"}', "keep.b: x is already the path of a"),
        ('keep = {"a" = "netbsd"}', "keep.a: netbsd is already the path of the kernel"),
        ('keep = {"a/b" = "x"}\nremove = ["a"]', "keep.a/b: the recipe removes it"),
        ('free = "5"', ""),
        ('free = "5%"', ""),
        ('free = "1024g"', ""),
        ('free = "1025g"', "free: '1025g' is more than an image can have: at most 1000% or 1024g"),
        ('free = "1001%"', "free: '1001%' is more than an image can have: at most 1000% or 1024g"),
        ('free = "-1"', "free: '-1' is not an amount of space: write 5% or 64m"),
        ('free = "²"', "free: '²' is not an amount of space: write 5% or 64m"),
        (
            f'free = "{"9" * 5000}"',
            (f"free: '{'9' * 40}' is more than an image can have: at most 1000% or 1024g"),
        ),
        ("[boot]\ntimeout = -1", ""),
        ("[boot]\ntimeout = -2", "boot.timeout: must be a number from -1 to 86400, is -2"),
        (
            '[boot]\ntimeout = -1\nloader = "legacy"',
            "boot.timeout: must be a number from 0 to 86400, is -1",
        ),
        (
            '[boot]\nxen = ["a", "b\\tc"]',
            (
                "boot.xen[1]: 'b\\tc' is not a word of a command line: use ASCII without blanks, "
                "quotes and backslashes, and give each word separately"
            ),
        ),
        ('[boot]\nalso = {}', "boot.also: is called menu_entries now"),
        ('[boot]\nmenu_entries = {"" = []}', "boot.menu_entries.: is empty"),
        (
            '[boot]\nmenu_entries = {"a $b" = []}',
            "boot.menu_entries.a $b: 'a $b': a title cannot have \", $ or \\",
        ),
        (
            f'[boot]\nkernel = ["{"a" * 1024}"]',
            "boot.kernel: the command line has 1024 bytes, but only 1023 are read",
        ),
        ('[boot]\nplatforms = ["bios", "bios"]', "boot.platforms[1]: bios is there twice"),
        (
            '[hypervisor]\npackage = "../xen.gz"',
            "hypervisor.package: path '../xen.gz' must be a path below its folder",
        ),
        (
            '[hypervisor]\nfile = "/xen.gz"\nsha256 = "' + "a" * 64 + '"',
            "hypervisor.file: path '/xen.gz' must be a path below its folder: write 'xen.gz'",
        ),
        (
            '[hypervisor]\npackage = "a"\nsha256 = "b"',
            "hypervisor: sha256 belongs to file: give file too, or leave sha256 out",
        ),
    ],
    ids=lambda value: value[:50].replace("²", "superscript"),
)
def test_what_a_recipe_may_say(line: str, problem: str) -> None:
    if problem:
        assert problems(f"{NEEDED}{line}\n") == (problem,)
    else:
        load(Recipe, tomllib.loads(f"{NEEDED}{line}\n"), where="r.toml")


MINI = tomllib.loads((Path(__file__).parents[3] / "sets/mini.toml").read_text())


@pytest.mark.parametrize(
    ("keys", "value", "problem"),
    [
        (("version",), "1\n", "version: name '1\\n': letters, digits and . _ + - only, not first"),
        (("name",), "r" * 101, f"name: '{'r' * 77}…' has 101 characters; at most 100 are allowed"),
        (("binary_suffix",), ".zip", "binary_suffix: one of .tgz, .tar.gz, .tar.xz, not '.zip'"),
        (("mirror_time",), 1 << 31, ("mirror_time: the time 2147483648 cannot be written: FFS "
         "version 1 has 32 bits for it, up to 2038, and no build is older than 1970")),
        (("mirrors",), ["http://a b"], "mirrors[0]: 'http://a b' contains a blank"),
        (("source_sets",), ["a", "a"], "source_sets[1]: a is there twice"),
        (("signature", "fingerprint"), "a" * 39,
         "signature.fingerprint: must be 40 or 64 hexadecimal digits"),
        (("signature", "list"), "a//b",
         "signature.list: path 'a//b' must be a path below its folder: write 'a/b'"),
        (("boot", "expect"), ["("], ("boot.expect[0]: '(' is not a regular expression: missing ), "
         "unterminated subpattern at position 0")),
        (("boot", "expect"), [], "boot.expect: is empty, so a boot test could not see anything"),
        (("boot", "memory"), 0, "boot.memory: must be a number from 1 to 16777216, is 0"),
        (("build", "space", "kernel"), -1, ("build.space.kernel: must be a number from 0 to "
         "1099511627776, is -1")),
        (("build", "environment"), {"A B": "c"},
         "build.environment.A B: 'A B' is not the name of a variable"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_release_may_say(keys: tuple[str, ...], value: object, problem: str) -> None:
    data: dict[str, Any] = {key: dict(item) if isinstance(item, dict) else item
                            for key, item in MINI.items()}
    place = data
    for key in keys[:-1]:
        place[key] = dict(place.get(key, {}))
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(ConfigError) as caught:
        load(Release, data, where="m.toml")
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize("epoch", [-1, 1 << 31, 10**5000], ids=["negative", "2038", "endless"])
def test_a_lock_whose_time_no_image_can_have(epoch: int) -> None:
    data = {"lock": 1, "release": "r", "definition": "", "epoch": epoch, "list": None, "files": {}}
    with pytest.raises(ConfigError) as caught:
        load(Lock, data, where="r.lock")
    (problem,) = caught.value.problems
    assert problem.startswith("epoch: the time ")
