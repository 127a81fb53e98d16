"""Plans of inputs: what is fetched, after what, and what checks it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buildlib.config.lock import Pinned
from buildlib.engine.stage import OutputRef, SourceFile, SourceTree
from buildlib.plan.builder import Builder, short_name
from buildlib.plan.inputs import (
    LIST,
    PRESS,
    SIGNATURE,
    add_lists,
    package_archive,
    press_stage,
    set_archive,
    source_archives,
    unpacked_set,
    unwrapped_package,
)
from buildlib.stages.inputs.fetch import Fetch
from buildlib.stages.inputs.local_mirror import Press
from buildlib.stages.inputs.signature import Signature
from buildlib.stages.inputs.signed_package import SignedPackage
from buildlib.stages.inputs.unpack import Unpack


def fetched(path: str, pin: Pinned) -> Fetch:
    return Fetch(path, pin.sha512, pin.sha256, pin.size)


def signed(builder: Builder, **source: str) -> Builder:
    """For a release whose packages are signed."""
    release = builder.release
    packages = replace(release.packages, **source)  # type: ignore[arg-type]  # all are texts
    known = builder.configuration.beside
    beside = {**known, "signer": known[release.signature.key]}
    configuration = replace(
        builder.configuration, release=replace(release, packages=packages), beside=beside
    )
    return replace(builder, configuration=configuration)


def test_a_stage_is_added_once(builder: Builder) -> None:
    first, second = Unpack(OutputRef("a", "file"), "a"), Unpack(OutputRef("b", "file"), "b")
    assert builder.add("unpack", first, "one", after=("list",)) == "unpack"
    assert builder.add("unpack", second, "two") == "unpack"
    assert (builder.stages, builder.docs) == ({"unpack": first}, {"unpack": "one"})
    assert builder.after == {"unpack": ("list",)}
    builder.add("other", second, "two")
    assert builder.after == {"unpack": ("list",)}, "that one waits for nothing"


@pytest.mark.parametrize(
    ("recipe", "short"), [("dom0", "dom0"), ("domu/base", "base"), ("a/b/c", "c")]
)
def test_a_recipe_s_short_name(recipe: str, short: str) -> None:
    assert short_name(recipe) == short


def test_the_lists_and_the_lock_s_check(builder: Builder) -> None:
    add_lists(builder, ("mirror",))
    release, lock = builder.release, builder.lock
    lists = ("source/sets/SHA512", "amd64/binary/sets/SHA512")
    assert set(builder.stages) == {LIST, SIGNATURE, *(f"fetch:{path}" for path in lists)}
    assert lock.list is not None
    assert builder.stages[LIST] == fetched(release.signature.list, lock.list)
    for path in lists:
        assert builder.stages[f"fetch:{path}"] == fetched(
            f"{release.path}/{path}", lock.files[path]
        )
        assert builder.after[f"fetch:{path}"] == ("mirror",)
    assert builder.after[LIST] == ("mirror",)
    assert SIGNATURE not in builder.after
    place = builder.configuration.beside[release.signature.key]
    assert builder.stages[SIGNATURE] == Signature(
        list=OutputRef(LIST, "file"),
        key=SourceFile(place.path, place.name),
        fingerprint=release.signature.fingerprint,
        lists={path: OutputRef(f"fetch:{path}", "file") for path in lists},
        pins={path: lock.files[path].sha512 for path in release.set_paths()},
    )


def test_a_set_without_a_pin_is_not_checked(builder: Builder) -> None:
    files = {
        path: pin for path, pin in builder.lock.files.items() if not path.endswith("gnusrc.tgz")
    }
    partial = replace(builder, lock=replace(builder.lock, files=files))
    add_lists(partial, ())
    stage = partial.stages[SIGNATURE]
    assert isinstance(stage, Signature)
    assert set(builder.release.set_paths()) - set(stage.pins) == {"source/sets/gnusrc.tgz"}
    assert partial.after == {}


def test_sets_wait_for_the_lock_s_check(builder: Builder) -> None:
    path = "amd64/binary/sets/base.tgz"
    assert set_archive(builder, path) == OutputRef(f"fetch:{path}", "file")
    assert unpacked_set(builder, "base") == OutputRef("unpack:base", "tree")
    assert builder.stages == {
        f"fetch:{path}": fetched(f"NetBSD/NetBSD-mini/{path}", builder.lock.files[path]),
        "unpack:base": Unpack(OutputRef(f"fetch:{path}", "file"), "base"),
    }
    assert builder.after == {f"fetch:{path}": (SIGNATURE,)}


def test_the_source_sets(builder: Builder) -> None:
    assert source_archives(builder) == tuple(
        OutputRef(f"fetch:source/sets/{name}.tgz", "file")
        for name in ("src", "syssrc", "sharesrc", "gnusrc")
    )


def test_packages_wait_for_the_lock_s_check(builder: Builder) -> None:
    item = builder.lock.packages[0]
    name = f"fetch:{item.file}"
    assert package_archive(builder, item) == OutputRef(name, "file")
    assert unwrapped_package(builder, item) == OutputRef(name, "file"), "they are not signed"
    path = f"{builder.release.packages.path}/{item.file}"
    assert builder.stages == {name: fetched(path, item.pin)}
    assert builder.after == {name: (SIGNATURE,)}


@pytest.mark.parametrize(
    ("kind", "fingerprint", "is_x509"), [("key", "a" * 40, False), ("certificate", "b" * 64, True)]
)
def test_signed_packages_are_unwrapped(
    builder: Builder, kind: str, fingerprint: str, is_x509: bool
) -> None:
    found = signed(builder, **{kind: "signer"}, fingerprint=fingerprint)
    item = builder.lock.packages[0]
    assert unwrapped_package(found, item) == OutputRef(f"signed:{item.file}", "file")
    place = found.configuration.beside["signer"]
    assert found.stages[f"signed:{item.file}"] == SignedPackage(
        OutputRef(f"fetch:{item.file}", "file"),
        item.file,
        SourceFile(place.path, place.name),
        fingerprint,
        is_x509=is_x509,
    )


def test_a_release_of_your_own_is_pressed(builder: Builder) -> None:
    configuration = builder.configuration
    stage, product = press_stage(configuration)
    release, source = configuration.release, configuration.beside["mini"]
    assert stage == Press(
        SourceTree(source.path, source.name),
        "NetBSD/NetBSD-mini",
        {
            **{f"source/sets/{name}.tgz": f"source/{name}" for name in release.source_sets},
            **{f"amd64/binary/sets/{name}.tgz": f"binary/{name}" for name in ("base", "etc")},
        },
        release.signature.list,
        release.packages.path,
        "x86_64",
        "1.0",
        1767225600,
    )
    assert (product.name, product.all_of) == ("mirror", PRESS)
    assert product.folder == configuration.root / configuration.settings.build / "mirror/mini"
