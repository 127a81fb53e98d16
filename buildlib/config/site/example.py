"""An example site: two hosts, two storage servers, servers for NFS, SQL and packages.

It passes `doit site-check`, and is identical wherever and whenever it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buildlib.host.atomic_files import write_file
from buildlib.model.errors import ConfigError

_SHARED = ("hosts", "resolv.conf")  # linked from the etc of every host and server
_DOMAIN = "example"  # of NIS
_TARGET = "iqn.1994-04.org.netbsd.iscsi-target:target"


@dataclass(frozen=True, slots=True)
class _Server:
    """A domU. `number`: of its address and MAC; `disks`: of its host, for data; `slot`: below."""

    name: str
    host: str
    number: int
    slot: int
    memory: int
    order: int
    task: str
    recipe: str = "base"
    target: int | None = None
    mount: str = ""
    disks: tuple[str, ...] = ()


_HOSTS = {"alpha": 11, "beta": 12}
_SERVERS = (
    _Server(
        "storage-a",
        "alpha",
        21,
        0,
        512,
        10,
        "iSCSI volumes, one half of each mirror",
        recipe="storage",
        disks=("/dev/wd1d",),
    ),
    _Server(
        "storage-b",
        "beta",
        22,
        0,
        512,
        10,
        "iSCSI volumes, the other halves",
        recipe="storage",
        disks=("/dev/wd1d",),
    ),
    _Server(
        "nfs",
        "alpha",
        31,
        1,
        1024,
        20,
        "home directories over NFS",
        recipe="nfs",
        target=0,
        mount="/export",
    ),
    _Server(
        "sql", "beta", 32, 1, 2048, 20, "the SQL database", recipe="sql", target=1, mount="/data"
    ),
    _Server(
        "packages",
        "alpha",
        33,
        2,
        1024,
        15,
        "binary packages over HTTP, and NIS",
        recipe="pkgrepo",
        disks=("/dev/wd2d",),
    ),
)
# The partitions of a host's disk for the /etc and swap of its domUs, by slot.
_PARTITIONS = (("wd0e", "wd0f"), ("wd0g", "wd0h"), ("wd0i", "wd0j"))


def write_example(folder: Path) -> int:
    """Write the example into a folder that is empty or does not exist; returns its number of files.

    Raises ConfigError if the folder is not empty or not a folder.
    """
    if folder.is_dir():
        if next(folder.iterdir(), None) is not None:
            raise ConfigError(
                f"{folder} is not empty",
                where=folder,
                hint="name a folder that does not exist yet",
                reason="not-empty",
            )
    elif folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} is not a folder", where=folder, reason="not-a-folder")
    count = 0
    for path, text in _files():
        write_file(_parent(folder / path), text.encode())
        count += 1
    for place in (
        *(f"pservers/{host}" for host in _HOSTS),
        *(f"vservers/{server.name}" for server in _SERVERS),
    ):
        nis = ("ypservers",) if (folder / place / "etc/defaultdomain").exists() else ()
        for name in (*_SHARED, *nis):
            _parent(folder / place / "etc" / name).symlink_to(f"/config/global/{name}")
            count += 1
    return count


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _files() -> Iterator[tuple[str, str]]:
    """Path and text of every regular file."""
    for host, number in _HOSTS.items():
        yield from _host(host, number)
    for server in _SERVERS:
        yield f"pservers/{server.host}/domUs/{server.name}", _domu(server)
        yield from _server(server)
    yield "global/hosts", _hosts()
    yield "global/resolv.conf", "search example.net\nnameserver 10.0.0.1\n"
    yield "global/ypservers", "packages\n"
    yield "global/pkgchk.conf", _PKGCHK
    yield "global/nis/passwd", "web:*:2001:2001:Web servers:/nonexistent:/sbin/nologin\n"
    yield "global/nis/group", "web:*:2001:\n"
    for name, text in _DOCS.items():
        yield f"docs/{name}", text


def _host(name: str, number: int) -> Iterator[tuple[str, str]]:
    place = f"pservers/{name}"
    yield (
        f"{place}/host.conf",
        f"""\
