"""The labels of an image, as common tools show them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers import format_readers
from support.readers.trees import TIME, Contents, file, folder
from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef, Stage
from buildlib.formats.volume_label import KEY_DIGITS, VOLUME_ROOM, key_of, named, volume_name
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.iso import Iso
from buildlib.store.records import Output

BIOS = OutputRef("grub:bios", "image")
ISO = Iso(
    tree=TREE,
    images={"bios": BIOS},
    volume="netbsd-10.1 dom0",
    application="netbsd-10.1 10.1 dom0 boot CD",
    time=TIME,
)
FFS = FfsImage(TREE, TIME, free="1m", volume="netbsd-10.1 storage")
MOMENT = "2023-11-14 22:13:20"
# ECMA-119, 7.4: d-characters and a-characters
D_CHARACTERS = re.compile(rb"[A-Z0-9_]* *")
A_CHARACTERS = re.compile(rb"[A-Z0-9_ !\"%&'()*+,\-./:;<=>?]*")


def contents() -> Contents:
    return {**folder("tmp", 0o1777), **file("etc/rc", b"rc")}


def press(
    bench: Bench, stage: Stage, own: Contents | None = None, boot: bytes = b"boot" * 99
) -> dict[str, Output]:
    return bench.run_stage(stage, {TREE: bench.stored(own or contents()), BIOS: boot})


def labels(bench: Bench, outputs: dict[str, Output]) -> tuple[str, str]:
    """Key and name of the volume, as the build record contains them."""
    told = json.loads(bench.read(outputs["labels"]))
    assert set(told) == {"key", "volume"}
    return told["key"], told["volume"]


# the disc


@pytest.mark.programs
def test_the_disc_says_release_recipe_and_key(shared_bench: Bench) -> None:
    outputs = press(shared_bench, ISO)
    iso = shared_bench.path(outputs["iso"])
    key, volume = labels(shared_bench, outputs)
    assert re.fullmatch(r"[0-9a-f]{12}", key)
    assert volume == f"NETBSD_10_1_DOM0_{key.upper()}"
    application = f"NETBSD-10.1 10.1 DOM0 BOOT CD, KEY {key.upper()}"
    said = format_readers.tool("isoinfo", "-d", "-i", iso).decode()
    assert {
        f"Volume id: {volume}",
        f"Volume set id: {volume}",
        "System id: NETBSD",
        "Data preparer id: GOLDMASTER",
        f"Application id: {application}",
        f"ID 'NETBSD-10.1 DOM0 {key[:6].upper()}'",
    } <= set(map(str.strip, said.splitlines()))
    said = format_readers.tool("xorriso", "-indev", iso, "-pvd_info").decode()
    found = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    found = {name.strip(): value.strip() for name, value in found.items()}
    assert (found["Volume Id"], found["App Id"]) == (volume, application)
    digits = re.sub(r"\D", "", MOMENT)
    assert {found["Creation Time"], found["Modif. Time"], found["Eff. Time"]} == {f"{digits}00"}
    assert found["Expir. Time"] == "0" * 16
    told = blkid(iso)
    assert (told["LABEL"], told["VOLUME_SET_ID"]) == (volume, volume)
    assert told["APPLICATION_ID"].replace("\\", "") == application
    assert told["UUID"].replace("-", "") == f"{digits}00"
    assert f"'{volume}'" in format_readers.tool("file", "-b", iso).decode()
    assert f"Label `{volume}' - Last modification time {MOMENT}" in grub(iso)


def blkid(image: Path) -> dict[str, str]:
    text = format_readers.tool("blkid", "-p", "-o", "export", image).decode()
    return dict(line.split("=", 1) for line in text.splitlines())


def grub(image: Path) -> str:
    return format_readers.tool("grub-fstest", image, "ls", "--", "-l", "(loop0)").decode()


@pytest.mark.parametrize(
    "title",
    ["netbsd-10.1 dom0", "é日\udcff#@ d\u00e9m", "x" * 200, "", " ", "a b c d", "r " + "d" * 90],
)
def test_identifiers_have_characters_of_the_standard(shared_bench: Bench, title: str) -> None:
    stage = replace(ISO, volume=title, application=f"{title} boot CD")
    outputs = press(shared_bench, stage)
    descriptor = part(shared_bench.path(outputs["iso"]), 16)
    for at, room in ((40, 32), (190, 128)):
        assert D_CHARACTERS.fullmatch(descriptor[at : at + room])
    for at, room in ((8, 32), (318, 128), (446, 128), (574, 128)):
        assert A_CHARACTERS.fullmatch(descriptor[at : at + room])
    key, volume = labels(shared_bench, outputs)
    assert descriptor[40:72].decode().rstrip() == volume
    assert key[:6].upper() in volume
    for at in (190, 574):  # however long the rest is
        assert key[:6].upper() in descriptor[at : at + 128].decode()
    catalog = part(
        shared_bench.path(outputs["iso"]),
        int.from_bytes(part(shared_bench.path(outputs["iso"]), 17)[71:75], "little"),
    )
    name = catalog[4:28]
    assert name[23] == 0
    assert A_CHARACTERS.fullmatch(name.rstrip(b"\0"))


def part(image: Path, sector: int) -> bytes:
    with image.open("rb") as stream:
        stream.seek(sector * 2048)
        return stream.read(2048)


# the key


def test_every_disc_has_a_key_of_its_own(shared_bench: Bench) -> None:
    """The key depends on the content, not on the name or the build time."""
    first = labels(shared_bench, press(shared_bench, ISO))[0]
    others = [
        press(shared_bench, ISO, {**contents(), **file("more")}),
        press(shared_bench, ISO, {**folder("tmp", 0o1775), **file("etc/rc", b"rc")}),
        press(shared_bench, ISO, boot=b"toob" * 99),
        press(shared_bench, replace(ISO, disk="gpt")),
    ]
    assert len({first, *(labels(shared_bench, outputs)[0] for outputs in others)}) == 5
    same = press(shared_bench, replace(ISO, volume="mini dom0", application="", time=TIME - 1))
    assert labels(shared_bench, same)[0] == first


def test_every_root_image_has_a_key_of_its_own(shared_bench: Bench) -> None:
    first = labels(shared_bench, press(shared_bench, FFS))[0]
    others = [
        press(shared_bench, FFS, {**contents(), **file("more")}),
        press(shared_bench, replace(FFS, free="2m")),
        press(shared_bench, replace(FFS, inodes=9)),
    ]
    assert len({first, *(labels(shared_bench, outputs)[0] for outputs in others)}) == 4


# root images


@pytest.mark.programs
def test_the_root_image_says_release_recipe_and_key(shared_bench: Bench) -> None:
    """GRUB and dumpfs(8) show the name; all show a number that begins like the key."""
    outputs = press(shared_bench, FFS)
    image = shared_bench.path(outputs["image"])
    key, volume = labels(shared_bench, outputs)
    assert volume == f"NETBSD_10_1_STORAGE_{key[:11].upper()}"
    number = f"{TIME:08x}{key[:8]}"
    assert f"Label `{volume}' - Last modification time {MOMENT}" in grub(image)
    assert f"UUID {number}" in grub(image)
    assert blkid(image)["UUID"] == number
    with image.open("rb") as stream:
        stream.seek(8192 + 680)  # fs_volname
        assert stream.read(32) == volume.encode().ljust(32, b"\0")


# names


@pytest.mark.parametrize(
    ("title", "room", "name"),
    [
        ("mini dom0", 31, "MINI DOM0 0123456789AB"),
        ("netbsd-10.1 storage", 31, "NETBSD-10.1 STORAGE 0123456789A"),
        ("netbsd-10.1 dom0", 23, "NETBSD-10.1 DOM0 012345"),
        ("netbsd-10.1 nfs-of-the-house", 31, "NETBSD- NFS-OF-THE-HOUSE 012345"),
        ("netbsd-daily-20260101 dom0", 31, "NETBSD-DAILY-202601 DOM0 012345"),
        ("one", 31, "ONE 0123456789AB"),
        ("", 31, "0123456789AB"),
    ],
)
def test_names(title: str, room: int, name: str) -> None:
    assert named(title, "0123456789ab", room=room) == name


@given(st.text(max_size=60), st.text("0123456789abcdef", min_size=12, max_size=12))
def test_any_name_fits_and_has_the_key(title: str, key: str) -> None:
    volume = volume_name(title, key)
    assert len(volume) <= VOLUME_ROOM
    assert volume.rpartition("_")[2] in {key[:size].upper() for size in range(6, 13)}
    assert D_CHARACTERS.fullmatch(volume.encode("ascii"))


def test_a_key_is_known() -> None:
    """It must not change, because existing discs have it."""
    assert key_of({"tree": "0" * 64}) == "e91b54228435"
    assert len(key_of(None)) == KEY_DIGITS
