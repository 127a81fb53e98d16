"""Generated repositories: as requested, always the same, and installable."""

from __future__ import annotations

import hashlib
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from support.readers.archives import read

from buildlib.pkgsrc.package import check_platform, read_package
from buildlib.pkgsrc.pattern import matches
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.resolution.resolve import resolve
from buildlib.pkgsrc.summary import Summary, format_summary, parse
from buildlib.sources.archive.compress import chunks
from buildlib.testing.repositories import (
    OLDER,
    SYSTEM_LIBRARIES,
    Shape,
    base_of,
    package_sources,
    summaries,
    write_repository,
)

SMALL = Shape(packages=40, files=5, size=200_000, circles=2, older=20)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Summary]]:
    folder = tmp_path_factory.mktemp("repository") / "All"
    return folder, write_repository(folder, package_sources(SMALL))


@pytest.mark.thorough
def test_the_same_on_every_machine(written: tuple[Path, list[Summary]], tmp_path: Path) -> None:
    """To the byte, and in every version: benchmarks are compared over years."""
    folder, _ = written
    write_repository(tmp_path, package_sources(SMALL))
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
    names = "\n".join(source.pkgname for source in package_sources(SMALL))
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == "1f451871ab78e590"
    every = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        every.update(path.read_bytes())
    assert every.hexdigest()[:16] == "91d62f6b699f699c"


def test_the_same_summaries_in_every_version() -> None:
    """Of a shape by default, and of one with nothing by default."""
    found = hashlib.sha256(
        format_summary(
            [
                *summaries(Shape(packages=60)),
                *summaries(Shape(packages=60, seed=3, depends=3, older=50, circles=4)),
            ]
        )
    )
    assert found.hexdigest()[:16] == "dacf9b400ee62b99"
    assert Shape(packages=1) == Shape(
        packages=1,
        seed=0,
        depends=10,
        older=5,
        circles=0,
        files=4,
        size=0,
        description=6,
        system=SYSTEM_LIBRARIES,
        machine_arch="x86_64",
        os_version="10.1",
    )


def test_as_asked_for(written: tuple[Path, list[Summary]]) -> None:
    folder, listed = written
    bases = Counter(map(base_of, listed))
    assert len(bases) == 40
    assert sum(count - 1 for count in bases.values()) == len(listed) - 40 > 0
    newest = [item for item in listed if not item.pkgname.endswith(f"-{OLDER}")]
    assert 0.95 * SMALL.size <= sum(item.size_pkg or 0 for item in newest) <= SMALL.size
    assert {path.name for path in folder.iterdir()} == {
        "pkg_summary.gz",
        *(item.archive for item in listed),
    }
    assert list(parse(chunks(folder / "pkg_summary.gz", where="x"))) == sorted(
        listed, key=lambda item: item.pkgname
    )
    for item in listed:
        assert (folder / item.archive).stat().st_size == item.file_size


@pytest.mark.programs
def test_archives_are_packages(written: tuple[Path, list[Summary]]) -> None:
    """Also according to bsdtar: the members of the packing list, in its order."""
    folder, listed = written
    for item in listed:
        path = folder / item.archive
        members = read(b"".join(chunks(path, where=path.name)))
        meta = {name: data for name, (_, data) in members.items() if name.startswith("+")}
        package = read_package(meta, where=path.name, expected=item.pkgname)
        assert check_platform(package, machine_arch="x86_64", os_version="10.1") is None
        files = [file.path for file in package.plist.files]
        told = subprocess.run(["bsdtar", "-tf", path], capture_output=True, text=True, check=True)
        assert told.stdout.split() == [*meta, *files]
        for file in package.plist.files:
            content = members[file.path][1]
            assert file.symlink or file.md5 == hashlib.md5(content).hexdigest()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(3))
def test_all_can_be_installed(seed: int) -> None:
    shape = Shape(packages=300, seed=seed, circles=3)
    repository = Repository(summaries(shape))
    roots = [base_of(item) for item in summaries(shape)]
    names = set(resolve(roots, repository, provided_libs=SYSTEM_LIBRARIES).names)
    assert {name.rpartition("-")[0] for name in names} == set(roots)
    for root in roots[:40]:
        assert resolve([root], repository, provided_libs=SYSTEM_LIBRARIES).names


def test_every_kind_of_pattern_and_circles() -> None:
    found = list(summaries(Shape(packages=300, circles=1)))
    patterns = [pattern for item in found for pattern in item.depends]
    for mark in (">=", "<", "-[0-9]*", "{"):
        assert any(mark in pattern for pattern in patterns), mark
    assert any(item.conflicts for item in found)
    assert any(library in item.requires for item in found for library in SYSTEM_LIBRARIES)
    assert any(library.startswith("/usr/pkg/") for item in found for library in item.requires)
    ring = found[0], found[1], found[2]
    assert len({base_of(item) for item in ring}) == 3
    for item, needed in zip(ring, (ring[2], ring[0], ring[1]), strict=True):
        assert any(matches(pattern, needed.pkgname) for pattern in item.depends)


@pytest.mark.thorough
def test_shapes() -> None:
    none = replace(SMALL, files=0, size=0, depends=0, circles=0, description=0, system=())
    for source in package_sources(none):
        assert (source.files, source.depends, source.requires) == ((), (), ())
    assert not list(package_sources(Shape(packages=0)))
    names = {source.pkgname for source in package_sources(SMALL)}
    assert names.isdisjoint(s.pkgname for s in package_sources(replace(SMALL, seed=1)))