# {name}: a machine that boots from the CD and runs domUs.
memory=8192                     # MB in the machine
dom0_memory=1024
address=10.0.0.{number}/24
mac=02:00:00:00:00:{number}
bridges="bridge0"
image_dir=/images               # folder of the root images on the CD
""",
    )
    yield f"{place}/etc/myname", f"{name}.example.net\n"
    yield f"{place}/etc/mygate", "10.0.0.1\n"
    yield f"{place}/etc/ifconfig.wm0", f"up\ninet 10.0.0.{number}/24\n"
    yield f"{place}/etc/ifconfig.bridge0", "create\n!/sbin/brconfig $int add wm0 up\n"


def _domu(server: _Server) -> str:
    config, swap = _PARTITIONS[server.slot]
    disks = "".join(f"disk{number}={disk}\n" for number, disk in enumerate(server.disks, 1))
    return f"""\
# {server.name} on {server.host}: {server.task}.
image={server.recipe}.ffs
memory={server.memory}
vcpus=1
mac=00:16:3e:00:00:{server.number}
bridge=bridge0
config_disk=/dev/{config}           # its /config, recognized by the marker file
swap_disk=/dev/{swap}
{disks}boot_order={server.order}
autostart=yes
"""


def _server(server: _Server) -> Iterator[tuple[str, str]]:
    place = f"vservers/{server.name}"
    yield (
        f"{place}/server.conf",
        f"""\
# {server.name}: {server.task}.
address=10.0.0.{server.number}/24
hostname={server.name}.example.net
recipe={server.recipe}
""",
    )
    yield f"{place}/etc/myname", f"{server.name}.example.net\n"
    yield f"{place}/etc/mygate", "10.0.0.1\n"
    yield f"{place}/etc/ifconfig.xennet0", f"up\ninet 10.0.0.{server.number}/24\n"
    packages = "/dev/xbd3d\t/packages\tffs\trw\t1 2\n" if server.recipe == "pkgrepo" else ""
    yield (
        f"{place}/etc/fstab",
        f"""\
/dev/xbd0a\t/\t\tffs\tro\t0 0
kernfs\t\t/kern\t\tkernfs\trw\t0 0
/dev/xbd2b\tnone\t\tswap\tsw\t0 0
{packages}""",
    )
    # Storage servers must start without any other server.
    if server.recipe != "storage":
        yield f"{place}/etc/defaultdomain", f"{_DOMAIN}\n"
    yield from _storage(place, server)
    if server.name == "nfs":
        yield f"{place}/etc/exports", f"{server.mount} -network 10.0.0.0 -mask 255.255.255.0\n"


def _storage(place: str, server: _Server) -> Iterator[tuple[str, str]]:
    """The volumes that a server uses, or that it offers."""
    if server.target is not None:
        yield (
            f"{place}/storage.conf",
            f"""\
# One volume on each storage server, mirrored: either server may stop.
volume1="storage-a {_TARGET}{server.target}"
volume2="storage-b {_TARGET}{server.target}"
raid=raid0
mount={server.mount}
file_system=ffs
""",
        )
    if server.recipe == "storage":
        yield (
            f"{place}/etc/iscsi/targets",
            """\
# extent    file          start          length
# start is in bytes: units are not allowed there
extent0     /dev/rxbd3d   0              100GB
extent1     /dev/rxbd3d   107374182400   100GB
# target    flags   storage   clients
target0     rw      extent0   10.0.0.31/32
target1     rw      extent1   10.0.0.32/32
""",
        )


def _hosts() -> str:
    numbers = {**_HOSTS, **{server.name: server.number for server in _SERVERS}}
    lines = [
        f"10.0.0.{number}\t{name}.example.net {name}\n"
        for name, number in sorted(numbers.items(), key=lambda item: item[1])
    ]
    return "".join(["127.0.0.1\tlocalhost\n", "::1\t\tlocalhost\n", *lines])


_PKGCHK = """\
# The packages that the package server builds and servers install: see pkg_chk(8).
pkgtools/pkg_chk
net/rsync
"""

_DOCS = {
    "new-server.md": """\
