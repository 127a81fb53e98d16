"""The configuration of a fleet as its files say it: hosts, domUs, servers, storage.

    pservers/HOST/host.conf     HostConf       pservers/HOST/domUs/NAME    DomuConf
    vservers/NAME/server.conf   ServerConf     vservers/NAME/storage.conf  StorageConf

Field names are the files' keys; docs/site.md tells what each means. What a file does not say, or
says wrongly, is what the field has by default, so that one mistake does not hide the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, cast

from buildlib.words.schema import nearest
from buildlib.words.shconf import Conf, Problem

T = TypeVar("T")

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}").fullmatch
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_SERVER = re.compile(_LABEL).fullmatch
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}").fullmatch
_INTERFACE = re.compile(r"[a-z][a-z0-9]*[0-9]").fullmatch
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*").fullmatch
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._+-]+)+").fullmatch
_RAID = re.compile(r"raid(?:0|[1-9][0-9]?)").fullmatch
_URL = re.compile(
    rf"(?:https?|rsync)://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]+\])(?::[0-9]{{1,5}})?"
    r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~+-]+)*/?").fullmatch
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*").fullmatch
FILE_SYSTEMS = ("ffs", "lfs", "ext2fs")
# What a kernel of NetBSD/amd64 has room for (MAXCPUS); xl itself stops at no number.
MOST_CPUS = 256
DISKS = tuple(f"disk{number}" for number in range(1, 10))


def is_server_name(name: str) -> bool:
    """Whether a host or server can have this name: a label of a host name (RFC 1123)."""
    return _SERVER(name) is not None


@dataclass(frozen=True, slots=True)
class Volume:
    """An iSCSI volume as /etc/iscsi/volumes names it: `SERVER[:PORT] TARGET [WORD …]`."""

    server: str
    target: str


def _whole(low: int, high: int = 999999999) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _NUMBER(text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)
    return read


def _like(match: Callable[[str], object], wanted: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not match(text):
            raise ValueError(wanted)
        return text
    return read


def _mac(text: str) -> str:
    """In small letters. A card has no group address: the lowest bit of the first byte is 0."""
    if not _MAC(text):
        raise ValueError("six pairs of hexadecimal digits, 00:16:3e:00:00:01")
    if int(text[:2], 16) & 1 or not text.strip("0:"):
        raise ValueError("the address of one card, not of a group or of none")
    return text.lower()


def _address(text: str) -> str:
    """The address without its prefix length, IPv6 in its short form."""
    address, slash, prefix = text.partition("/")
    if _IPV4(address):
        longest = 32
    else:
        from ipaddress import IPv6Address

        longest = 128
        try:
            address = str(IPv6Address(address.partition("%")[0] if ":" in address else ""))
        except ValueError:
            raise ValueError("an IPv4 or IPv6 address, 10.0.0.1 or 10.0.0.1/24") from None
    if slash and (not _NUMBER(prefix) or int(prefix) > longest):
        raise ValueError(f"a prefix length from 0 to {longest} after the /")
    return address


def _yes_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError("yes or no")
    return text == "yes"


def _bridges(text: str) -> tuple[str, ...]:
    names = tuple(text.split())
    if not names or not all(map(_INTERFACE, names)) or len(set(names)) < len(names):
        raise ValueError('different interfaces with blanks between, "bridge0 bridge1"')
    return names


def _disk(text: str) -> str:
    path, comma, mode = text.partition(",")
    if not _PATH(path) or (comma and mode not in {"r", "w"}):
        raise ValueError("an absolute path, and ,r where the domU may only read")
    return text


def _volume(text: str) -> Volume:
    server, _, rest = text.partition(" ")
    host, colon, port = server.partition(":")
    target, *options = rest.split() or [""]  # digest, auth, user, alias
    if (not _HOSTNAME(host) or not _TARGET(target) or len(options) > 4
            or (colon and not (_NUMBER(port) and 0 < int(port) < 65536))):
        raise ValueError('a storage server and a target of its, "storage-a web"')
    return Volume(host, target)


_megabytes = _whole(1)
_path = _like(_PATH, "an absolute path of letters, digits and . _ + -")
_file = _like(_FILE, "a file name of letters, digits and . _ + -")
_interface = _like(_INTERFACE, "an interface, bridge0")


def _key(read: Callable[[str], object], default: object = "", *, needed: bool = False) -> Any:
    return field(default=default, metadata={"read": read, "needed": needed})


@dataclass(frozen=True, slots=True)
class HostConf:
    """`host.conf`: a machine that runs Xen."""

    memory: int = _key(_megabytes, 0, needed=True)
    dom0_memory: int = _key(_megabytes, 0, needed=True)
    address: str = _key(_address, needed=True)
    mac: str = _key(_mac)
    bridges: tuple[str, ...] = _key(_bridges, ("bridge0",))
    image_dir: str = _key(_path, "/images")
    image_store: str = _key(_path)
    image_url: str = _key(_like(_URL, "an http://, https:// or rsync:// URL of a folder"))
    image_keep: int = _key(_whole(1), 3)


@dataclass(frozen=True, slots=True)
class DomuConf:
    """`domUs/NAME`: a virtual machine of a host."""

    image: str = _key(_file, needed=True)
    memory: int = _key(_megabytes, 0, needed=True)
    mac: str = _key(_mac, needed=True)
    vcpus: int = _key(_whole(1, MOST_CPUS), 1)
    bridge: str = _key(_interface)
    config_disk: str = _key(_disk, needed=True)
    swap_disk: str = _key(_disk)
    disk1: str = _key(_disk)
    disk2: str = _key(_disk)
    disk3: str = _key(_disk)
    disk4: str = _key(_disk)
    disk5: str = _key(_disk)
    disk6: str = _key(_disk)
    disk7: str = _key(_disk)
    disk8: str = _key(_disk)
    disk9: str = _key(_disk)
    kernel: str = _key(_file)
    boot_order: int = _key(_whole(0), 50)
    autostart: bool = _key(_yes_no, default=True)


@dataclass(frozen=True, slots=True)
class ServerConf:
    """`server.conf`: a domU from within."""

    address: str = _key(_address, needed=True)
    hostname: str = _key(_like(_HOSTNAME, "a host name in small letters"))
    recipe: str = _key(_file, needed=True)


@dataclass(frozen=True, slots=True)
class StorageConf:
    """`storage.conf`: an iSCSI volume of each of two storage servers, mirrored by RAIDframe."""

    volume1: Volume | None = _key(_volume, None, needed=True)  # noqa: RUF009  it makes a field
    volume2: Volume | None = _key(_volume, None, needed=True)  # noqa: RUF009  it makes a field
    raid: str = _key(_like(_RAID, "raid0 to raid99"), "raid0")
    serial: int = _key(_whole(1), 0)
    mount: str = _key(_path, needed=True)
    file_system: str = _key(_like(FILE_SYSTEMS.__contains__, f"one of {', '.join(FILE_SYSTEMS)}"),
                            "ffs")


class Hints:
    """Nearest names, for the first unknown ones: among thousands each takes a while to find.

    Where hundreds of names are unknown it is no slip of the pen.
    """

    def __init__(self, names: Iterable[str], *, most: int = 20) -> None:
        self._names = tuple(names)
        self._most = most
        self._found: dict[str, str] = {}

    def nearest(self, name: str) -> str:
        """`did you mean X?`, or nothing."""
        if name not in self._found and len(self._found) < self._most:
            self._found[name] = nearest(name, self._names).removeprefix("; ")
        return self._found.get(name, "")


@cache
def _readers(kind: Any) -> tuple[dict[str, Callable[[str], object]], tuple[str, ...], Hints]:
    """How each key is read, those that must be given, and the nearest to one that is unknown."""
    every = fields(kind)
    return ({item.name: item.metadata["read"] for item in every},
            tuple(item.name for item in every if item.metadata["needed"]),
            Hints((item.name for item in every), most=1000))


def load_conf(kind: type[T], conf: Conf, problems: list[Problem]) -> T:
    """A file as one of the classes above; what is wrong adds to `problems`."""
    readers, needed, hints = _readers(cast("Hashable", kind))
    values: dict[str, object] = {}
    for key, text in conf.values.items():
        read = readers.get(key)
        if read is None:
            problems.append(Problem(conf.file, conf.lines[key], f"{key}: unknown key",
                                    hints.nearest(key), "unknown-key"))
            continue
        try:
            values[key] = read(text)
        except ValueError as error:
            problems.append(Problem(conf.file, conf.lines[key],
                                    f"{key}: must be {error}, is {text!r}", reason="value"))
    problems.extend(Problem(conf.file, 0, f"{key}: missing", reason="missing-key")
                    for key in needed if key not in conf.lines)
    return cast("Callable[..., T]", kind)(**values)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a host or server, as read.

    place  of the folder, from the site's
    confs  by name: `host.conf`, `server.conf`, `storage.conf`; domus: the files below `domUs`
    paths  of all below it that has a meaning, from it
    links  path from the folder to what the link holds
    """

    place: str
    confs: dict[str, Conf]
    domus: dict[str, Conf]
    paths: set[str]
    links: dict[str, str]


@dataclass(frozen=True, slots=True)
class Site:
    """A whole site, as read: hosts and servers by name, and what `global` holds."""

    hosts: dict[str, Folder]
    servers: dict[str, Folder]
    shared: Folder


@dataclass(frozen=True, slots=True)
class Known:
    """Names of a checkout: recipes of domUs (each makes an image RECIPE.ffs), and their kernels."""

    recipes: Collection[str]
    kernels: Collection[str]
