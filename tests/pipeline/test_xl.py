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
from support.checkouts.scratch import Scratch, digest, once
from support.readers.format_readers import tool
from support.readers.trees import TIME, file, folder
from support.simulator import MARKER, Server
from support.simulator.dom0 import furnish, vnds
from support.stages.stage_bench import TREE, Bench

from buildlib.stages.images.ffs import FfsImage

pytestmark = pytest.mark.boot

SECONDS = 240  # of one that hangs; twenty are enough where nothing else runs
MEMORY = "16"
SUPERBLOCK_MAGIC = 8192 + 1372
DOMUS = {
    "web": {"image": "base.ffs", "mac": "00:16:3e:00:00:31", "config_disk": "/dev/wd0e"},
    "nfs": {
        "image": "base.ffs",
        "mac": "00:16:3e:00:00:32",
        "config_disk": "/dev/wd0f",
        "swap_disk": "/dev/wd0g",
        "disk1": "/dev/wd0h,r",
    },
    "packages": {"image": "pkgrepo.ffs", "mac": "00:16:3e:00:00:33", "config_disk": "/dev/wd0i"},
}
# Disks of dom0: the partition's content, by its name in the files above.
PARTITIONS = {
    "wd0e": {MARKER: "", "local/server.conf": "# web\nhostname=web.example.net\n"},
    "wd0f": {
        MARKER: "",
        "local/server.conf": "address=10.0.0.32/24\nhostname=nfs.example.net\n",
        "WRITE-TEST": "",
    },
    "wd0g": {},
    "wd0h": {MARKER: ""},
    "wd0i": {MARKER: "", "local/server.conf": "hostname=packages.example.net\n"},
}
SCRIPT = """
digests() {{ for i in base pkgrepo; do digest $1-$i /images/$i.ffs; done; }}
{attach}
attach /dev/copy /copy.ffs
attach /dev/damaged /damaged.ffs -r
digests before
create /web.cfg /nfs.cfg /packages.cfg
await 'domU up' web nfs packages
say running $(xenstore-list /local/domain | wc -l)
digests running
create /careless.cfg /writable.cfg /damaged.cfg /diskless.cfg /pvh.cfg
await 'domU up' careless writable diskless pvh
await 'root device' damaged
shut_all
digests after
digest copy /copy.ffs
digest wd0e /wd0e
digest wd0f /wd0f
show web nfs packages careless writable damaged diskless pvh
"""


@dataclass(frozen=True)
class Seen:
    """What there was to see.

    said     lines of the domUs' consoles, by name
    digests  of files in dom0, and of what they were made from (`made-NAME`)
    images   the folder of images that the domUs were started from
    """

    console: str
    said: Mapping[str, list[str]]
    digests: Mapping[str, str]
    images: Path

    def says(self, domu: str, *patterns: str) -> None:
        """The domU must have said lines that are these, in this order, maybe among others."""
        left = iter(self.said[domu])
        for pattern in patterns:
            assert any(re.fullmatch(pattern, line) for line in left), (pattern, self.console)

    def size(self, image: str) -> str:
        """What the domU should say of an image's size."""
        size = (self.images / image).stat().st_size
        return f"xbd0: {size >> 10} KB, 512 bytes/sect x {size // 512} sectors, read-only"


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
    digests = dict(re.findall(r"^dom0: digest ([\w-]+) (\w{64})$", console, re.MULTILINE))
    made = {
        f"made-{path.stem}": digest(path)
        for folder in ("files", "images")
        for path in (place / folder).glob("*.ffs")
    }
    return Seen(console, said, digests | made, place / "images")


def _boot(template: Scratch, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
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
        {
            **{f"{name}.cfg": text.encode() for name, text in configs.items()},
            **{f"images/{path.name}": path for path in images.iterdir()},
            **{name: files / f"{name}.ffs" for name in PARTITIONS},
            **{name: files / name for name in ("copy.ffs", "damaged.ffs")},
        },
        folder=place,
        seconds=SECONDS,
    )


def partition(build: Path, texts: Mapping[str, str]) -> bytes:
    """A file system with these files, written as root images are."""
    bench = Bench(build)
    contents = {
        entry: data
        for name, text in {**texts, "lost+found/none": ""}.items()
        for entry, data in file(name, text.encode()).items()
    }
    for above in {str(Path(name).parent) for name in [*texts, "lost+found/none"]}:
        contents |= folder(above)
    stage = FfsImage(root=TREE, time=TIME, free="64k", inodes=16)
    return bench.read(bench.run_stage(stage, {TREE: bench.stored(contents)})["image"])


