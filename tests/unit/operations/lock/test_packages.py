"""Packages of a lock: resolved with the sets' libraries, read and checked before pinning."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest
from support.machines.packages import repository, signed, source, summary
from support.servers.package_mirror import (
    LIBC,
    LIBX,
    RELEASE,
    SIGNED,
    Bench,
    archive,
    fetched,
    mirror_of,
    path_of,
)

from buildlib.config.lock import Pinned
from buildlib.config.release import PackageSource as Packages
from buildlib.pkgsrc.summary import format_summary
from buildlib.pkgsrc.writer import SourceFile


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_everything_is_pinned(bench: Bench) -> None:
    """A pin has version, file name, size, both digests, and the recipes that name it."""
    bench.recipe("dom0", "cat/a")
    bench.recipe("domu/www", "b-[0-9]*")
    made = [source("a-1.0", depends=("b>=1",)), source("b-1.5"), source("b-0.9"), source("c-1")]
    files = repository(*made)
    with mirror_of(files) as mirror:
        packages = bench.lock(mirror)
        assert fetched(mirror) == ["pkg_summary.gz", "b-1.5.tgz", "a-1.0.tgz"]
    assert [item.pkgname for item in packages] == ["b-1.5", "a-1.0"], "what is needed comes first"
    for item in packages:
        data = files[f"packages/{item.pkgname}.tgz"]
        assert item.file == f"{item.pkgname}.tgz"
        assert item.pkgpath == f"cat/{item.pkgname[0]}"
        assert item.pin == Pinned(
            hashlib.sha512(data).hexdigest(), hashlib.sha256(data).hexdigest(), len(data)
        )
    assert [(item.recipes, item.wanted_by) for item in packages] == [
        (("dom0", "domu/www"), ("domu/www",)),
        (("dom0",), ("dom0",)),
    ]


def test_no_packages_ask_nobody(bench: Bench) -> None:
    bench.recipe("dom0")
    with mirror_of({}) as mirror:
        assert bench.lock(mirror) == ()
        assert mirror.requests == []


def test_the_same_summary_in_another_order(bench: Bench) -> None:
    made = [
        source("a-1.0", depends=("b>=1", "{c,d}-[0-9]*")),
        source("b-1.5", depends=("c>=1",)),
        source("b-1.4"),
        source("c-1"),
        source("c-2"),
        source("d-7"),
    ]
    files, found = repository(*made), set()
    for seed in range(5):
        shuffled = random.Random(seed).sample(made, len(made))
        text = b"".join(format_summary([summary(one)]) for one in shuffled)
        with mirror_of(files | {"packages/pkg_summary.gz": text}) as mirror:
            found.add(bench.lock(mirror))
    assert len(found) == 1


def test_a_folder_as_mirror(bench: Bench, tmp_path: Path) -> None:
    """With and without a summary, the pins are the same."""
    made = [source("a-1.0", depends=("b>=1",)), source("b-1.5")]
    folder = tmp_path / "mirror"
    for path, data in repository(*made).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    with_summary = bench.lock(folder)
    (folder / "packages/pkg_summary.gz").unlink()
    assert bench.lock(folder, offline=True) == with_summary
    assert len(with_summary) == 2


# libraries that packages need


def test_what_is_missing_names_recipe_chain_and_nearest(bench: Bench) -> None:
    bench.recipe("dom0")
    bench.recipe("domu/www", "cat/a")
    error = bench.refused(
        repository(
            source("a-1", depends=("b>=1",)),
            source("b-1", depends=("libgcrypt>=2",)),
            source("libgcrypt-1.9"),
        )
    )
    assert error.reason == "pkg-missing"
    assert error.where == "recipes/domu/www.toml: packages, from packages/pkg_summary.gz"
    assert "cat/a (recipe) → a-1 → b-1 → libgcrypt>=2" in (error.why or "")
    assert error.hint == "there is libgcrypt-1.9"


def test_what_is_missing_in_several_recipes_is_reported_at_once(bench: Bench) -> None:
    bench.recipe("dom0", "libgcrypto")
    bench.recipe("domu/sql", "libgcrypt")
    bench.recipe("domu/www", "libgcrypt>=3")
    error = bench.refused(repository(source("libgcrypt-1.9")))
    assert (error.what, error.reason) == (
        "the packages of 2 recipes cannot be resolved",
        "pkg-missing",
    )
    for text in (
        "no package matches libgcrypto",
        "recipes/dom0.toml",
        "libgcrypt>=3 (recipe)",
        "recipes/domu/www.toml",
    ):
        assert text in (error.why or "")
    assert (error.why or "").count("there is libgcrypt-1.9") == 2


MODULE = "/usr/pkg/lib/lua/5.4/lpeg.so"


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("is_there", [False, True])
def test_the_packing_list_decides_on_what_no_provides_has(
    bench: Bench, is_there: bool, is_signed: bool
) -> None:
    module = (SourceFile(path="lib/lua/5.4/lpeg.so", content=b"m", mode=0o755),) if is_there else ()
    made = [
        source("a-1", depends=("b>=1",), requires=("/usr/pkg/lib/lua/../lua/5.4/lpeg.so",)),
        source("b-1.5", files=(SourceFile(path="bin/b", content=b"b", mode=0o755), *module)),
    ]
    files, release = repository(*made), SIGNED if is_signed else RELEASE
    if is_signed:
        for one in made:
            path = f"packages/{one.pkgname}.tgz"
            files[path] = signed(one.pkgname, files[path])
    with mirror_of(files) as mirror:
        assert len(bench.lock(mirror, release=release)) == 2
    notes = [line for line in bench.said if line.startswith("note")]
    told = "note         recipes/dom0.toml: a-1 requires " + MODULE
    assert notes == ([] if is_there else [told + ", which is in no package of the recipe"])


def test_a_library_of_a_set(bench: Bench) -> None:
    """Only the sets that are needed are read; a build later uses them from the store."""
    files = repository(
        source(
            "a-1", requires=(LIBC, "/usr/pkg/lib/liba.so.1"), provides=("/usr/pkg/lib/liba.so.1",)
        )
    )
    with mirror_of(files) as mirror:
        bench.lock(mirror)
        assert fetched(mirror) == ["pkg_summary.gz", "base.tgz", "a-1.tgz"]
        assert {pin.sha256 for pin in bench.pins.values()} == {""}, "their signer has told none"
        bench.lock(mirror)
        assert fetched(mirror).count("base.tgz") == 1, "the store has it"


def test_no_set_is_read_for_packages_that_need_none(bench: Bench) -> None:
    with mirror_of(repository(source("a-1"))) as mirror:
        bench.lock(mirror)
        assert fetched(mirror) == ["pkg_summary.gz", "a-1.tgz"]


def test_a_library_that_no_set_of_the_recipe_has(bench: Bench) -> None:
    """It is in another set, or in another version in base."""
    bench.recipe("dom0", "w")
    error = bench.refused(
        repository(
            source("a-1", requires=(LIBX, "/usr/lib/libc.so.13")), source("w-1", depends=("a>=1",))
        )
    )
    assert error.reason == "pkg-library"
    assert "recipes/dom0.toml" in (error.where or "")
    assert (error.why or "").splitlines() == [
        f"{LIBX}: w (recipe) → w-1 → a-1",
        "/usr/lib/libc.so.13: w (recipe) → w-1 → a-1",
    ]
    first, second = (error.hint or "").splitlines()
    assert "add the set that contains it to the recipe" in first
    assert "packages.libraries" in first
    assert second == f"/usr/lib/libc.so.13: there is {LIBC}"
    bench.recipe("dom0", "w", sets=("base", "xbase"))
    release = replace(RELEASE, packages=Packages("packages", libraries=("/usr/lib/libc.so.13",)))
    with mirror_of(
        repository(
            source("a-1", requires=(LIBX, "/usr/lib/libc.so.13")), source("w-1", depends=("a>=1",))
        )
    ) as mirror:
        assert len(bench.lock(mirror, release=release)) == 2


def test_a_set_that_is_not_the_signed_one(bench: Bench) -> None:
    files = repository(source("a-1", requires=(LIBC,))) | {path_of("base"): archive("/etc")}
    assert bench.refused(files).reason == "checksum"
