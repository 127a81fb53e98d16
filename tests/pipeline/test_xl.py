"""The real toolstack: xl on Debian's dom0, in QEMU, starts the release's domUs.

One boot serves all tests here. Images and kernel are those of the CD, xl's configurations those
that the CD's rc.d/domus writes, word for word: dom0 has links by the names of NetBSD's devices.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import xenbench
from support.jobs import TREE, Bench
from support.judges import tool
from support.scratch import Scratch, digest, once
from support.simulator import MARKER, Server
from support.simulator.dom0 import furnish, vnds
from support.trees import TIME, file, folder

from buildlib.stages.ffs import FfsImage

pytestmark = pytest.mark.boot

SECONDS = 240  # of one that hangs; twenty are enough where nothing else runs
MEMORY = "16"
SUPERBLOCK_MAGIC = 8192 + 1372
DOMUS = {
    "web": {"image": "base.ffs", "mac": "00:16:3e:00:00:31", "config_disk": "/dev/wd0e"},
    "nfs": {"image": "base.ffs", "mac": "00:16:3e:00:00:32", "config_disk": "/dev/wd0f",
            "swap_disk": "/dev/wd0g", "disk1": "/dev/wd0h,r"},
}
# Disks of dom0: the partition's content, by its name in the files above.
PARTITIONS = {
    "wd0e": {MARKER: "", "local/server.conf": "# web\nhostname=web.example.net\n"},
    "wd0f": {MARKER: "", "local/server.conf": "address=10.0.0.32/24\nhostname=nfs.example.net\n",
             "WRITE-TEST": ""},
    "wd0g": {},
    "wd0h": {MARKER: ""},
}
SCRIPT = """
{attach}
attach /dev/copy /copy.ffs
attach /dev/damaged /damaged.ffs -r
digest before /images/base.ffs
create /web.cfg /nfs.cfg
await 'domU up' web nfs
say running $(xenstore-list /local/domain | wc -l)
digest running /images/base.ffs
create /careless.cfg /writable.cfg /damaged.cfg /diskless.cfg /pvh.cfg
await 'domU up' careless writable diskless pvh
await 'root device' damaged
shut_all
digest after /images/base.ffs
digest copy /copy.ffs
digest wd0e /wd0e
digest wd0f /wd0f
show web nfs careless writable damaged diskless pvh
"""


@dataclass(frozen=True)
class Seen:
    """What there was to see.

    said     lines of the domUs' consoles, by name
    digests  of files in dom0, and of what they were made from (`made-NAME`)
    """

    console: str
    said: Mapping[str, list[str]]
    digests: Mapping[str, str]


@pytest.fixture(scope="session")
def seen(template: Scratch, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Seen:
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    place = once(shared / "xl", lambda made: _boot(template, made))
    console = (place / "console.log").read_bytes().decode(errors="replace").replace("\r", "")
    said: dict[str, list[str]] = {}
    for name, line in re.findall(r"^(\w+)\| (.*)$", console, re.MULTILINE):
        if not line.startswith("_CFG_"):
            said.setdefault(name, []).append(line)
    digests = dict(re.findall(r"^dom0: digest (\w+) (\w{64})$", console, re.MULTILINE))
    made = {f"made-{path.name}": digest(path) for path in (place / "files").glob("*.ffs")}
    return Seen(console, said, digests | made)


def _boot(template: Scratch, place: Path) -> None:
    files = place / "files"
    files.mkdir(parents=True)
    tool("bsdtar", "-C", place, "-xf", template.product(), "images")
    images = place / "images"
    good = (images / "base.ffs").read_bytes()
    changed = bytearray(good)
    changed[SUPERBLOCK_MAGIC] ^= 1
    (files / "copy.ffs").write_bytes(good)
    (files / "damaged.ffs").write_bytes(changed)
    for name, texts in PARTITIONS.items():
        (files / f"{name}.ffs").write_bytes(partition(place / "build", texts))

    configs, attached = written_by_domus(place / "server", images)
    attach = [f"attach /dev/{vnd}d {path} -r" for vnd, path in attached.items()]
    attach += [f"attach /dev/{name} /{name}" for name in PARTITIONS]
    configs |= others(configs["web"])
    xenbench.run(
        SCRIPT.format(attach="\n".join(attach)),
        {**{f"{name}.cfg": text.encode() for name, text in configs.items()},
         **{f"images/{path.name}": path for path in images.iterdir()},
         **{name: files / f"{name}.ffs" for name in PARTITIONS},
         **{name: files / name for name in ("copy.ffs", "damaged.ffs")}},
        folder=place, seconds=SECONDS)


def partition(build: Path, texts: Mapping[str, str]) -> bytes:
    """A file system with these files, written as root images are."""
    bench = Bench(build)
    contents = {entry: data for name, text in {**texts, "lost+found/none": ""}.items()
                for entry, data in file(name, text.encode()).items()}
    for above in {str(Path(name).parent) for name in [*texts, "lost+found/none"]}:
        contents |= folder(above)
    stage = FfsImage(root=TREE, time=TIME, free="64k", inodes=16)
    return bench.read(bench.run_stage(stage, {TREE: bench.stored(contents)})["image"])


def written_by_domus(place: Path, images: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What rc.d/domus writes for DOMUS, and which file it attached as which disk."""
    conf = {name: "".join(f"{key}={value}\n" for key, value in {**keys, "memory": MEMORY}.items())
            for name, keys in DOMUS.items()}
    with Server(place, shell="dash") as server:
        shutil.copytree(images, server.root / "images", dirs_exist_ok=True)
        furnish(server, conf)
        done = server.boot("autoboot")
        assert all(f"goldmaster: {name}: started." in done.console for name in DOMUS), done.console
        folder = server.root / "var/run/goldmaster/domUs"
        return {name: (folder / f"{name}.cfg").read_text() for name in DOMUS}, vnds(server)


