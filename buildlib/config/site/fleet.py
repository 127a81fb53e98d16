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

from buildlib.config.shconf import Conf, Problem, quoted
from buildlib.config.site.addresses import (
    LABEL,
    Address,
    card_address,
    is_host_name,
    is_ipv4,
    machine_address,
    parse_address,
)
from buildlib.config.site.xen_memory import Dom0Memory
from buildlib.model.numbers import number_or_none
from buildlib.model.schema import nearest

T = TypeVar("T")

# Where a ZFS volume is, as a block device and as a raw one (external/cddl/osnet/sys/kern/ddi.c,
# ddi_create_minor_node). Of all others the raw name has an r before its last part
# (getdiskrawname(3)).
ZVOL, RAW_ZVOL = "/dev/zvol/dsk/", "/dev/zvol/rdsk/"

_SERVER = re.compile(LABEL).fullmatch
_INTERFACE = re.compile(r"[a-z][a-z0-9]{0,13}[0-9]").fullmatch  # IFNAMSIZ is 16
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*").fullmatch
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._+-]+)+").fullmatch
_RAW = re.compile(r"/dev/r((?:wd|sd|ld|dk|xbd|raid|cgd|ccd|vnd|cd|md|ed)[0-9]+[a-p]?)").fullmatch
_ZVOL = re.compile(rf"{ZVOL}[^/]+(?:/[^/]+)+").fullmatch
_RAID = re.compile(r"raid(?:0|[1-9][0-9]?)").fullmatch
_URL = re.compile(
    r"(?:https?|rsync)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]+))?"
    r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~+-]+)*/?").fullmatch
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*").fullmatch
FILE_SYSTEMS = ("ffs", "lfs", "ext2fs")
# What a kernel of NetBSD/amd64 for a PV domU has room for; xl itself stops at no number. MAXCPUS is
# 256, but not where XENPV is defined (sys/arch/amd64/include/param.h 1.38, 2020-06-29): there it is
# the 32 of sys/sys/param.h, as many as Xen's shared page has places for (XEN_LEGACY_MAX_VCPUS).
MOST_CPUS = 32
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
        number = number_or_none(text, least=low, most=high)
        if number is None or text != str(number):  # 010 is 8 to some programs
            raise ValueError(f"a whole number from {low} to {high}")
        return number
    return read


def _like(match: Callable[[str], object], wanted: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not match(text):
            raise ValueError(wanted)
        return text
    return read


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
    if not path.startswith("/dev/"):
        raise ValueError("a device in /dev, /dev/wd0e")
    raw = _RAW(path)
    if raw or path.startswith(RAW_ZVOL):
        block = f"/dev/{raw[1]}" if raw else ZVOL + path.removeprefix(RAW_ZVOL)
        raise ValueError(f"the block device, {block}")
    if path.startswith("/dev/zvol/") and not _ZVOL(path):
        raise ValueError(f"a ZFS volume as {ZVOL}POOL/VOLUME")
    return text


def _url(text: str) -> str:
    found = _URL(text)
    if not found or (found[2] and number_or_none(found[2], least=1, most=65535) is None):
        raise ValueError("an http://, https:// or rsync:// URL of a folder")
    try:
        if found[1].startswith("["):
            parse_address(found[1][1:-1])
        elif not is_host_name(found[1]):
            parse_address(found[1])
    except ValueError:
        raise ValueError("an http://, https:// or rsync:// URL whose host is a name or an "
                         "address") from None
    return text


def _volume(text: str) -> Volume:
    server, _, rest = text.partition(" ")
    host, colon, port = server.partition(":")
    target, *options = rest.split() or [""]  # digest, auth, user, alias
    if (not (is_host_name(host) or is_ipv4(host)) or not _TARGET(target) or len(options) > 4
            or (colon and number_or_none(port, least=1, most=65535) is None)):
        raise ValueError('a storage server and a target of its, "storage-a web"')
    return Volume(host, target)


_NOWHERE = Address()
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
    cpus: int = _key(_whole(1, 4095), 0)
    address: Address = _key(machine_address, _NOWHERE, needed=True)  # noqa: RUF009  a field
    mac: str = _key(card_address)
    bridges: tuple[str, ...] = _key(_bridges, ("bridge0",))
    image_dir: str = _key(_path, "/images")
    image_store: str = _key(_path)
    image_url: str = _key(_url)
    image_keep: int = _key(_whole(1), 3)
    image_max_age: int = _key(_whole(0), 35)


@dataclass(frozen=True, slots=True)
class DomuConf:
    """`domUs/NAME`: a virtual machine of a host."""

    image: str = _key(_file, needed=True)
    memory: int = _key(_megabytes, 0, needed=True)
    mac: str = _key(card_address, needed=True)
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

    address: Address = _key(machine_address, _NOWHERE, needed=True)  # noqa: RUF009  a field
    hostname: str = _key(_like(is_host_name, "a host name in small letters"))
    recipe: str = _key(_file, needed=True)


@dataclass(frozen=True, slots=True)
class StorageConf:
    """`storage.conf`: an iSCSI volume of each of two storage servers, mirrored by RAIDframe."""

    volume1: Volume | None = _key(_volume, None, needed=True)  # noqa: RUF009  a field
    volume2: Volume | None = _key(_volume, None, needed=True)  # noqa: RUF009  a field
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
                                    f"{key}: must be {error}, is {quoted(text)}", reason="value"))
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
    texts  path from the folder to the lines of a file that rules look into
    """

    place: str
    confs: dict[str, Conf]
    domus: dict[str, Conf]
    paths: set[str]
    links: dict[str, str]
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """A whole site, as read: hosts and servers by name, and what `global` holds."""

    hosts: dict[str, Folder]
    servers: dict[str, Folder]
    shared: Folder


@dataclass(frozen=True, slots=True)
class Known:
    """What a site is held against: names of a checkout, and the memory its CD gives dom0.

    recipes  of domUs (each makes an image RECIPE.ffs); kernels: those they use
    dom0     None where the checkout has no recipe of a CD
    """

    recipes: Collection[str]
    kernels: Collection[str]
    dom0: Dom0Memory | None = None
