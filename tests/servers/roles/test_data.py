"""Roles of domUs: storage, NFS and SQL."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT
from support.machines.roles import SOURCES, Make, log, ran, start
from support.simulator import RECIPES, Server
from support.simulator.storage import SERIAL, Storage
from support.waiting import until

from buildlib.config.site.example import write_example

STORAGE_CONF = f'volume1="a t"\nvolume2="b t"\nmount={{mount}}\nserial={SERIAL}\n'
PG_CTL = "pg_ctl {} -w -s -D /data/data -m fast -l /data/errlog"  # as pkgsrc's pgsql.sh 1.1 has it
QUICK = "mirror_wait={wait} mirror_patience=0 mirror_interval=0.05 mirror_poll=0.02\n"


@pytest.mark.parametrize("role", ["base", "storage", "nfs", "sql", "pkgrepo"])
def test_every_role_is_a_recipe_on_the_cd(role: str) -> None:
    recipe = tomllib.loads((RECIPES / f"domu/{role}.toml").read_text())
    assert recipe["overlays"][:2] == ["server/overlay", "domu/base/overlay"]
    assert all((RECIPES / overlay).is_dir() for overlay in recipe["overlays"])
    assert role in tomllib.loads((RECIPES / "dom0.toml").read_text())["domus"]
    known = {
        tomllib.loads(path.read_text())["pkgpath"]
        for path in (PROJECT / "sets/mini/packages").glob("*/package.toml")
    }
    assert set(recipe.get("packages", ())) <= known


def test_the_image_needs_no_rc_conf_of_the_server(make: Make) -> None:
    server = make("base", {"local/etc/myname": "x\n"})
    boot = start(server)
    assert "cron" in ran(boot, "cron")
    assert not boot.calls_of("rpcbind", "ypbind", "mountd")
    powerd = server.run("/bin/sh", "-c", ". /etc/rc.conf; echo $powerd").stdout
    assert powerd == "YES\n", "xl shutdown would cut the power"


def test_storage(make: Make) -> None:
    server = make("storage", {"local/etc/iscsi/targets": "extent0 /dev/rxbd2d 0 1GB\n"})
    assert ran(start(server), "iscsi-target") == ["iscsi-target"]
    assert "extent0" in server.run("/bin/cat", "/etc/iscsi/targets").stdout


def nfs(make: Make, *, wait: int) -> tuple[Server, Storage]:
    server = make(
        "nfs",
        {
            "local/etc/rc.conf": SOURCES + QUICK.format(wait=wait),
            "local/etc/exports": "/export -network 10.0.0.0\n",
            "local/storage.conf": STORAGE_CONF.format(mount="/export"),
        },
    )
    storage = Storage(server)
    storage.mirror()
    return server, storage


def test_volumes_of_the_example_do_not_overlap(tmp_path: Path) -> None:
    """NetBSD's target reads the start as bytes, without a unit: seen on a running one."""
    write_example(tmp_path / "site")
    targets = (tmp_path / "site/vservers/storage-a/etc/iscsi/targets").read_text()
    extents = re.findall(r"^extent\d\s+/dev/rxbd3d\s+(\S+)\s+(\d+)GB$", targets, re.MULTILINE)
    end = 0
    for begin, size in extents:
        assert int(begin) == end
        end += int(size) << 30
    assert len(extents) == 2


def test_nfs_serves_what_is_on_the_mirror(make: Make) -> None:
    server, _ = nfs(make, wait=8)
    boot = start(server)
    calls = list(boot.calls)
    order = [calls.index(call) for call in ("mount -t ffs /dev/raid0d /export", "mountd", "nfsd")]
    assert order == sorted(order)
    assert ran(boot, "rpcbind") == ["rpcbind"]


# rpc.statd counts its starts, and notes the clients that it must tell of the next one.
STATD = """\
#!/bin/sh
. /sim/common.sh
log "$@"
read -r state clients 2>/dev/null </var/db/statd.status
echo "$((state + 2)) $clients a-client" >/var/db/statd.status
"""


def test_nfs_keeps_with_its_data_who_has_locks(make: Make) -> None:
    """Of a server that is started again, or elsewhere: else no client hears of it."""
    server, _ = nfs(make, wait=8)
    (server.root / "usr/sbin/rpc.statd").write_text(STATD)
    boot = start(server)
    calls = list(boot.calls)
    assert calls.index("mount -t ffs /dev/raid0d /export") < calls.index("rpc.statd")
    assert ran(boot, "rpc.lockd") == ["rpc.lockd"]
    server.run("/bin/sh", "/etc/rc.d/mirror", "stop")
    server.power_off()
    start(server)
    status = server.run("/bin/cat", "/export/.statd.status").stdout
    assert status == "4 a-client a-client\n"


def test_nfs_without_its_data_starts_when_that_comes(make: Make) -> None:
    server, storage = nfs(make, wait=0)
    storage.lose("a", "b")
    boot = start(server)
    assert ran(boot, "rpcbind", "mountd", "nfsd") == ["rpcbind"], "no data, nothing to serve"
    storage.restore("a", "b")
    until(lambda: "nfsd" in log(server))
    calls = log(server)
    assert calls.index("mount -t ffs /dev/raid0d /export") < calls.index("mountd")
    assert calls.index("mountd") < calls.index("nfsd")
    assert calls.count("nfsd") == 1


def sql(make: Make) -> tuple[Server, Storage]:
    server = make(
        "sql",
        {
            "local/etc/rc.conf": SOURCES + QUICK.format(wait=8),
            "local/storage.conf": STORAGE_CONF.format(mount="/data"),
        },
    )
    return server, Storage(server)


def test_sql_makes_its_database_on_an_empty_mirror(make: Make) -> None:
    server, storage = sql(make)
    storage.mirror()
    boot = start(server)
    calls = list(boot.calls)
    made = calls.index("mount -t ffs /dev/raid0d /data")
    assert [call for call in calls[made:] if call.startswith(("su", "pg_ctl"))] == [
        "su -m pgsql",
        PG_CTL.format("init"),
        "su -m pgsql",
        PG_CTL.format("start"),
    ]


def test_sql_finds_its_database(make: Make) -> None:
    server, storage = sql(make)
    storage.mirror()
    for name in "ab":
        (storage.volume(name) / "data/data/base").mkdir(parents=True)
    assert start(server).calls_of("pg_ctl") == [PG_CTL.format("start")]


def test_sql_makes_no_database_beside_its_mirror(make: Make) -> None:
    server, storage = sql(make)
    storage.mirror(state="hopeless")
    boot = start(server)
    assert not boot.calls_of("pg_ctl")
