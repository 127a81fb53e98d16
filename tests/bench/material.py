"""What benchmarks work on: made once, the same on every machine, kept in build/bench."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

WORDS = (
    "config kernel device static const struct return mutex panic vnode inode buffer " * 4
    + "the of and to in a is that for it as was with be by on not he his but"
).split()


def tree(folder: Path, *, files: int, folders: int, size: int) -> Path:
    """A tree of `files` in `folders` with `size` bytes in all, as source and binary sets have.

    Sizes follow a power law; contents compress about three to one.
    """
    if (folder / ".made").exists():
        return folder
    chance = random.Random(1)
    text = " ".join(chance.choices(WORDS, k=400_000)).encode()
    noise = chance.randbytes(1 << 20)
    block = b"".join(
        text[at : at + 3000] + noise[at % 900_000 :][:1000] for at in range(0, len(text), 3000)
    )
    places = [folder]
    folder.mkdir(parents=True, exist_ok=True)
    while len(places) <= folders:
        parent = chance.choice(places[-max(400, folders // 5) :])
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
            check=True,
        )
        scratch.rename(target)
    return target


def noise(target: Path, size: int, *, seed: int = 2) -> Path:
    """A file of `size` bytes that nothing compresses."""
    if not target.exists() or target.stat().st_size != size:
        chance = random.Random(seed)
        with target.open("wb") as file:
            for _ in range(size >> 20):
                file.write(chance.randbytes(1 << 20))
    return target


def site(folder: Path, *, servers: int, hosts: int) -> Path:
    """A fleet without mistakes: every tenth server mirrored, storage on the first two hosts."""
    if (folder / ".made").exists():
        return folder
    (folder / "global").mkdir(parents=True)
    for name in ("hosts", "resolv.conf"):
        (folder / "global" / name).write_text(f"# {name}\n")
    for number in range(hosts):
        place = folder / f"pservers/host{number:04d}"
        (place / "domUs").mkdir(parents=True)
        (place / "host.conf").write_text(
            f"# host {number}\nmemory=65536\ndom0_memory=1024\n"
            f"address=10.1.{_low(number)}/16\nmac={_mac(2, number)}\n"
            "bridges='bridge0 bridge1'\nimage_dir=/images\n"
        )
        _links(place)
        (place / "etc/ifconfig.wm0").write_text(f"inet 10.1.{_low(number)}/16\n")
    for number in range(servers):
        name = f"server{number:05d}"
        place, slot = folder / "vservers" / name, number // hosts
        (folder / f"pservers/host{number % hosts:04d}/domUs" / name).write_text(
            f"# {name}\nimage=base.ffs\nmemory=512\nvcpus=1\nmac={_mac(0, number)}\n"
            f'bridge="bridge{number % 2}"\nconfig_disk=/dev/dk{2 * slot}\n'
            f"swap_disk=/dev/dk{2 * slot + 1}  # partitions\nkernel=XEN3_DOMU_RO\n"
            f"boot_order={slot}\nautostart=yes\n"
        )
        _links(place)
        (place / "server.conf").write_text(
            f"# {name}\naddress=10.2.{_low(number)}/16\nhostname={name}.example.net\nrecipe=base\n"
        )
        (place / "etc/ifconfig.xennet0").write_text(f"inet 10.2.{_low(number)}/16\n")
        if number % 10 == 2:
            (place / "storage.conf").write_text(
                f'volume1="server00000 target{number}"\nvolume2="server00001 target{number}"\n'
                "raid=raid0\nmount=/data\nfile_system=ffs\n"
            )
    (folder / ".made").touch()
    return folder


def _low(number: int) -> str:
    """The last two numbers of an address; 0.0 is the network's."""
    return f"{number + 1 >> 8}.{number + 1 & 255}"


def _mac(first: int, number: int) -> str:
    return f"{first:02x}:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def _links(place: Path) -> None:
    (place / "etc").mkdir(parents=True)
    for name in ("hosts", "resolv.conf"):
        (place / "etc" / name).symlink_to(f"/config/global/{name}")
    (place / "etc/myname").write_text(f"{place.name}\n")
