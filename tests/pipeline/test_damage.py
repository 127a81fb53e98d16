"""What was tampered with or deleted is noticed, and made again with the same bytes."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from support.checkouts.scratch import PARTS, Scratch, Tasks

Damage: TypeAlias = Callable[[Scratch], None]

PRODUCTS = frozenset({"iso", "domu-images:base", "domu-images:pkgrepo"})
SIDES = [".sha256", ".sha512", ".mtree", ".json"]
BASE_SET = "fetch:amd64/binary/sets/base.tgz"
KERNEL = "kernel:XEN3_DOM0_CD"


def flip(path: Path, *, offset: int = 5000, hide: bool = False) -> None:
    """Change one byte in place; with `hide` set mode and times back as they were."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(min(offset, before.st_size - 1))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0x20]))
    if hide:
        path.chmod(stat.S_IMODE(before.st_mode))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rebuilt(scratch: Scratch) -> Tasks:
    """What a build makes again; the one after it has nothing to do."""
    built = scratch.build("iso", "domu-images").built
    assert scratch.doit("iso", "domu-images").text == ""
    return built


@pytest.fixture
def settled(scratch: Scratch) -> Scratch:
    """A checkout whose build has been looked at where it lies."""
    assert scratch.doit("iso", "domu-images").text == ""
    return scratch


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mini-dom0.iso", {"image:cd", "iso"}),
        ("mini-dom0.iso.mtree", {"image:cd", "iso"}),
        ("mini-dom0.iso.sha256", {"checksums:mini-dom0.iso", "iso"}),
        ("mini-dom0.iso.json", {"iso"}),
        ("mini-base.ffs", {"image:base", "domu-images:base"}),
    ],
)
def test_a_tampered_product(settled: Scratch, name: str, expected: set[str]) -> None:
    """Even where the time stamp was set back."""
    products = settled.products()
    for hide in (False, True):
        flip(settled.product(name), hide=hide)
        assert settled.products() != products
        assert rebuilt(settled) == expected
        assert settled.products() == products


def test_a_product_that_was_written_anew(settled: Scratch) -> None:
    """Another file in its place, of the same size: the content in the store is whole."""
    products = settled.products()
    size = settled.product().stat().st_size
    settled.product().unlink()
    settled.product().write_bytes(bytes(size))
    assert rebuilt(settled) == {"iso"}
    assert settled.products() == products


def test_a_deleted_product(settled: Scratch) -> None:
    products = settled.products()
    for suffix in ("", *SIDES):
        settled.product(f"mini-dom0.iso{suffix}").unlink()
        assert rebuilt(settled) == {"iso"}
        assert settled.products() == products


def test_all_products_deleted(settled: Scratch) -> None:
    products = settled.products()
    settled.remove("dist")
    assert rebuilt(settled) == PRODUCTS
    assert settled.products() == products


def test_a_product_whose_mode_was_changed(settled: Scratch) -> None:
    """Nothing is made again; but it is for everybody to read, and for nobody to write."""
    for mode in (0o600, 0o666):
        settled.product().chmod(mode)
        assert rebuilt(settled) == set()
        assert stat.S_IMODE(settled.product().stat().st_mode) == 0o444


def delete_blob(stage: str, output: str, product: str = "mini-dom0.iso") -> Damage:
    return lambda scratch: scratch.blob(scratch.outputs(stage, product)[output]).unlink()


def flip_blob(stage: str, output: str, *, hide: bool) -> Damage:
    return lambda scratch: flip(scratch.blob(scratch.outputs(stage)[output]), offset=300, hide=hide)


def delete(name: str) -> Damage:
    return lambda scratch: scratch.remove(name)


def each_pack(act: Callable[[Path], None], suffix: str = "") -> Damage:
    def damage(scratch: Scratch) -> None:
        packs = [
            path
            for path in scratch.path("build/store/packs").rglob("*")
            if path.is_file() and path.suffix == suffix
        ]
        assert len(packs) > 5
        for path in packs:
            act(path)

    return damage


WITH_PACKS = {
    "unpack:base",
    "unpack:etc",
    "packages:base",
    "packages:dom0",
    "packages:pkgrepo",
    "root:dom0",
    "root:base",
    "root:pkgrepo",
    "tree:cd",
}

IN_THE_STORE: dict[str, tuple[Damage, set[str]]] = {
    "a kernel deleted": (delete_blob(KERNEL, "kernel"), {KERNEL}),
    "a kernel damaged": (flip_blob(KERNEL, "kernel", hide=False), {KERNEL}),
    "a kernel damaged and hidden": (flip_blob(KERNEL, "kernel", hide=True), {KERNEL}),
    "an image deleted": (delete_blob("image:base", "image"), {"image:base"}),
    "a tree's spec deleted": (delete_blob("unpack:base", "tree"), {"unpack:base"}),
    "a tree's spec damaged": (flip_blob("root:dom0", "tree", hide=True), {"root:dom0"}),
    "a fetched file deleted": (delete_blob(BASE_SET, "file"), {BASE_SET}),
    "a fetched file damaged": (flip_blob(BASE_SET, "file", hide=True), {BASE_SET}),
    "packs deleted": (each_pack(Path.unlink), WITH_PACKS),
    "packs damaged": (each_pack(flip), WITH_PACKS),
    "packs damaged and hidden": (each_pack(lambda path: flip(path, hide=True)), WITH_PACKS),
}


