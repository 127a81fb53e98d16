"""Source sets as those of a release: 220,000 members, 330 MB packed, 2 GB unpacked; made once.

They hold nothing but filler below usr/src/filler, so that they can be laid behind the sets of a
release that compiles.
"""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import material
from isal import igzip

# name: files, folders and bytes, in the proportions of NetBSD's
SETS = {
    "gnusrc": (45_000, 4_600, 800_000_000),
    "sharesrc": (4_300, 500, 45_000_000),
    "src": (109_400, 20_600, 850_000_000),
    "syssrc": (31_500, 4_100, 310_000_000),
}
FILES = sum(files for files, _, _ in SETS.values())
MEMBERS = FILES + sum(folders for _, folders, _ in SETS.values())
TIME = 1_767_225_600


def sets(folder: Path) -> list[Path]:
    """The four sets, as .tgz."""
    folder.mkdir(parents=True, exist_ok=True)
    text = b""
    for name, (files, folders, size) in SETS.items():
        target = folder / f"{name}.tgz"
        if not target.exists():
            text = text or _text()
            scratch = target.with_suffix(".new")
            with igzip.open(scratch, "wb", 2) as packed:  # type: ignore[no-untyped-call]  # isal has no types
                _write(cast("BinaryIO", packed), name, text, (files, folders, size))
            scratch.rename(target)
    return [folder / f"{name}.tgz" for name in SETS]


def behind(first: Path, filler: Path, target: Path) -> None:
    """A set of the members of `first` and then those of `filler`: two members of gzip in a row."""
    with tarfile.open(first) as archive:
        archive.getmembers()
        end = archive.offset  # of the two empty blocks
    with gzip.open(first) as file:
        head = file.read(end)
    with target.open("wb") as out:
        out.write(gzip.compress(head, mtime=0))
        out.write(filler.read_bytes())


def _text() -> bytes:
    """8 MB whose lines come again as those of programs do: they pack six to one."""
    chance = random.Random(3)
    lines = [
        "\t" * chance.randrange(4) + " ".join(chance.choices(material.WORDS, k=8)) + ";\n"
        for _ in range(130)
    ]
    return "".join(chance.choices(lines, k=180_000)).encode()[: 8 << 20]


def _write(packed: BinaryIO, name: str, text: bytes, shape: tuple[int, int, int]) -> None:
    files, folders, size = shape
    chance = random.Random(name)
    weights = [min(chance.paretovariate(1.1), 300) for _ in range(files)]
    scale = size / sum(weights)
    with tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
        number = 0
        for place, count in _places(chance, f"usr/src/filler/{name}", folders, files):
            archive.addfile(_member(place, tarfile.DIRTYPE, 0o775, 0))
            for _ in range(count):
                length, start = int(weights[number] * scale), chance.randrange(len(text) >> 1)
                data = text[start : start + length]
                data += text[: length - len(data)]
                number += 1
                archive.addfile(
                    _member(
                        f"{place}/file-{number:06d}.c",
                        tarfile.REGTYPE,
                        chance.choice([0o664, 0o664, 0o664, 0o775]),
                        len(data),
                    ),
                    io.BytesIO(data),
                )


def _places(
    chance: random.Random, root: str, folders: int, files: int
) -> Iterator[tuple[str, int]]:
    """Folders in the order of a walk, each with a number of files, `files` in all."""
    places = [root]
    while len(places) < folders:
        parent = chance.choice(places)
        if parent.count("/") < 10:
            places.append(f"{parent}/dir{len(places):05d}")
    for index, place in enumerate(sorted(places)):
        yield place, files * (index + 1) // folders - files * index // folders


def _member(path: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size, info.mtime = kind, mode, size, TIME
    info.uname, info.gname = "root", "wheel"
    return info
