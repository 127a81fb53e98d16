"""A lock compared with its repository, and with known vulnerabilities."""

from __future__ import annotations

from typing import Any

import pytest

from buildlib.config.lock import Lock, LockedPackage, Pinned
from buildlib.operations.lock.outdated import Outdated, Vulnerability, outdated, vulnerabilities
from buildlib.pkgsrc.advisories import format_list, parse
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.summary import Summary

PIN = Pinned("a" * 128, "b" * 64, 100)


def lock(*names: str) -> Lock:
    return Lock(
        1,
        "tiny",
        "",
        1,
        None,
        {},
        tuple(
            LockedPackage(name, "cat/" + name.rpartition("-")[0], f"{name}.tgz", PIN, ("dom0",))
            for name in names
        ),
    )


# The fields are strings or tuples of them, as in Summary.
def offer(*names: str, **more: Any) -> Repository:
    return Repository([Summary(pkgname=name, **more) for name in names])


def told(*names: str, of: Repository) -> list[tuple[str, str, str, str]]:
    return [(row.package, row.locked, row.offered, row.state) for row in outdated(lock(*names), of)]


def test_each_way_to_differ() -> None:
    repository = offer("same-1", "newer-1", "newer-1nb1", "newer-1rc1", "older-1.9", "gone2-1")
    assert told("same-1", "older-2", "newer-1", "gone-1", of=repository) == [
        ("gone", "1", "", "gone"),
        ("newer", "1", "1nb1", "newer"),
        ("older", "2", "1.9", "older"),
    ]
    assert outdated(lock("gone-1"), repository) == [
        Outdated("gone", "1", "", "gone", "cat/gone", ("dom0",))
    ]


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, None),
        ({"file_size": 100}, None),
        ({"file_size": 101}, "rebuilt"),
        ({"file_cksum": "SHA512 " + "a" * 128}, None),
        ({"file_cksum": "sha512 " + "b" * 128}, "rebuilt"),
        ({"file_cksum": "sha256 " + "b" * 64, "file_size": 100}, None),
        ({"file_cksum": "sha256 " + "c" * 64, "file_size": 100}, "rebuilt"),
        ({"file_cksum": "rmd160 " + "c" * 40}, None),
    ],
)
def test_built_again(more: dict[str, object], state: str | None) -> None:
    assert [row.state for row in outdated(lock("a-1"), offer("a-1", **more))] == (
        [state] if state else []
    )


ADVISORIES = parse(
    format_list(
        [
            ("b<2", "denial-of-service", "https://example.org/2"),
            ("b<1.5", "backdoor", "https://example.org/1"),
            ("b<9", "forgery", "https://example.org/3"),
            ("a-[0-9]*", "eol", "https://example.org/eol"),
            ("{a", "x", "https://example.org/x"),
        ]
    ),
    where="list",
)


def test_weaknesses_and_whether_the_repository_has_better() -> None:
    found, unusable = vulnerabilities(
        lock("a-1", "b-1.5", "b-1.4"), ADVISORIES, offer("b-2", "a-1")
    )
    assert found == [
        Vulnerability("b-1.4", "backdoor", "https://example.org/1", ("dom0",), "b-2"),
        Vulnerability("b-1.4", "denial-of-service", "https://example.org/2", ("dom0",), "b-2"),
        Vulnerability("b-1.4", "forgery", "https://example.org/3", ("dom0",)),
        Vulnerability("b-1.5", "denial-of-service", "https://example.org/2", ("dom0",), "b-2"),
        Vulnerability("b-1.5", "forgery", "https://example.org/3", ("dom0",)),
    ]
    assert [one.pattern for one in unusable] == ["{a"]


def test_end_of_life_is_reported_on_request() -> None:
    assert vulnerabilities(lock("a-1"), ADVISORIES, None)[0] == []
    assert vulnerabilities(lock("a-1"), ADVISORIES, None, eol=True)[0] == [
        Vulnerability("a-1", "eol", "https://example.org/eol", ("dom0",))
    ]


def test_without_a_repository_nothing_is_fixed() -> None:
    found, _ = vulnerabilities(lock("b-1.6"), ADVISORIES, None)
    assert {one.fixed for one in found} == {""}