@pytest.mark.parametrize("name", IN_THE_STORE)
def test_damage_in_the_store(settled: Scratch, name: str) -> None:
    """Only what made the content runs again; it yields the same, so nothing follows."""
    products = settled.products()
    damage, expected = IN_THE_STORE[name]
    damage(settled)
    built = rebuilt(settled)
    # the pressed mirror and what was fetched from it are one content: either stage may mend it
    assert built - {"press", "mirror"} in (expected, expected - {BASE_SET})
    assert settled.products() == products


@pytest.mark.parametrize(
    "name", ["build/store/records", "build/store/last", "build/log", "build/store/seen.json"]
)
def test_what_the_store_remembers_deleted(settled: Scratch, name: str) -> None:
    """The products are whole, so there is nothing to do; a change still comes through."""
    products = settled.products()
    settled.remove(name)
    assert rebuilt(settled) == set()
    assert settled.products() == products
    settled.append("recipes/dom0/overlay/etc/rc.conf", "sshd=YES\n")
    assert rebuilt(settled) >= {"root:dom0", "tree:cd", "image:cd", "iso"}


@pytest.mark.parametrize("name", ["build", "build/store/blobs"])
def test_much_deleted(settled: Scratch, name: str) -> None:
    """Deleting `build`, or anything in it, is safe. A build never writes to the sources."""
    products, sources = settled.products(), checkout(settled)
    settled.remove(name)
    assert rebuilt(settled) >= {"press", "toolchain", "image:cd", "iso", "image:base"}
    assert settled.products() == products
    assert checkout(settled) == sources


def checkout(scratch: Scratch) -> dict[str, tuple[int, ...]]:
    """Mode, size and time of every file of the checkout; bytecode is the interpreter's."""
    return {
        path: marks[:3]
        for part in PARTS
        for path, marks in scratch.listing(part).items()
        if not scratch.path(path).is_dir() and "__pycache__" not in path
    }


def test_damage_is_noticed_when_the_content_is_used(settled: Scratch) -> None:
    """With nothing else to tell of it, as after a run that was killed."""
    for glance in settled.path("build/store").glob("glance-*"):
        glance.unlink()
    each_pack(Path.unlink, ".idx")(settled)
    flip(settled.blob(settled.outputs("root:base")["tree"]), offset=300, hide=True)
    settled.append("recipes/dom0/overlay/etc/rc.conf", "sshd=YES\n")
    settled.append("recipes/domu/base.toml", 'free = "20%"\n')
    built = rebuilt(settled)
    assert built >= {"root:dom0", "image:cd", "root:base", "image:base", "iso"}
    fresh = settled.sources_only(settled.root.parent / "fresh")
    fresh.build("iso", "domu-images")
    assert settled.products() == fresh.products()


def test_a_store_from_elsewhere(settled: Scratch) -> None:
    """It came by tar, its times kept, and bits of it have flipped: nothing of that is published."""
    products = settled.products()
    for pattern in ("packs/*/*", "blobs/*/*", "records/*/*"):
        for path in sorted(settled.path("build/store").glob(pattern))[::5]:
            if path.stat().st_size:
                flip(path, offset=path.stat().st_size // 2, hide=True)
    archive = subprocess.run(
        ["tar", "-C", settled.root, "-cf", "-", "build"], capture_output=True, check=True
    ).stdout
    for name in ("build", "dist"):
        settled.remove(name)
    subprocess.run(["tar", "-C", settled.root, "-xpf", "-"], input=archive, check=True)
    rebuilt(settled)
    assert settled.products() == products


def test_verify_knows_products_that_came_back(settled: Scratch) -> None:
    """An edit and its undoing: the record of what is there now is not the one made last."""
    motd = settled.path("recipes/domu/pkgrepo/overlay/etc/motd")
    before = motd.read_text()
    for text in (before + "again\n", before):
        motd.write_text(text)
        settled.doit("iso")
        assert "ok  build and products" in settled.doit("verify").out


@pytest.mark.parametrize("other", ["nothing", "a tree", "a record", "a FIFO", "a folder"])
def test_verify_knows_something_else_in_place_of_a_record(settled: Scratch, other: str) -> None:
    """Be it something that the store has: it names none of this product's files."""
    products = settled.products()
    record = settled.product("mini-dom0.iso.json")
    record.unlink()
    if other == "a FIFO":
        os.mkfifo(record)
    elif other == "a folder":
        record.mkdir()
    else:
        record.write_bytes(
            {
                "nothing": b"",
                "a tree": settled.product("mini-dom0.iso.mtree").read_bytes(),
                "a record": settled.product("mini-base.ffs.json").read_bytes(),
            }[other]
        )
    told = settled.doit("verify", status=1).text
    assert "product mini-dom0.iso.json" in told
    assert "internal error" not in told
    rebuilt(settled)
    assert settled.products() == products


@pytest.mark.parametrize("kind", ["record", "pack", "blob", "product"])
def test_verify_reads_everything(settled: Scratch, kind: str) -> None:
    """What is damaged is named, and the next build makes it again."""
    products = settled.products()
    if kind == "product":
        copy = settled.product().read_bytes()
        settled.product().unlink()
        settled.product().write_bytes(copy)
        assert settled.doit("iso").text == ""
        flip(settled.product(), hide=True)
    else:
        kept = settled.path("build/store").glob(f"{kind}s/*/*")
        path = max(kept, key=lambda at: at.stat().st_size)
        flip(path, hide=True)
    told = settled.doit("verify", status=1).text
    assert "damaged" in told
    assert f"{kind} " in told
    rebuilt(settled)
    assert settled.products() == products
    assert "ok  build and products" in settled.doit("verify").out
