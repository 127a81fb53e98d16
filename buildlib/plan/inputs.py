"""What comes in: lists, sets and packages, each fetched once and checked."""

from __future__ import annotations

from pathlib import Path

from buildlib.config.project import Project
from buildlib.config.recipe import LockedPackage, Pinned, Release
from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef, SourceFile, SourceTree
from buildlib.plan.builder import Builder
from buildlib.stages.inputs.fetch import Fetch
from buildlib.stages.inputs.local_mirror import Press
from buildlib.stages.inputs.signature import Signature
from buildlib.stages.inputs.signed_package import SignedPackage
from buildlib.stages.inputs.unpack import Unpack

PRESS, LIST, SIGNATURE = "press", "fetch:list", "signature"


def add_fetch(
    builder: Builder, name: str, path: str, pin: Pinned, *, after: tuple[str, ...]
) -> OutputRef:
    """Fetch a pinned file."""
    stage = Fetch(path, pin.sha512, pin.sha256, pin.size)
    return OutputRef(builder.add(name, stage, f"fetch {path}", after=after), "file")


def add_lists(builder: Builder, first: tuple[str, ...]) -> None:
    """The signed list, the lists beside the sets, and the check of the lock against them."""
    release, lock = builder.release, builder.lock
    assert lock.list is not None  # `check_lock` has seen to it
    signed = add_fetch(builder, LIST, release.signature.list, lock.list, after=first)
    lists = {
        path: add_fetch(
            builder, f"fetch:{path}", f"{release.path}/{path}", lock.files[path], after=first
        )
        for path in release.list_paths()
        if path.endswith("/SHA512")
    }
    key = builder.folder / release.signature.key
    stage = Signature(
        list=signed,
        key=SourceFile(key, builder.project.name_of(key)),
        fingerprint=release.signature.fingerprint,
        lists=lists,
        # all that is pinned is checked, used or not: what is not pinned nobody can fetch
        pins={path: lock.files[path].sha512 for path in release.set_paths() if path in lock.files},
    )
    builder.add(SIGNATURE, stage, "check the lock against the signed list of digests")


def set_archive(builder: Builder, path: str) -> OutputRef:
    """A set, fetched once the lock has been found signed."""
    return add_fetch(
        builder,
        f"fetch:{path}",
        f"{builder.release.path}/{path}",
        builder.lock.files[path],
        after=(SIGNATURE,),
    )


def unpacked_set(builder: Builder, name: str) -> OutputRef:
    """The tree of a binary set."""
    archive = set_archive(builder, builder.release.binary_path(name))
    return OutputRef(
        builder.add(f"unpack:{name}", Unpack(archive, name), f"unpack set {name}"), "tree"
    )


def source_archives(builder: Builder) -> tuple[OutputRef, ...]:
    """The archives of all source sets."""
    return tuple(
        set_archive(builder, builder.release.source_path(name))
        for name in builder.release.source_sets
    )


def package_archive(builder: Builder, item: LockedPackage) -> OutputRef:
    """A package's archive as the repository has it."""
    return add_fetch(
        builder,
        f"fetch:{item.file}",
        f"{builder.release.packages.path}/{item.file}",
        item.pin,
        after=(SIGNATURE,),
    )


def unwrapped_package(builder: Builder, item: LockedPackage) -> OutputRef:
    """A package, out of its signed wrapping where packages are signed."""
    archive, source = package_archive(builder, item), builder.release.packages
    if not source.key:
        return archive
    key = builder.folder / source.key
    stage = SignedPackage(
        archive, item.file, SourceFile(key, builder.project.name_of(key)), source.fingerprint
    )
    name = builder.add(f"signed:{item.file}", stage, f"check who signed {item.file}")
    return OutputRef(name, "file")


def press_stage(
    project: Project, release: Release, definition: Path, build: Path
) -> tuple[Press, Product]:
    """The stage that presses a release's mirror, and the mirror as a product.

    definition  the file the release is defined in
    """
    folder = definition.parent / release.mirror_source
    sets = {release.source_path(name): f"source/{name}" for name in release.source_sets}
    sets |= {release.binary_path(name): f"binary/{name}" for name in release.binary_sets}
    stage = Press(
        SourceTree(folder, project.name_of(folder)),
        release.path,
        sets,
        release.signature.list,
        release.packages.path,
        release.machine_arch,
        release.version,
        release.mirror_time,
    )
    product = Product(
        "mirror",
        build / "mirror" / release.name,
        all_of=PRESS,
        doc=f"the mirror of {release.name}, pressed from its folder",
    )
    return stage, product
