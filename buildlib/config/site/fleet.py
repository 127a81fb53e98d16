"""The configuration of a fleet, one class per kind of file: hosts, domUs, servers, storage.

    pservers/HOST/host.conf     HostConf       pservers/HOST/domUs/NAME    DomuConf
    vservers/NAME/server.conf   ServerConf     vservers/NAME/storage.conf  StorageConf

Field names are the files' keys; docs/reference/site.md is made from the docstrings. A field whose
key is missing or wrong has its default, so that one mistake does not hide others.
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

# Paths of ZFS volumes, as block and raw devices (external/cddl/osnet/sys/kern/ddi.c,
# ddi_create_minor_node). The raw name of all other devices has an r before its last part
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
    r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~+-]+)*/?"
).fullmatch
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*").fullmatch
FILE_SYSTEMS = ("ffs", "lfs", "ext2fs")
# The limit of NetBSD/amd64's kernels for PV domUs; xl itself has no limit. MAXCPUS is 256, but not
# where XENPV is defined (sys/arch/amd64/include/param.h 1.38, 2020-06-29): there it is the 32 of
# sys/sys/param.h, as many as Xen's shared page has room for (XEN_LEGACY_MAX_VCPUS).
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
        if number is None or text != str(number):  # some programs read 010 as 8
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
        raise ValueError('different interfaces separated by blanks, "bridge0 bridge1"')
    return names


def _disk(text: str) -> str:
    path, comma, mode = text.partition(",")
    if not _PATH(path) or (comma and mode not in {"r", "w"}):
        raise ValueError("an absolute path, with ,r if the domU may only read")
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
        raise ValueError(
            "an http://, https:// or rsync:// URL whose host is a name or an address"
        ) from None
    return text


def _volume(text: str) -> Volume:
    server, _, rest = text.partition(" ")
    host, colon, port = server.partition(":")
    target, *options = rest.split() or [""]  # digest, auth, user, alias
    if (
        not (is_host_name(host) or is_ipv4(host))
        or not _TARGET(target)
        or len(options) > 4
        or (colon and number_or_none(port, least=1, most=65535) is None)
    ):
        raise ValueError('a storage server and one of its targets, "storage-a web"')
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
    """`host.conf`: a machine that runs Xen.

    memory         MB in the machine
    dom0_memory    MB reserved for dom0: at least what `dom0_mem=` in `recipes/dom0.toml` gives it
    cpus           processors in the machine; without it, their number is not checked
    address        IPv4 or IPv6 address, with prefix length or without: `10.0.0.11/24`
    mac            MAC address of its network card; without it, it is not checked
    bridges        bridges for domUs, separated by blanks
    image_dir      folder of the root images on the CD
    image_store    folder on a disk for versions of images: an absolute path
    image_url      the server's folder from which they are fetched: an `http://`, `https://` or
                   `rsync://` URL
    image_keep     how many versions are kept, from 1
    image_max_age  days after which `LATEST` counts as old; 0: never
    """

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
    """`domUs/NAME`: a virtual machine of a host.

    image        root image, a file in `image_dir`; `RECIPE.ffs` is made by
                 `recipes/domu/RECIPE.toml`
    memory       MB
    mac          MAC address; `00:16:3e` begins those for Xen, `02` those of your own
    vcpus        processors, at most 32: a kernel of NetBSD for PV domUs has room for no more
    bridge       one of the host's; without it, the host's first
    config_disk  partition with the domU's `/config`: a block device in `/dev`; with `,r` it may
                 only be read
    swap_disk    partition for swap
    disk1, disk2, disk3, disk4, disk5, disk6, disk7, disk8, disk9  further partitions, in this
                 order
    kernel       a kernel that some recipe in `recipes/domu` uses: no other kernels lie beside the
                 images; without it, the recipe's
    boot_order   domUs with low numbers start first
    autostart    `yes` or `no`: whether it starts with the host
    """

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
    """`server.conf`: a domU from within.

    address   IPv4 or IPv6 address, with prefix length or without
    hostname  host name in small letters; without it, the folder's name
    recipe    the recipe of its image: a name in `recipes/domu`
    """

    address: Address = _key(machine_address, _NOWHERE, needed=True)  # noqa: RUF009  a field
    hostname: str = _key(_like(is_host_name, "a host name in small letters"))
    recipe: str = _key(_file, needed=True)


@dataclass(frozen=True, slots=True)
class StorageConf:
    """`storage.conf`: an iSCSI volume of each of two storage servers, mirrored by RAIDframe.

    volume1      storage server and target, as in `/etc/iscsi/volumes`:
                 `"storage-a iqn.…:target0"`
    volume2      the other half
    raid         RAIDframe device
    serial       number that the halves' labels carry, 1 to 999999999; without it, it is made from
                 the volumes' names
    mount        where it is mounted
    file_system  `ffs`, `lfs` or `ext2fs`
    """

    volume1: Volume | None = _key(_volume, None, needed=True)  # noqa: RUF009  a field
    volume2: Volume | None = _key(_volume, None, needed=True)  # noqa: RUF009  a field
    raid: str = _key(_like(_RAID, "raid0 to raid99"), "raid0")
    serial: int = _key(_whole(1), 0)
    mount: str = _key(_path, needed=True)
    file_system: str = _key(
        _like(FILE_SYSTEMS.__contains__, f"one of {', '.join(FILE_SYSTEMS)}"), "ffs"
    )


class Hints:
    """Nearest names for unknown ones; only for the first few, because each search takes time.

    Hundreds of unknown names are not typing mistakes anyway.
    """

    def __init__(self, names: Iterable[str], *, most: int = 20) -> None:
        self._names = tuple(names)
        self._most = most
        self._found: dict[str, str] = {}

    def nearest(self, name: str) -> str:
        """`did you mean X?`, or an empty string."""
        if name not in self._found and len(self._found) < self._most:
            self._found[name] = nearest(name, self._names).removeprefix("; ")
        return self._found.get(name, "")


@cache
def _readers(kind: Any) -> tuple[dict[str, Callable[[str], object]], tuple[str, ...], Hints]:
    """The readers of all keys, the required keys, and hints for unknown ones."""
    every = fields(kind)
    return (
        {item.name: item.metadata["read"] for item in every},
        tuple(item.name for item in every if item.metadata["needed"]),
        Hints((item.name for item in every), most=1000),
    )


def load_conf(kind: type[T], conf: Conf, problems: list[Problem]) -> T:
    """Load a file into one of the classes above; mistakes are added to `problems`."""
    readers, needed, hints = _readers(cast("Hashable", kind))
    values: dict[str, object] = {}
    for key, text in conf.values.items():
        read = readers.get(key)
        if read is None:
            problems.append(
                Problem(
                    conf.file,
                    conf.lines[key],
                    f"{key}: unknown key",
                    hints.nearest(key),
                    "unknown-key",
                )
            )
            continue
        try:
            values[key] = read(text)
        except ValueError as error:
            problems.append(
                Problem(
                    conf.file,
                    conf.lines[key],
                    f"{key}: must be {error}, is {quoted(text)}",
                    reason="value",
                )
            )
    problems.extend(
        Problem(conf.file, 0, f"{key}: missing", reason="missing-key")
        for key in needed
        if key not in conf.lines
    )
    return cast("Callable[..., T]", kind)(**values)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a host or server, as read.

    place  path of the folder, from the site's
    confs  by name: `host.conf`, `server.conf`, `storage.conf`; domus: the files below `domUs`
    paths  all paths below it that have a meaning, relative to it
    links  path from the folder to a symbolic link's target
    texts  path from the folder to the lines of a file that rules check
    """

    place: str
    confs: dict[str, Conf]
    domus: dict[str, Conf]
    paths: set[str]
    links: dict[str, str]
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """A whole site, as read: hosts and servers by name, and the content of `global`."""

    hosts: dict[str, Folder]
    servers: dict[str, Folder]
    shared: Folder


@dataclass(frozen=True, slots=True)
class Known:
    """What a site is compared with: names of a checkout, and the memory its CD gives dom0.

    recipes  of domUs (each makes an image RECIPE.ffs); kernels: those they use
    dom0     None if the checkout has no recipe of a CD
    """

    recipes: Collection[str]
    kernels: Collection[str]
    dom0: Dom0Memory | None = None