# A new domU

- [ ] Copy the folder of a similar server: `vservers/NAME`. Change address, hostname and recipe.
- [ ] Copy the file of a similar domU: `pservers/HOST/domUs/NAME`. Give it a MAC address and
      partitions of its own.
- [ ] Add its name and address to `global/hosts`.
- [ ] `doit site-check SITE` finds no problems.
- [ ] Commit. On the host: `goldmaster-update`.
- [ ] `doit config-image NAME SITE`, and write the image to the domU's config partition.
- [ ] Make a file system on each further disk in its `fstab`, such as `/packages`.
- [ ] With a `storage.conf`: in the domU, `goldmaster-mirror create`, once.
- [ ] `/etc/rc.d/domus start NAME` on the host; wait for the login prompt on its console.
""",
    "new-release.md": """\
# A new release of the system

- [ ] Build the CD; `doit boot-test` passes. Keep the old CD.
- [ ] `doit site-check SITE` finds no problems with the new recipes.
- [ ] Put the CD into the least important host; stop its domUs and restart it.
- [ ] Every domU of the host is up; RAID volumes are complete on both halves.
- [ ] Continue with the next host, but not before the mirrors of the first are in sync.
- [ ] To go back: insert the old CD and restart.
""",
    "new-images.md": """\
# New root images for domUs, without a new CD

Once, for each host: `image_store` and `image_url` in its `host.conf`, and
`etc/goldmaster/images.pem`.

- [ ] On the build host: `doit image-server key=FILE`.
- [ ] On the least important host: `goldmaster-images fetch -n`, and for the least important domU:
      `goldmaster-images pin DOMU VERSION`. Restart that domU.
- [ ] It is up and works as before. If not: `goldmaster-images unpin DOMU`, and restart it.
- [ ] On every host: `goldmaster-images fetch`. Restart the domUs that it names, one half of each
      mirror after the other.
- [ ] `goldmaster-images unpin DOMU`.
- [ ] To go back: `goldmaster-images rollback`, and restart the domUs that it names.
""",
    "lost-storage.md": """\
# A storage server is lost

Servers with a `storage.conf` continue with the other half automatically. They report this on the
console and to syslog, and `goldmaster-mirror status` shows `state=degraded`.

- [ ] Do not stop the remaining storage server.
- [ ] Start the lost one again. If its disk is intact, each server rebuilds its half automatically:
      `state=rebuilding`, then `state=whole`. There is nothing else to do.
- [ ] If its disk is lost: use a new disk, the same CD and checkout. On each server with a
      `storage.conf`: `goldmaster-mirror rebuild NUMBER`, with the number of its volume there.
- [ ] `state=whole` on every server, before any other storage server is stopped.
- [ ] `state=refused` or `split`: decide which half is right. Read goldmaster's docs/storage.md
      before you use `goldmaster-mirror accept`.
""",
    "lost-host.md": """\
# A host is lost

- [ ] Take a spare machine. It needs the CD and a disk with the partitions of `domUs/*`.
- [ ] Change `mac` and `memory` in `host.conf` to those of the machine; `doit site-check SITE`.
- [ ] `doit config-image HOST SITE`, and write the image to a partition of the disk; or start from
      the CD without a configuration, and run `goldmaster-init DISK URL HOST`.
- [ ] Start it. Its domUs start in the order of `boot_order`.
- [ ] Mirrors with a half on this host are rebuilt: see lost-storage.md.
""",
}
