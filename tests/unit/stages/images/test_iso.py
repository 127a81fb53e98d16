"""The stage that makes the boot CD."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from struct import unpack
from typing import Literal

import pytest
from support.readers import format_readers, iso_readers
from support.readers.trees import TIME, Contents, char, fifo, file, folder, link
from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef
from buildlib.formats.iso9660.el_torito import with_info_table
from buildlib.formats.iso9660.layout import PADDING, SECTOR
from buildlib.model.digest import sha256
from buildlib.model.errors import MissingBlob, StageError
from buildlib.model.events import Event, Progress
from buildlib.model.mtree import format_tree
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.stages.boot.grub import GrubImage
from buildlib.stages.images.iso import CATALOG, Iso
from buildlib.store.packs import StoredTree
from buildlib.store.records import Output

BIOS, EFI = OutputRef("grub:bios", "image"), OutputRef("grub:efi", "image")
STAGE = Iso(
    tree=TREE, images={"bios": BIOS, "efi": EFI}, volume="GOLD", application="a test", time=TIME
)


@dataclass(frozen=True)
class Disc:
    """An image, its spec, and the contents of its boot images."""

    path: Path
    tree: Tree
    bios: bytes
    efi: bytes


def contents() -> Contents:
    return {
        **folder(".", 0o711, uid=7, time=TIME - 9),
        **folder("boot", 0o750, gid=5, time=TIME - 8),
        **folder("boot/grub", 0o700, time=TIME - 7),
        **file("boot/grub/grub.cfg", b"set x=1\n"),
        **file("netbsd", b"kernel" * 1000),
        **file("boot/xen.gz", b"xen" * 5000),
        **file("bin/a", b"one", inode="x"),
        **file("bin/b", b"one", inode="x"),
        **link("etc", "/config/local/etc"),
        **folder("tmp", 0o1777),
        **file("none"),
        **file("Größe", b"5"),
        **file("sp ace#", b"6"),
    }


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Disc:
    bench = Bench(tmp_path_factory.mktemp("disc") / "build")
    bios = bench.run_stage(GrubImage("bios", TIME))["image"]
    efi = bench.run_stage(GrubImage("efi", TIME))["image"]
    outputs = bench.run_stage(STAGE, {TREE: bench.stored(contents()), BIOS: bios, EFI: efi})
    return Disc(
        bench.path(outputs["iso"]), bench.tree(outputs["spec"]), bench.read(bios), bench.read(efi)
    )


def sectors(disc: Disc, first: int, size: int) -> bytes:
    with disc.path.open("rb") as file:
        file.seek(first * SECTOR)
        return file.read(size)


# the spec and the disc


@pytest.mark.programs
def test_the_spec_is_the_disc(disc: Disc) -> None:
    for name, judge in iso_readers.ISO_JUDGES.items():
        assert format_readers.differences(disc.tree, judge(disc.path)) == [], name
    found, _ = iso_readers.bsdtar_contents(disc.path)
    assert {path: sha256(data) for path, data in found.items()} == {
        entry.path: entry.sha256 for entry in disc.tree if entry.kind == "file"
    }
    assert {"boot/grub/bios.img", "boot/grub/efi.img", CATALOG} <= found.keys()


def test_folders_on_the_way_keep_their_attributes(disc: Disc) -> None:
    own = {entry.path: entry for entry in contents() if entry.kind == "dir"}
    assert {path: disc.tree.by_path[path] for path in own} == own


@pytest.mark.programs
def test_mtree_finds_no_difference(disc: Disc, tmp_path: Path) -> None:
    """As on a running server, except for what only root can unpack."""
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["bsdtar", "-xpf", disc.path, "-C", root, "--no-same-owner"], check=True)
    spec = tmp_path / "spec"
    spec.write_bytes(format_tree(disc.tree))
    keywords = format_readers.tool(
        "mtree", "-C", "-k", "type,size,sha256,link,mode,nlink", "-f", spec
    )
    # Linux gives links no mode
    spec.write_bytes(re.sub(rb"(type=link) mode=\d+", rb"\1", keywords))
    words = ["mtree", "-f", str(spec), "-p", str(root)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    (root / "netbsd").write_bytes(b"kernel" * 999 + b"kernex")
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout.startswith("netbsd:")


# booting


@pytest.mark.programs
def test_boot_images_as_xorriso_sees_them(disc: Disc) -> None:
    report = format_readers.tool(
        "xorriso", "-indev", disc.path, "-report_el_torito", "plain"
    ).decode()
    images = re.findall(
        r"^El Torito boot img : +(\d) +(\w+) +y +none +0x0000 +0x00 +(\d+) +(\d+)$",
        report,
        re.MULTILINE,
    )
    assert [image[:3] for image in images] == [("1", "BIOS", "4"), ("2", "UEFI", "5760")]
    assert re.search(r"^El Torito cat path : /boot/grub/boot.cat$", report, re.MULTILINE)
    assert re.search(r"^El Torito img path :   1  /boot/grub/bios.img$", report, re.MULTILINE)
    assert re.search(r"^El Torito img path :   2  /boot/grub/efi.img$", report, re.MULTILINE)
    assert re.search(r"^El Torito img opts :   1  boot-info-table$", report, re.MULTILINE)
    bios, efi = (int(image[3]) for image in images)
    assert sectors(disc, bios, len(disc.bios)) == with_info_table(disc.bios, sector=bios)
    assert sectors(disc, efi, len(disc.efi)) == disc.efi


@pytest.mark.programs
def test_boot_images_as_isoinfo_sees_them(disc: Disc) -> None:
    report = format_readers.tool("isoinfo", "-d", "-i", disc.path).decode()
    lines = {line.strip() for line in report.splitlines()}
    assert {
        "Rock Ridge signatures version 1 found",
        "Bootid 88 (bootable)",
        "Boot media 0 (No Emulation Boot)",
        "Nsect 4",
        "Key 55 AA",
    } <= lines
    match = re.search(r"boot catalog is in sector (\d+)", report)
    assert match
    catalog = sectors(disc, int(match[1]), SECTOR)
    assert sha256(catalog) == disc.tree.by_path[CATALOG].sha256
    assert sum(unpack("<16H", catalog[:32])) & 0xFFFF == 0


def test_the_image_ends_with_padding(disc: Disc) -> None:
    """GRUB reads groups of 16 sectors; the volume's size counts the padding too."""
    size = disc.path.stat().st_size
    (volume,) = unpack("<L", sectors(disc, 16, SECTOR)[80:84])
    assert size == volume * SECTOR
    assert not any(sectors(disc, volume - PADDING, PADDING * SECTOR))