def others(text: str) -> dict[str, str]:
    """Configurations that rc.d/domus would not write, from one that it did."""
    disk, no_disks = '["phy:/dev/vnd0d,xvda,r"]', "[]"
    changes = {
        "careless": (disk, '["phy:/dev/vnd0d,xvda,w"]'),
        "writable": (disk, '["phy:/dev/copy,xvda,w"]'),
        "damaged": (disk, '["phy:/dev/damaged,xvda,r"]'),
        "diskless": (disk, no_disks),
        "pvh": ('type = "pv"', 'type = "pvh"'),
    }
    alone = text.replace(', "phy:/dev/wd0e,xvdb,w"', "")
    made = {}
    for name, (old, new) in changes.items():
        assert alone.count(old) == 1, text
        made[name] = alone.replace(old, new).replace('name = "web"', f'name = "{name}"')
    return made


def in_order(lines: list[str], *wanted: str) -> bool:
    left = iter(lines)
    return all(line in left for line in wanted)


def test_a_domu_says_what_it_found(seen: Seen) -> None:
    assert in_order(
        seen.said["web"],
        "goldmaster mini 1.0 (XEN3_DOMU_RO)",
        "total memory = 16 MB",
        "command line: []",
        "xbd0: 624 KB, 512 bytes/sect x 1248 sectors, read-only",
        "root on xbd0a type ffs dumps on none",
        "xbd0: etc/release: goldmaster mini 1.0/amd64",
        "goldmaster: the configuration is on xbd1.",
        "xbd1: local/server.conf: hostname=web.example.net",
        "xbd0: write refused",
        "goldmaster-mini: domU up",
    ), seen.console


def test_two_domus_run_at_once_from_one_image(seen: Seen) -> None:
    assert "dom0: running 3\n" in seen.console
    assert in_order(
        seen.said["nfs"],
        "xbd0: etc/release: goldmaster mini 1.0/amd64",
        "goldmaster: the configuration is on xbd1.",
        "xbd1: local/server.conf: hostname=nfs.example.net",
        "goldmaster-mini: domU up",
    ), seen.console


def test_disks_are_numbered_in_the_order_of_the_list(seen: Seen) -> None:
    found = [line for line in seen.said["nfs"] if " KB, " in line]
    assert [line.partition(":")[0] for line in found] == ["xbd0", "xbd1", "xbd2", "xbd3"]
    assert [line.endswith(", read-only") for line in found] == [True, False, False, True]
    assert "goldmaster: the marker is on xbd3 too; that is ignored." in seen.said["nfs"]


def test_nothing_writes_to_the_image(seen: Seen) -> None:
    assert seen.digests["before"] == seen.digests["made-copy.ffs"]
    for name in ("web", "nfs", "careless", "pvh"):
        assert "xbd0: write refused" in seen.said[name], name
    assert seen.digests["running"] == seen.digests["after"] == seen.digests["before"]


def test_a_write_that_is_not_refused_shows(seen: Seen) -> None:
    """So the digests above can differ."""
    assert "xbd0: write done" in seen.said["writable"]
    assert seen.digests["copy"] != seen.digests["made-copy.ffs"]


def test_the_configuration_can_be_written_where_it_may(seen: Seen) -> None:
    assert "xbd1: write done" in seen.said["nfs"]
    assert seen.digests["wd0f"] != seen.digests["made-wd0f.ffs"]
    assert seen.digests["wd0e"] == seen.digests["made-wd0e.ffs"]


def test_a_damaged_image_is_no_root(seen: Seen) -> None:
    assert in_order(seen.said["damaged"], "root on xbd0a type ffs dumps on none",
                    "cannot mount root, error = 79"), seen.console
    assert not [line for line in seen.said["damaged"] if "domU up" in line or "release" in line]


def test_a_domu_without_disks_goes_on(seen: Seen) -> None:
    assert in_order(seen.said["diskless"], "xbd0a: there is no such disk",
                    "goldmaster-mini: domU up"), seen.console


def test_a_pvh_domu(seen: Seen) -> None:
    assert in_order(seen.said["pvh"], "hypervisor0 at mainbus0: Xen version 4.17.7, PVH",
                    "xbd0: etc/release: goldmaster mini 1.0/amd64",
                    "goldmaster-mini: domU up"), seen.console


def test_they_end_when_they_are_asked_to(seen: Seen) -> None:
    for name, lines in seen.said.items():
        assert lines[-1].endswith("xenbus0: poweroff requested"), name
    assert "not all domUs have ended" not in seen.console
