"""Generated sites: a valid one has no problems; one mistake gives one problem."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.machines.sites import check, drop, link, put, told, write

LETTERS = "abefghijkl"  # two for each server; d is the whole disk
DISKS = (
    "/dev/wd0{letter}",
    "/dev/sd2{letter}",
    "/dev/zvol/dsk/tank/v{number}",
    "/dev/dk{number}",
    "/dev/mapper/vg-lv{number}",
    "/dev/raid1{letter},w",
)


class Made:
    """A random site: hosts with their servers, all in one network."""

    def __init__(self, folder: Path, luck: random.Random) -> None:
        self.folder, self.luck = folder, luck
        prefix = luck.randint(8, 26)
        base = IPv4Address(luck.choice([10, 100, 192, 223]) << 24 | luck.getrandbits(24))
        self.network = IPv4Network((base, prefix), strict=False)
        self._numbers = iter(luck.sample(range(1, min(self.network.num_addresses - 1, 5000)), 20))
        self.gateway = self._address()
        self.hosts = [f"h{number}" for number in range(luck.randint(1, 3))]
        self.servers = [f"s{number}" for number in range(luck.randint(1, 5))]
        self.lines: list[str] = []
        for number, name in enumerate(self.hosts):
            self._host(name, number)
        for number, name in enumerate(self.servers):
            self._server(name, number)
        write(folder, "global/hosts", "127.0.0.1 localhost\n" + "".join(self.lines))
        write(folder, "global/resolv.conf", f"search x.org\nnameserver {self.gateway}\n")

    def _address(self) -> str:
        return str(self.network[next(self._numbers)])

    def _etc(self, place: str, name: str, address: str, card: str) -> None:
        luck, mask = self.luck, self.network.netmask
        said = luck.choice(
            [
                f"inet {address}/{self.network.prefixlen}",
                f"inet {address} netmask {mask}",
                f"{address} netmask {int(mask):#010x} media autoselect",
            ]
        )
        if luck.randrange(4):
            first = luck.choice(["up\n", ""])
            write(self.folder, f"{place}/etc/ifconfig.{card}", f"{first}{said}\n")
        else:
            write(self.folder, f"{place}/etc/rc.conf", f'# x\nifconfig_{card}="{said}"\n')
        if luck.randrange(2):
            write(self.folder, f"{place}/etc/myname", f"{name}.x.org\n")
        if luck.randrange(2):
            write(self.folder, f"{place}/etc/mygate", f"{self.gateway}\n")
        for file in ("hosts", "resolv.conf"):
            (self.folder / place / "etc").mkdir(parents=True, exist_ok=True)
            link(self.folder, f"{place}/etc/{file}", f"/config/global/{file}")
        self.lines.append(f"{address}\t{name} {luck.choice([name.upper(), ''])} {name}.x.org\n")

    def _host(self, name: str, number: int) -> None:
        address = self._address()
        write(
            self.folder,
            f"pservers/{name}/host.conf",
            f"memory=65536\ndom0_memory={self.luck.randint(512, 8192)}\naddress={address}"
            f"/{self.network.prefixlen}\nmac=02:00:00:00:00:{number:02x}\ncpus=32\n",
        )
        self._etc(f"pservers/{name}", name, address, self.luck.choice(["wm0", "bge1", "bridge0"]))

    def _server(self, name: str, number: int) -> None:
        luck, address, host = self.luck, self._address(), self.luck.choice(self.hosts)
        disks = [
            luck.choice(DISKS).format(letter=letter, number=ord(letter))
            for letter in luck.sample(LETTERS[number * 2 : number * 2 + 2], 2)
        ]
        keys = luck.sample(["swap_disk", "disk1", "disk9"], 1)
        write(
            self.folder,
            f"pservers/{host}/domUs/{name}",
            f"image=base.ffs\nmemory={luck.randint(64, 8192)}\nvcpus={luck.randint(1, 32)}\n"
            f"mac=00:16:3e:00:00:{number:02X}\nconfig_disk={disks[0]}\n{keys[0]}={disks[1]}\n",
        )
        write(
            self.folder,
            f"vservers/{name}/server.conf",
            f"address={address}/{self.network.prefixlen}\nhostname={name}.x.org\nrecipe=base\n",
        )
        self._etc(f"vservers/{name}", name, address, "xennet0")
        if luck.randrange(2):
            write(
                self.folder,
                f"vservers/{name}/etc/fstab",
                "kernfs /kern kernfs rw\n/dev/xbd2d /data ffs rw 1 2\n",
            )

    def conf(self, name: str) -> str:
        """The file with a machine's address."""
        return (
            f"pservers/{name}/host.conf" if name in self.hosts else f"vservers/{name}/server.conf"
        )

    def domu(self) -> str:
        """The file of any domU."""
        return str(
            self.luck.choice(sorted(self.folder.glob("pservers/*/domUs/*"))).relative_to(
                self.folder
            )
        )

    def machine(self) -> str:
        """Any host or server."""
        return self.luck.choice(self.hosts + self.servers)

    def etc(self, name: str) -> str:
        """Its etc."""
        return f"{self.conf(name).rpartition('/')[0]}/etc"

    def value(self, name: str, key: str) -> str:
        """The settings in its file."""
        return next(
            line.partition("=")[2]
            for line in (self.folder / self.conf(name)).read_text().splitlines()
            if line.startswith(f"{key}=")
        )

    def other(self, name: str) -> str:
        """Any machine but this one."""
        return self.luck.choice([item for item in self.hosts + self.servers if item != name])