@pytest.mark.programs
@pytest.mark.parametrize("kind", ["gpt", "mbr"])
def test_a_disc_that_is_a_disk_too(bench: Bench, kind: Literal["gpt", "mbr"]) -> None:
    """The tables are invisible to readers of discs, and point at the boot images."""
    grub = bench.run_stage(GrubImage("bios", TIME))
    code, efi = OutputRef("grub:bios", "disk_code"), bytes(range(256)) * 16
    stored = bench.stored(contents())
    stage = replace(STAGE, disk=kind, disk_code=code)
    inputs: dict[OutputRef, StoredTree | bytes | Output] = {
        TREE: stored,
        BIOS: grub["image"],
        code: grub["disk_code"],
        EFI: efi,
    }
    outputs = bench.run_stage(stage, inputs)
    plain = bench.run_stage(STAGE, inputs)
    path, tree = bench.path(outputs["iso"]), bench.tree(outputs["spec"])
    for name, judge in iso_readers.ISO_JUDGES.items():
        assert format_readers.differences(tree, judge(path)) == [], name
    assert path.stat().st_size == bench.path(plain["iso"]).stat().st_size
    data = path.read_bytes()
    table = json.loads(format_readers.tool("sfdisk", "--json", path))["partitiontable"]
    assert table["label"] == {"gpt": "gpt", "mbr": "dos"}[kind]
    system = table["partitions"][-1]
    assert data[system["start"] * 512 :][: len(efi)] == efi
    assert system["size"] == len(efi) // 512
    (core,) = unpack("<Q", data[0x1B0:0x1B8])
    image = bench.read(grub["image"])
    second = data[core * 512 :][:512]  # loaded by the boot sector: GRUB's code for disks
    assert second[:500] == image[2048:2548]
    assert unpack("<Q", second[500:508]) == (core + 1,)  # the rest follows directly


@pytest.mark.programs
def test_what_file_says(disc: Disc) -> None:
    assert re.match(
        rb"ISO 9660 CD-ROM filesystem data 'GOLD_\w{12}' \(bootable\)",
        format_readers.tool("file", "-b", disc.path),
    )


@pytest.mark.programs
@pytest.mark.parametrize("platform", ["bios", "efi"])
def test_one_platform_alone(bench: Bench, platform: str) -> None:
    ref = OutputRef("grub", "image")
    stage = replace(STAGE, images={platform: ref})
    image = bytes(range(256)) * 20
    outputs = bench.run_stage(stage, {TREE: bench.stored(contents()), ref: image})
    report = format_readers.tool(
        "xorriso", "-indev", bench.path(outputs["iso"]), "-report_el_torito", "plain"
    ).decode()
    kind = {"bios": "BIOS", "efi": "UEFI"}[platform]
    assert re.findall(r"boot img : +(\d) +(\w+) +y", report) == [("1", kind)]


