"""Valid and invalid release definitions."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from buildlib.config.release import Release
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load

MINI = tomllib.loads((Path(__file__).parents[3] / "sets/mini.toml").read_text())


@pytest.mark.parametrize(
    ("keys", "value", "problem"),
    [
        (
            ("version",),
            "1\n",
            (
                "version: name '1\\n': use only letters, digits and . _ + -; "
                "begin with a letter or digit"
            ),
        ),
        (("name",), "r" * 101, f"name: '{'r' * 77}…' has 101 characters; at most 100 are allowed"),
        (
            ("binary_suffix",),
            ".zip",
            ("binary_suffix: must be one of .tgz, .tar.gz, .tar.xz, is '.zip'"),
        ),
        (
            ("mirror_time",),
            1 << 31,
            (
                "mirror_time: the time 2147483648 cannot be written: FFS "
                "version 1 stores times in 32 bits, from 1970 to 2038"
            ),
        ),
        (("mirrors",), ["http://a b"], "mirrors[0]: 'http://a b' contains a space"),
        (("source_sets",), ["a", "a"], "source_sets[1]: a is given twice"),
        (
            ("signature", "fingerprint"),
            "a" * 39,
            "signature.fingerprint: must be 40 or 64 hexadecimal digits",
        ),
        (
            ("signature", "list"),
            "a//b",
            "signature.list: path 'a//b' must be a path below its folder: write 'a/b'",
        ),
        (
            ("boot", "expect"),
            ["("],
            (
                "boot.expect[0]: '(' is not a regular expression: missing ), "
                "unterminated subpattern at position 0"
            ),
        ),
        (("boot", "expect"), [], "boot.expect: is empty, so a boot test could not check anything"),
        (("boot", "memory"), 0, "boot.memory: must be a number from 1 to 16777216, is 0"),
        (
            ("build", "space", "kernel"),
            -1,
            ("build.space.kernel: must be a number from 0 to 1099511627776, is -1"),
        ),
        (
            ("build", "environment"),
            {"A B": "c"},
            "build.environment.A B: 'A B' is not a valid variable name",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_release_may_say(keys: tuple[str, ...], value: object, problem: str) -> None:
    data: dict[str, Any] = {
        key: dict(item) if isinstance(item, dict) else item for key, item in MINI.items()
    }
    place = data
    for key in keys[:-1]:
        place[key] = dict(place.get(key, {}))
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(ConfigError) as caught:
        load(Release, data, where="m.toml")
    assert caught.value.problems == (problem,)


def release(**packages: object) -> Release:
    return load(Release, {**MINI, "packages": {**MINI["packages"], **packages}}, where="r.toml")


@pytest.mark.parametrize(
    "packages",
    [
        {"key": "a.asc"},
        {"fingerprint": "a" * 40},
        {"advisories_key": "a.asc"},
        {"advisories_fingerprint": "a" * 40},
        {"certificate": "a.pem"},
        {"certificate": "a.pem", "fingerprint": "a" * 40},
        {"certificate": "a.pem", "key": "a.asc", "fingerprint": "a" * 64},
    ],
)
def test_a_signer_and_a_fingerprint_belong_together(packages: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"packages\.(key|advisories_key|certificate): "):
        release(**packages)


@pytest.mark.parametrize(
    ("packages", "file"),
    [
        ({}, ""),
        ({"key": "a.asc", "fingerprint": "a" * 40}, "a.asc"),
        ({"certificate": "a.pem", "fingerprint": "AA:" * 31 + "AA"}, "a.pem"),
        ({"advisories_key": "a.asc", "advisories_fingerprint": "a" * 64}, ""),
    ],
)
def test_the_file_of_the_packages_signer(packages: dict[str, str], file: str) -> None:
    assert release(**packages).packages.signer_file == file


def test_a_release_without_a_place() -> None:
    with pytest.raises(ConfigError, match="mirrors: give at least one, or mirror_source"):
        load(Release, {**MINI, "mirror_source": ""}, where="r.toml")


def test_where_sets_and_lists_are() -> None:
    mini = release()
    assert mini.source_path("src") == "source/sets/src.tgz"
    assert mini.binary_path("base") == "amd64/binary/sets/base.tgz"
    assert mini.set_paths() == (
        *(f"source/sets/{name}.tgz" for name in ("src", "syssrc", "sharesrc", "gnusrc")),
        *(f"amd64/binary/sets/{name}.tgz" for name in ("base", "etc")),
    )
    assert mini.list_paths() == (
        "source/sets/MD5",
        "source/sets/SHA512",
        "amd64/binary/sets/MD5",
        "amd64/binary/sets/SHA512",
    )
