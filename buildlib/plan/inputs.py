"""Plans the inputs: lists, sets and packages, each fetched once and verified."""

from __future__ import annotations

from buildlib.config.configuration import Configuration
from buildlib.config.lock import LockedPackage, Pinned
from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef, SourceTree
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
    assert lock.list is not None  # checked by `check_lock`
    signed = add_fetch(builder, LIST, release.signature.list, lock.list, after=first)
    lists = {
        path: add_fetch(
            builder, f"fetch:{path}", f"{release.path}/{path}", lock.files[path], after=first
        )
        for path in release.list_paths()
        if path.endswith("/SHA512")
    }
    stage = Signature(
        list=signed,
        key=builder.beside(release.signature.key),
        fingerprint=release.signature.fingerprint,
        lists=lists,
        # all pins are checked, used or not; files without a pin cannot be fetched
        pins={path: lock.files[path].sha512 for path in release.set_paths() if path in lock.files},
    )
    builder.add(SIGNATURE, stage, "check the lock against the signed list of digests")


def set_archive(builder: Builder, path: str) -> OutputRef:
    """A set, fetched after the lock was verified."""
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
    """A package's archive, as in the repository."""
    return add_fetch(
        builder,
        f"fetch:{item.file}",
        f"{builder.release.packages.path}/{item.file}",
        item.pin,
        after=(SIGNATURE,),
    )


def unwrapped_package(builder: Builder, item: LockedPackage) -> OutputRef:
    """A package, unwrapped if packages are signed."""
    archive, source = package_archive(builder, item), builder.release.packages
    if not source.signer_file:
        return archive
    stage = SignedPackage(
        archive,
        item.file,
        builder.beside(source.signer_file),
        source.fingerprint,
        is_x509=bool(source.certificate),
    )
    name = builder.add(f"signed:{item.file}", stage, f"check who signed {item.file}")
    return OutputRef(name, "file")


def press_stage(configuration: Configuration) -> tuple[Press, Product]:
    """The stage that presses a release's mirror, and the mirror as a product."""
    release = configuration.release
    source = configuration.beside[release.mirror_source]
    sets = {release.source_path(name): f"source/{name}" for name in release.source_sets}
    sets |= {release.binary_path(name): f"binary/{name}" for name in release.binary_sets}
    stage = Press(
        SourceTree(source.path, source.name),
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
        configuration.root / configuration.settings.build / "mirror" / release.name,
        all_of=PRESS,
        doc=f"the mirror of {release.name}, built from its folder",
    )
    return stage, product
