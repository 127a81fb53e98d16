"""The parts of a dom0 that starts domUs: folders of images, domU files, disks backed by files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buildlib.model.digest import sha256
from buildlib.sources.checksums import format_list
from support.simulator import MARKER, Server

KERNEL = "XEN3_DOMU_RO"
RC_CONF = """\
. /etc/defaults/rc.conf
rc_configured=YES
hostname=alpha
cron=NO inetd=NO syslogd=NO
domus=YES
"""
HOST = """\
memory=8192
dom0_memory=1024
address=10.0.0.11/24
bridges="bridge0 bridge1"
"""
# Those created by init's MAKEDEV.
VNDS = 1


def nfs(**changes: str) -> str:
    """The file of a domU; an empty value removes a key."""
    values = {
        "image": "base.ffs",
        "memory": "1024",
        "mac": "00:16:3e:00:00:31",
        "config_disk": "/dev/wd0e",
    } | changes
    return "".join(f"{key}='{value}'\n" for key, value in values.items() if value)


def image_folder(
    folder: Path, images: Mapping[str, str] | None = None, more: Mapping[str, str] | None = None
) -> None:
    """Fill a folder of images: name to content, each started with KERNEL, plus `more` files."""
    images = images or {"base.ffs": "an image\n"}
    kernels = "".join(f"{name} {KERNEL}\n" for name in images)
    files = {**images, KERNEL: "a kernel\n", "KERNELS": kernels, **(more or {})}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    digests = {name: sha256(text.encode()) for name, text in files.items()}
    (folder / "SHA256").write_bytes(format_list("SHA256", digests))


def furnish(
    server: Server,
    domus: Mapping[str, str],
    *,
    host: str = HOST,
    rc: str = "",
    more: Mapping[str, str] | None = None,
) -> None:
    """Create a configuration with domUs on wd0a, partitions for them on wd0e to wd0p, and vnds."""
    files = {
        MARKER: "",
        "local/etc/rc.conf": RC_CONF + rc,
        "local/host.conf": host,
        **{f"local/domUs/{name}": text for name, text in domus.items()},
        **(more or {}),
    }
    server.file_system("c", files)
    server.file_system("e", {})
    server.disk("wd0", {"a": "c", **dict.fromkeys("efghijklmnop", "e")})
    for number in range(16):
        nodes = f"vnd{number}d\nrvnd{number}d\n"
        server.write(f"nodes/vnd{number}", nodes)
        if number < VNDS:
            server.write("nodes/init", (server.sim / "nodes/init").read_text() + nodes)


def domains(server: Server) -> set[str]:
    """Running domains that do not wait for a disk."""
    folder = server.sim / "xl"
    return {path.name for path in folder.glob("*") if not waiting(server, path.name)}


def waiting(server: Server, domain: str) -> list[str]:
    """Disks of a domain that dom0's kernel did not open."""
    file = server.sim / "xl" / domain / "vbds"
    lines = file.read_text().splitlines() if file.exists() else []
    return [device for _, state, device in map(str.split, lines) if state != "4"]


def vnds(server: Server) -> dict[str, str]:
    """Attached vnds: disk to file."""
    folder = server.sim / "vnd"
    return (
        {path.name: path.read_text().strip() for path in folder.iterdir()}
        if (folder.exists())
        else {}
    )