# copying contents


def press(bench: Bench, tree: StoredTree) -> dict[str, Output]:
    stage = replace(STAGE, images={"bios": BIOS})
    return bench.run_stage(stage, {TREE: tree, BIOS: b"b" * 2000})


@pytest.mark.programs
def test_a_pack_with_more_than_the_tree_has(bench: Bench) -> None:
    """Contents as far apart in the pack as on the disc, with others between them.

    On the disc the boot catalog and the boot image, a sector each, are between a and z.
    """
    every = {
        **file("a", b"a" * 100),
        **file("x", b"x" * 100),
        **file("y", b"y" * 100),
        **file("z", b"z" * 100),
    }
    stored = bench.stored(every)
    some = tree_of(entry for entry in every if entry.path in "az")
    outputs = press(bench, StoredTree(some, stored.packs))
    found, _ = iso_readers.bsdtar_contents(bench.path(outputs["iso"]))
    assert {path: sha256(data) for path, data in found.items()} == {
        entry.path: entry.sha256 for entry in bench.tree(outputs["spec"]) if entry.kind == "file"
    }


@pytest.mark.programs
def test_contents_from_packs_and_blobs(bench: Bench) -> None:
    small = file("etc/rc", b"rc")
    stored = bench.stored({**small, **file("aa", b"in a pack")})
    kernel = bench.store.blobs.put(b"kernel" * 999)
    entry = Entry("netbsd", "file", 0o444, time=TIME, size=kernel.size, sha256=kernel.sha256)
    tree = tree_of([*stored.tree, entry])
    outputs = press(bench, StoredTree(tree, stored.packs, (kernel,)))
    found, _ = iso_readers.bsdtar_contents(bench.path(outputs["iso"]))
    assert (found["etc/rc"], found["netbsd"]) == (b"rc", b"kernel" * 999)


def test_content_that_is_missing(bench: Bench) -> None:
    with pytest.raises(MissingBlob) as caught:
        press(bench, StoredTree(tree_of(file("a", b"a"))))
    assert "contains a" in (caught.value.why or "")


def test_content_of_another_size_than_the_tree_says(bench: Bench) -> None:
    """It would overwrite the next file, or leave old data."""
    stored = bench.stored(file("a", b"abc"))
    wrong = tree_of(
        replace(entry, size=entry.size + 1) if entry.path == "a" else entry for entry in stored.tree
    )
    with pytest.raises(StageError) as caught:
        press(bench, StoredTree(wrong, stored.packs))
    assert caught.value.reason == "short-content"
    assert "a has 3 bytes, not 4" in caught.value.what


@pytest.mark.parametrize("path", [CATALOG, "boot/grub/bios.img"])
def test_a_tree_with_a_file_where_ours_go(bench: Bench, path: str) -> None:
    with pytest.raises(StageError) as caught:
        press(bench, bench.stored(file(path, b"x")))
    assert caught.value.reason == "duplicate-path"
    assert caught.value.where == path


def test_a_tree_whose_boot_is_no_folder(bench: Bench) -> None:
    with pytest.raises(StageError) as caught:
        press(bench, bench.stored(file("boot", b"x")))
    assert caught.value.reason == "not-a-folder"


@pytest.mark.programs
def test_an_empty_tree(bench: Bench) -> None:
    outputs = press(bench, bench.stored({}))
    assert (
        format_readers.differences(
            bench.tree(outputs["spec"]), iso_readers.bsdtar(bench.path(outputs["iso"]))
        )
        == []
    )


@pytest.mark.programs
def test_entries_without_content_alone(bench: Bench) -> None:
    outputs = press(bench, bench.stored({**char("dev/null", 2, 2), **fifo("f"), **file("none")}))
    assert (
        format_readers.differences(
            bench.tree(outputs["spec"]), iso_readers.bsdtar(bench.path(outputs["iso"]))
        )
        == []
    )


def test_progress_ends_at_its_total(bench: Bench) -> None:
    events: list[Event] = []
    stage = replace(STAGE, images={"bios": BIOS})
    bench.run_stage(stage, {TREE: bench.stored(contents()), BIOS: b"b" * 2000}, sink=events.append)
    last = events[-1]
    assert isinstance(last, Progress)
    assert (last.done, last.unit) == (last.total, "bytes")
    assert last.total > 0


def test_no_images(bench: Bench) -> None:
    with pytest.raises(StageError) as caught:
        bench.run_stage(replace(STAGE, images={}), {TREE: bench.stored(contents())})
    assert caught.value.reason == "no-boot-image"