def written_by_domus(place: Path, images: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What rc.d/domus writes for DOMUS, and which file it attached as which disk."""
    conf = {
        name: "".join(f"{key}={value}\n" for key, value in {**keys, "memory": MEMORY}.items())
        for name, keys in DOMUS.items()
    }
    with Server(place, shell="dash") as server:
        shutil.copytree(images, server.root / "images", dirs_exist_ok=True)
        furnish(server, conf)
        done = server.boot("autoboot")
        assert all(f"goldmaster: {name}: started." in done.console for name in DOMUS), done.console
        folder = server.root / "var/run/goldmaster/domUs"
        return {name: (folder / f"{name}.cfg").read_text() for name in DOMUS}, vnds(server)


def others(text: str) -> dict[str, str]:
    """Configurations that rc.d/domus would not write, from one that it did."""
    alone = text.replace(', "phy:/dev/wd0e,xvdb,w"', "")
    disk, no_disks = re.findall(r"^disk = (.*)$", alone, re.MULTILINE)[0], "[]"
    changes = {
        "careless": (disk, disk.replace("xvda,r", "xvda,w")),
        "writable": (disk, '["phy:/dev/copy,xvda,w"]'),
        "damaged": (disk, '["phy:/dev/damaged,xvda,r"]'),
        "diskless": (disk, no_disks),
        "pvh": ('type = "pv"', 'type = "pvh"'),
    }
    made = {}
    for name, (old, new) in changes.items():
        assert alone.count(old) == 1, text
        made[name] = alone.replace(old, new).replace('name = "web"', f'name = "{name}"')
    return made


RELEASE = r"xbd0: etc/release: goldmaster mini 1\.0/amd64"
UP = "goldmaster-mini: domU up"


def found(disk: str, hostname: str) -> tuple[str, str]:
    return (
        f"goldmaster: the configuration is on {disk}.",
        f"{disk}: local/server.conf: hostname={hostname}",
    )


def test_a_domu_says_what_it_found(seen: Seen) -> None:
    seen.says(
        "web",
        r"goldmaster mini 1\.0 \(XEN3_DOMU_RO\)",
        f"total memory = {MEMORY} MB",
        r"command line: \[\]",
        seen.size("base.ffs"),
        "root on xbd0a type ffs dumps on none",
        RELEASE,
        *found("xbd1", "web.example.net"),
        "xbd0: write refused",
        UP,
    )


def test_every_image_of_the_cd_starts(seen: Seen) -> None:
    assert {path.name for path in seen.images.glob("*.ffs")} == {
        keys["image"] for keys in DOMUS.values()
    }
    seen.says(
        "packages",
        seen.size("pkgrepo.ffs"),
        RELEASE,
        *found("xbd1", "packages.example.net"),
        "xbd0: write refused",
        UP,
    )


def test_two_domus_run_at_once_from_one_image(seen: Seen) -> None:
    assert "dom0: running 4\n" in seen.console  # dom0 is one of them
    for name in ("web", "nfs"):
        seen.says(name, seen.size("base.ffs"), RELEASE, *found("xbd1", f"{name}.example.net"), UP)


def test_disks_are_numbered_in_the_order_of_the_list(seen: Seen) -> None:
    disks = [line for line in seen.said["nfs"] if " KB, " in line]
    assert [line.partition(":")[0] for line in disks] == ["xbd0", "xbd1", "xbd2", "xbd3"]
    assert [line.endswith(", read-only") for line in disks] == [True, False, False, True]
    seen.says("nfs", "goldmaster: the marker is on xbd3 too; that is ignored.")


def test_nothing_writes_to_the_images(seen: Seen) -> None:
    """Not even a domU that xl was told may: the disk below is read-only, too."""
    for name in ("web", "nfs", "packages", "careless", "pvh"):
        seen.says(name, "xbd0: write refused")
    for image in ("base", "pkgrepo"):
        for when in ("before", "running", "after"):
            assert seen.digests[f"{when}-{image}"] == seen.digests[f"made-{image}"], when


def test_a_write_that_is_not_refused_shows(seen: Seen) -> None:
    """So the digests above can differ."""
    seen.says("writable", "xbd0: write done")
    assert seen.digests["copy"] != seen.digests["made-copy"] == seen.digests["made-base"]


def test_the_configuration_can_be_written_where_it_may(seen: Seen) -> None:
    seen.says("nfs", "xbd1: write done", UP)
    assert seen.digests["wd0f"] != seen.digests["made-wd0f"]
    assert seen.digests["wd0e"] == seen.digests["made-wd0e"]


def test_a_damaged_image_is_no_root(seen: Seen) -> None:
    seen.says("damaged", "root on xbd0a type ffs dumps on none", "cannot mount root, error = 79")
    assert not [line for line in seen.said["damaged"] if "domU up" in line or "release" in line]


def test_a_domu_without_disks_goes_on(seen: Seen) -> None:
    seen.says("diskless", "xbd0a: there is no such disk", UP)


def test_a_pvh_domu(seen: Seen) -> None:
    seen.says(
        "pvh",
        "hypervisor0 at mainbus0: Xen version .*, PVH",
        seen.size("base.ffs"),
        RELEASE,
        "xbd0: write refused",
        UP,
    )


def test_they_end_when_they_are_asked_to(seen: Seen) -> None:
    assert len(seen.said) == 8
    for name, lines in seen.said.items():
        assert lines[-1].endswith("xenbus0: poweroff requested"), name
    assert "not all domUs have ended" not in seen.console
