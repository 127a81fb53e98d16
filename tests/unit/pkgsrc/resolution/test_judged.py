"""Libraries of 300 packages, as pkgsrc's own metadata.mk writes them (support/oracles/pkgsrc)."""

from __future__ import annotations

import json
import posixpath

import pytest
from support.oracles.pkgsrc import GROUP, PACKAGES, PREFIX, TABLE

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.repository import Repository, is_in_provides
from buildlib.pkgsrc.resolution.resolve import of_base, resolve
from buildlib.pkgsrc.summary import Summary

BASE = {"/usr/lib/libc.so.12", "/usr/lib/libpthread.so.1", "/usr/X11R7/lib/libX11.so.7"}
GONE = f"{PREFIX}/lib/libgone.so.1"  # the only one of them that a PROVIDES would have

packages = json.loads(TABLE.read_text())["packages"]


def test_there_are_300() -> None:
    assert len(packages) == PACKAGES == 300


def test_what_is_in_provides() -> None:
    for package in packages:
        files = [f"{PREFIX}/{file}" for file in package["files"]]
        told = [file for file in files if is_in_provides(file, PREFIX)]
        assert told == sorted(package["provides"]), package["name"]


def test_what_each_group_requires_is_there_or_is_told() -> None:
    stopped = noted = 0
    for start in range(0, PACKAGES, GROUP):
        group = packages[start : start + GROUP]
        there = {f"{PREFIX}/{file}" for package in group for file in package["files"]}
        required = {posixpath.normpath(path) for package in group for path in package["requires"]}
        summaries = [
            Summary(
                pkgname=package["name"],
                depends=tuple(f"{one['name'].rpartition('-')[0]}>=1" for one in group[:at]),
                provides=tuple(package["provides"]),
                requires=tuple(package["requires"]),
            )
            for at, package in enumerate(group)
        ]
        repository, last = Repository(summaries), [group[-1]["name"]]
        if GONE in required:
            stopped += 1
            with pytest.raises(SourceError, match=f"the shared library {GONE}"):
                resolve(last, repository, provided_libs=BASE)
            continue
        found = resolve(last, repository, provided_libs=BASE)
        assert of_base(found) == required & BASE
        assert found.unlisted.keys() - there == required - BASE - there
        noted += bool(found.unlisted.keys() & there)
    assert stopped > 5
    assert noted > 20
