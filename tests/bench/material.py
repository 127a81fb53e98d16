"""What benchmarks work on: made once, the same on every machine, kept in build/bench."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

WORDS = ("config kernel device static const struct return mutex panic vnode inode buffer " * 4
          + "the of and to in a is that for it as was with be by on not he his but").split()


def tree(folder: Path, *, files: int, folders: int, size: int) -> Path:
    """A tree of `files` in `folders` with `size` bytes in all, as source and binary sets have.

    Sizes follow a power law; contents compress about three to one.
    """
    if (folder / ".made").exists():
        return folder
    chance = random.Random(1)
    text = " ".join(chance.choices(WORDS, k=400_000)).encode()
    noise = chance.randbytes(1 << 20)
    block = b"".join(text[at : at + 3000] + noise[at % 900_000 :][:1000]
                     for at in range(0, len(text), 3000))
    places = [folder]
    folder.mkdir(parents=True, exist_ok=True)
    while len(places) <= folders:
        parent = chance.choice(places[-400:])
        if len(parent.relative_to(folder).parts) < 9:
            place = parent / f"dir{len(places):04d}"
            place.mkdir(exist_ok=True)
            places.append(place)
    weights = [min(chance.paretovariate(1.1), 2000) for _ in range(files)]
    total = sum(weights)
    for number, weight in enumerate(weights):
        length, start = int(weight / total * size), chance.randrange(len(block) // 2)
        name = chance.choice(places) / f"file-{number:05d}.{chance.choice(['c', 'h', 'so', 'txt'])}"
        with name.open("wb") as file:
            while length > 0:
                piece = block[start : start + length]
                file.write(piece)
                length, start = length - len(piece), 0
    (folder / ".made").touch()
    return folder


def archive(folder: Path, target: Path) -> Path:
    """The tree as a .tgz."""
    if not target.exists():
        scratch = target.with_suffix(".new")
        subprocess.run(
            ["tar", "--sort=name", "--exclude=.made", "-C", folder, "-czf", scratch, "."],
            check=True)
        scratch.rename(target)
    return target


def noise(target: Path, size: int) -> Path:
    """A file of `size` bytes that nothing compresses."""
    if not target.exists() or target.stat().st_size != size:
        chance = random.Random(2)
        with target.open("wb") as file:
            for _ in range(size >> 20):
                file.write(chance.randbytes(1 << 20))
    return target
