"""A dom0 with images and domUs, and the state left by its scripts."""

from __future__ import annotations

from collections.abc import Mapping

from support.simulator import Boot, Server
from support.simulator.dom0 import HOST, furnish, nfs

SQL = nfs(mac="00:16:3E:00:00:32", config_disk="/dev/wd0f")
STORAGE = nfs(mac="00:16:3e:00:00:33", config_disk="/dev/wd0g", boot_order="10")
HOST_WITH_STORE = "memory=1\ndom0_memory=1\naddress=10.0.0.1\nimage_store=/config/store\n"


def boot(
    server: Server,
    domus: Mapping[str, str],
    *,
    host: str = HOST,
    rc: str = "",
    more: Mapping[str, str] | None = None,
) -> Boot:
    furnish(server, domus, host=host, rc=rc, more=more)
    done = server.boot("autoboot")
    assert done.status == 0, done.console
    return done


def domus(server: Server, *words: str, status: int = 0) -> str:
    """The output of /etc/rc.d/domus, which must exit with `status`."""
    done = server.run("/bin/sh", "/etc/rc.d/domus", *words)
    assert done.returncode == status, done.stdout
    return done.stdout


def calls(server: Server, *programs: str) -> list[str]:
    """The calls of programs since the start of the last boot."""
    return [
        line
        for line in (server.sim / "log").read_text().splitlines()
        if line.split()[0] in programs
    ]


def config(server: Server, name: str) -> str:
    return (server.root / f"var/run/goldmaster/domUs/{name}.cfg").read_text()


def records(server: Server) -> dict[str, str]:
    """The files attached according to /var/run/goldmaster/vnd, by number, without their domU."""
    return {
        path.name: path.read_text().split()[0]
        for path in (server.root / "var/run/goldmaster/vnd").iterdir()
    }


def hashed(server: Server) -> int:
    return calls(server, "cksum").count("cksum -a sha256")


def records_of(server: Server) -> dict[str, str]:
    return {f"vnd{number}": path for number, path in records(server).items()}