def with_crlf(made: Made) -> None:
    file = made.luck.choice(
        sorted(path for path in made.folder.rglob("*") if path.is_file() and not path.is_symlink())
    )
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def same_address(made: Made) -> None:
    name = made.machine()
    put(made.folder, made.conf(name), address=made.value(made.other(name), "address"))


def other_card(made: Made) -> None:
    name = made.machine()
    remove_card(made, name)
    write(made.folder, f"{made.etc(name)}/ifconfig.xennet0", f"inet {made.gateway}\n")


def remove_card(made: Made, name: str) -> None:
    for path in (made.folder / made.etc(name)).iterdir():
        if path.name.startswith(("ifconfig.", "rc.conf")):
            path.unlink()


def other_hosts(made: Made) -> None:
    name = made.machine()
    path = made.folder / "global/hosts"
    address = made.value(name, "address").partition("/")[0]
    path.write_text(path.read_text().replace(f"{address}\t", f"{made.gateway}\t"))


def own_gateway(made: Made) -> None:
    name = made.machine()
    address = made.value(name, "address").partition("/")[0]
    write(made.folder, f"{made.etc(name)}/mygate", f"{address}\n")


CORRUPTIONS: dict[str, Callable[[Made], object]] = {
    "CRLF": with_crlf,
    "an address twice": same_address,
    "the card's address": other_card,
    "no card": lambda made: remove_card(made, made.machine()),
    "hosts": other_hosts,
    "a MAC twice": lambda made: put(
        made.folder, made.domu(), mac=made.value(made.hosts[0], "mac").upper()
    ),
    "the network for an address": lambda made: put(
        made.folder, made.conf(made.machine()), address=str(made.network)
    ),
    "loopback for an address": lambda made: put(
        made.folder, made.conf(made.machine()), address="127.0.0.1"
    ),
    "a zero before": lambda made: put(made.folder, made.domu(), memory="0512"),
    "digits that are none": lambda made: put(made.folder, made.domu(), vcpus="'²'"),
    "too many processors": lambda made: put(made.folder, made.domu(), vcpus="33"),
    "too much memory": lambda made: put(made.folder, made.domu(), memory="65000"),
    "a raw disk": lambda made: put(made.folder, made.domu(), config_disk="/dev/rwd7e"),
    "no disk": lambda made: put(made.folder, made.domu(), config_disk="/tmp/x"),
    "an unknown key": lambda made: put(made.folder, made.domu(), memroy="5"),
    "a missing key": lambda made: drop(made.folder, made.domu(), "image"),
    "another name": lambda made: write(
        made.folder, f"{made.etc(made.machine())}/myname", "someone.else.org\n"
    ),
    "a gateway elsewhere": lambda made: write(
        made.folder, f"{made.etc(made.machine())}/mygate", "1.2.3.4\n"
    ),
    "itself for a gateway": own_gateway,
    "a disk that is not there": lambda made: write(
        made.folder, f"{made.etc(made.luck.choice(made.servers))}/fstab", "/dev/xbd3d /x ffs rw\n"
    ),
    "no server": lambda made: shutil.rmtree(
        made.folder / "vservers" / made.luck.choice(made.servers)
    ),
    "a link to nothing": lambda made: link(
        made.folder, f"{made.etc(made.machine())}/x", "/config/global/none"
    ),
}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_site_that_is_right_has_no_problem(scratch: Path, seed: int) -> None:
    made = Made(fresh(scratch), random.Random(seed))
    assert told(made.folder) == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", CORRUPTIONS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_one_thing_that_is_wrong_is_reported(scratch: Path, name: str, seed: int) -> None:
    made = Made(fresh(scratch), random.Random(seed))
    CORRUPTIONS[name](made)
    assert check(made.folder), name


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


def fresh(scratch: Path) -> Path:
    """An empty folder for a site."""
    shutil.rmtree(scratch / "site", ignore_errors=True)
    (scratch / "site").mkdir()
    return scratch / "site"
