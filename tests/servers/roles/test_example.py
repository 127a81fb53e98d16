"""Roles of domUs: those of the example of a site boot."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.machines.roles import Make, ran, start
from support.simulator.storage import Storage

from buildlib.config.site.example import write_example


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("storage-a", {"iscsi-target"}),
        ("storage-b", {"iscsi-target"}),
        ("nfs", {"rpcbind", "ypbind", "mountd", "nfsd"}),
        ("sql", {"rpcbind", "ypbind", "pg_ctl"}),
        ("packages", {"rpcbind", "ypbind", "ypserv", "makedbm", "httpd"}),
    ],
)
def test_the_example_of_a_site_boots(make: Make, tmp_path: Path, name: str, runs: set[str]) -> None:
    write_example(tmp_path / "site")
    folder = tmp_path / "site/vservers" / name
    role = re.search(r"recipe=(\w+)", (folder / "server.conf").read_text())
    assert role
    server = make(role[1], {})
    for source, place in ((folder, "local"), (tmp_path / "site/global", "global")):
        shutil.copytree(source, server.sim / "fs/c" / place, symlinks=True)
    server.file_system("packages", {})
    server.disk("xbd2")
    server.disk("xbd3", {"d": "packages"} if role[1] == "pkgrepo" else {})
    if (folder / "storage.conf").exists():
        volumes = re.findall(r'volume.="([^"]*)"', (folder / "storage.conf").read_text())
        a, b = (volume.replace(" ", ",") for volume in volumes)
        serial = subprocess.run(
            ["cksum"], input=f"{volumes[0]} {volumes[1]}\n", text=True, capture_output=True
        ).stdout.split()[0]
        Storage(server, a=a, b=b).mirror(serial=int(serial[-9:]))
    boot = start(server)
    daemons = {
        "rpcbind",
        "ypbind",
        "mountd",
        "nfsd",
        "pg_ctl",
        "ypserv",
        "makedbm",
        "httpd",
        "iscsi-target",
    }
    assert set(ran(boot, *daemons)) == runs, boot.console
    assert (server.sim / "swap").read_text() == "/dev/xbd2b\n"
    assert f"{name}.example.net" in server.run("/bin/cat", "/etc/hosts").stdout


def test_the_host_tool_that_limits_is_there() -> None:
    assert subprocess.run(["timeout", "1", "true"]).returncode == 0
