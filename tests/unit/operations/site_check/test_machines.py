"""Memory, processors and disks of hosts, divided between Xen, dom0 and domUs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT
from support.machines.sites import (
    ALPHA,
    BETA,
    KNOWN,
    NFS,
    STORAGE,
    check,
    drop,
    link,
    put,
    told,
    write,
)

from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import Known
from buildlib.config.site.reader import known_names, read_site
from buildlib.config.site.xen_memory import Dom0Memory, dom0_memory, taken_by_domu, taken_by_xen
from buildlib.operations.site_check.check import IMAGE_KEY, check_site

HOST = f"{ALPHA}/host.conf"
DOMU = f"{ALPHA}/domUs/nfs"
RECIPE = "recipes/dom0.toml"
MANY = pytest.param("9" * 5000, id="5000 digits")


def given(site: Path, *words: str) -> list[str]:
    """The problems of a site whose CD has these arguments for Xen."""
    problems: list[Problem] = []
    read = read_site(site, problems)
    known = Known(KNOWN.recipes, KNOWN.kernels, dom0_memory(words, RECIPE, 15))
    return [str(problem) for problem in sorted({*problems, *check_site(read, known)})]


def test_memory_to_the_last_megabyte(site: Path) -> None:
    """All the memory there is, without Xen's own and its tables."""
    put(site, f"{ALPHA}/domUs/storage-a", memory="5120")
    assert told(site) == [
        (
            f"{HOST}:2: memory: 8192 MB, but Xen (256), dom0 (1024) and 3 autostarted domUs "
            "(7230) take 8510; move a domU, or set its autostart=no"
        )
    ]
    put(site, f"{ALPHA}/domUs/storage-a", memory="4800")
    assert told(site) == []


@pytest.mark.parametrize(
    ("said", "words", "dom0"),
    [
        pytest.param(128, "dom0_mem=512M", 512, id="below"),
        pytest.param(511, "dom0_mem=512M,max:512M", 512, id="one less"),
        pytest.param(1024, "dom0_mem=2g", 2048, id="gigabytes"),
        pytest.param(1024, "dom0_mem=1048576K,min:1500M", 1500, id="at least"),
        pytest.param(1024, "dom0_mem=2097152", 2048, id="kilobytes without a unit"),
        pytest.param(1024, "dom0_mem=25%", 1984, id="a share of what Xen leaves"),
        pytest.param(1024, "dom0_mem=1G+10%", 1817, id="a size and a share"),
        pytest.param(1024, "dom0_mem=-6000M", 1936, id="all but a size"),
        pytest.param(1024, "dom0_mem=max:2048M", 2048, id="at most"),
    ],
)
def test_dom0_has_what_the_cd_gives_it(site: Path, said: int, words: str, dom0: int) -> None:
    put(site, HOST, dom0_memory=str(said))
    put(site, f"{BETA}/host.conf", dom0_memory="3000")
    assert given(site, "console=com1", words) == [
        (
            f"{HOST}:3: dom0_memory: {said} MB, but the CD gives dom0 {dom0}: {words}, "
            f"{RECIPE}:15; write dom0_memory={dom0}, or change the recipe"
        )
    ]


@pytest.mark.parametrize(
    "words",
    ["dom0_mem=1024M", "dom0_mem=0x400M", "dom0_mem=02000M", "dom0_mem=1G", "dom0_mem=512M,max:1G"],
)
def test_more_than_the_cd_gives_may_be_set_aside(site: Path, words: str) -> None:
    assert given(site, "dom0_mem=9G", words) == [], "the last word counts"


@pytest.mark.parametrize(
    "word",
    ["", "half", "12x", "512MB", "²", MANY, "min:", "low:512M", "512M,", "101%", "089M", "1.5G"],
)
def test_a_word_that_xen_does_not_understand(site: Path, word: str) -> None:
    lines = given(site, f"dom0_mem={word}")
    assert len(lines) == 1
    assert lines[0].startswith(f"{RECIPE}:15: dom0_mem={word}: Xen does not understand ")


def test_a_cd_that_gives_dom0_everything(site: Path) -> None:
    lines = given(site, "console=com1")
    assert (
        f"{HOST}:3: dom0_memory: 1024 MB, but the CD gives dom0 all available memory, 7808: "
        f"{RECIPE} has no dom0_mem= in boot.xen; write dom0_memory=7808, or change the recipe"
    ) in lines


def test_a_dom0_for_which_no_domu_is_left_room(site: Path) -> None:
    assert [line.partition(": ")[0] for line in given(site, "dom0_mem=7500M")] == [
        f"{HOST}:2",
        f"{HOST}:3",
        f"{BETA}/host.conf:2",
        f"{BETA}/host.conf:3",
    ]


def test_the_checkout_s_cd_is_known(tmp_path: Path) -> None:
    known = known_names(PROJECT).dom0
    assert known is not None
    assert (known.file, known.word, known.of(8192)) == (RECIPE, "dom0_mem=512M", 512)
    assert "dom0_mem=512M" in (PROJECT / RECIPE).read_text().split("\n")[known.line - 1]
    assert known_names(tmp_path).dom0 is None
    for text in ("[boot", "boot = 1", "[boot]\nxen = 1\n", "a" * 10):
        write(tmp_path, RECIPE, text)
        assert known_names(tmp_path).dom0 in {None, Dom0Memory(RECIPE)}


def test_what_xen_and_domains_take() -> None:
    """It grows with the machine: some hundred MB on a machine with 8 GB."""
    assert (taken_by_xen(8192), taken_by_xen(1), taken_by_xen(65536)) == (256, 129, 1152)
    assert (taken_by_domu(1, 1), taken_by_domu(1024, 1), taken_by_domu(1024, 4)) == (4, 1034, 1038)
    sizes = [taken_by_domu(memory, 1) for memory in range(1, 5000)]
    assert sizes == sorted(sizes)
    assert all(size % 2 == 0 and size > memory for memory, size in enumerate(sizes, 1))


MISTAKES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "more processors than the host": (
        lambda s: (put(s, HOST, cpus="4"), put(s, DOMU, vcpus="5")),
        [f"{DOMU}:4: vcpus: 5, but alpha has 4 processors, {HOST}:8"],
    ),
    "more processors than the kernel": (
        lambda s: put(s, DOMU, vcpus="33"),
        [f"{DOMU}:4: vcpus: must be a whole number from 1 to 32, is '33'"],
    ),
    "a raw disk": (
        lambda s: put(s, DOMU, disk1="/dev/rwd3e"),
        [f"{DOMU}:11: disk1: must be the block device, /dev/wd3e, is '/dev/rwd3e'"],
    ),
    "a raw volume": (
        lambda s: put(s, DOMU, disk1="/dev/zvol/rdsk/tank/web,r"),
        [
            (
                f"{DOMU}:11: disk1: must be the block device, /dev/zvol/dsk/tank/web, "
                "is '/dev/zvol/rdsk/tank/web,r'"
            )
        ],
    ),
    "a pool for a volume": (
        lambda s: put(s, DOMU, disk1="/dev/zvol/dsk/tank"),
        [
            (
                f"{DOMU}:11: disk1: must be a ZFS volume as /dev/zvol/dsk/POOL/VOLUME, "
                "is '/dev/zvol/dsk/tank'"
            )
        ],
    ),
    "a file for a disk": (
        lambda s: put(s, DOMU, disk1="/images/web.img"),
        [f"{DOMU}:11: disk1: must be a device in /dev, /dev/wd0e, is '/images/web.img'"],
    ),
    "all of a disk of which another has a part": (
        lambda s: put(s, DOMU, disk1="/dev/wd1e"),
        [
            (
                f"{ALPHA}/domUs/storage-a:9: disk1: /dev/wd1d is the whole disk that contains "
                f"/dev/wd1e, disk1 of nfs, {DOMU}:11; d is a whole disk: name another partition"
            )
        ],
    ),
    "a part of its own disk": (
        lambda s: put(s, DOMU, disk1="/dev/wd5d", disk2="/dev/wd5e"),
        [
            (
                f"{DOMU}:12: disk2: /dev/wd5e is a partition of /dev/wd5d, disk1 of nfs, "
                f"{DOMU}:11; "
                "d is a whole disk: name another partition"
            )
        ],
    ),
    "a volume of two domUs": (
        lambda s: (
            put(s, DOMU, disk1="/dev/zvol/dsk/tank/a"),
            put(s, f"{ALPHA}/domUs/packages", disk2="/dev/zvol/dsk/tank/a"),
        ),
        [(f"{ALPHA}/domUs/packages:12: disk2: /dev/zvol/dsk/tank/a is also nfs's, {DOMU}:11")],
    ),
    "a disk that two domUs only read": (
        lambda s: (
            put(s, DOMU, disk1="/dev/wd5e,r"),
            put(s, f"{ALPHA}/domUs/packages", disk2="/dev/wd5e,r"),
        ),
        [(f"{ALPHA}/domUs/packages:12: disk2: /dev/wd5e is also nfs's, {DOMU}:11")],
    ),
    "disks that are good": (
        lambda s: put(
            s,
            DOMU,
            disk1="/dev/zvol/dsk/tank/a/b",
            disk2="/dev/mapper/vg0-lv1",
            disk3="/dev/raid0a",
            disk4="/dev/wd5d,r",
            disk5="/dev/wd5e",
        ),
        [],
    ),
    "a port": (
        lambda s: put(s, "vservers/nfs/storage.conf", volume1='"storage-a:65536 x"'),
        [
            (
                "vservers/nfs/storage.conf:2: volume1: must be a storage server and one of its "
                "targets, \"storage-a web\", is 'storage-a:65536 x'"
            )
        ],
    ),
    "a long name of a bridge": (
        lambda s: put(s, HOST, bridges="'bridge0 bridge0123456789'"),
        [
            (
                f"{HOST}:6: bridges: must be different interfaces separated by blanks, "
                "\"bridge0 bridge1\", is 'bridge0 bridge0123456789'"
            )
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_with_its_place(site: Path, name: str) -> None:
    edit, expected = MISTAKES[name]
    edit(site)
    assert told(site) == sorted(expected)


@pytest.mark.parametrize(
    "url",
    [
        "http://a:0/b",
        "http://a:65536/b",
        "http://10.0.0.256/b",
        "http://010.0.0.1/b",
        "http://[::1",
        "http://[fd00:::1]/b",
        "http://a..b/c",
        "http://-a/b",
        "http://a:/b",
    ],
)
def test_a_url_whose_server_cannot_be(site: Path, url: str) -> None:
    write(site, "global/images.pem", "key\n")
    (site / ALPHA / "etc/goldmaster").mkdir()
    link(site, f"{ALPHA}/{IMAGE_KEY}", "/config/global/images.pem")
    put(site, HOST, image_store="/var/images", image_url=f"'{url}'")
    assert [(item.line, item.reason) for item in check(site)] == [(9, "value")]


@pytest.mark.parametrize(
    "text", ["²", "00", "01", "1_0", "+1", "-1", "1.5", MANY, "0x10", "1000000000", "１"]
)
def test_numbers_are_digits(site: Path, text: str) -> None:
    keys = {
        HOST: ("memory", "dom0_memory", "cpus", "image_keep", "image_max_age"),
        DOMU: ("memory", "vcpus", "boot_order"),
        "vservers/nfs/storage.conf": ("serial",),
    }
    for file, names in keys.items():
        put(site, file, **dict.fromkeys(names, f"'{text}'"))
    found = {
        (item.file, item.what.partition(":")[0])
        for item in check(site)
        if item.reason in {"value", "syntax"}
    }
    assert found == {(file, name) for file, names in keys.items() for name in names}
    assert NFS not in {item.file for item in check(site)}


def one_host(site: Path) -> list[str]:
    """The mirrors whose halves are on one host."""
    return [problem.file for problem in check(site) if problem.reason == "one-host"]


def test_a_mirror_s_servers_are_where_they_start(site: Path) -> None:
    """A copy of a domU's file on another host does not start there: autostart=no."""
    (site / BETA / "domUs/storage-b").rename(site / ALPHA / "domUs/storage-b")
    everywhere = one_host(site)
    assert STORAGE in everywhere
    put(site, copied(site, "storage-a", ALPHA, BETA), autostart="no")
    assert one_host(site) == everywhere, "storage-a still starts on the other's host"
    put(site, f"{BETA}/domUs/storage-a", autostart="yes")
    assert one_host(site) == [], "nobody knows where it starts first"
    for host in (ALPHA, BETA):
        put(site, f"{host}/domUs/storage-a", autostart="no")
    assert one_host(site) == [], "nor where it is started by hand"
    (site / BETA / "domUs/storage-a").unlink()
    assert one_host(site) == everywhere, "there is only one place for it"


def copied(site: Path, name: str, source: str, target: str) -> str:
    """A domU's file on another host, too."""
    text = (site / source / "domUs" / name).read_text()
    write(site, f"{target}/domUs/{name}", text)
    return f"{target}/domUs/{name}"


def test_every_mirror_is_checked(site: Path) -> None:
    """Whatever is wrong with the one before it."""
    first, second = "vservers/nfs/storage.conf", "vservers/sql/storage.conf"

    def found() -> set[tuple[str, str]]:
        reasons = {"one-server", "one-host", "unknown-server"}
        return {(one.file, one.reason) for one in check(site) if one.reason in reasons}

    assert found() == set()
    put(site, second, volume2='"storage-a another"')
    assert found() == {(second, "one-server")}
    put(site, first, volume2='"storage-a other"')
    assert found() == {(first, "one-server"), (second, "one-server")}
    for name in ("volume1", "volume2"):
        put(site, first, **{name: '"storage-c x"'})
    assert found() == {(first, "unknown-server"), (second, "one-server")}
    put(site, first, volume1='"alpha x"', volume2='"alpha y"')
    assert found() == {(first, "one-server"), (second, "one-server")}
    put(site, first, volume1='"alpha x"', volume2='"storage-a y"')
    assert (first, "one-host") in found(), "a host's own disk, and a server on it"


def test_a_host_without_a_size_hides_no_other(site: Path) -> None:
    """alpha comes before beta."""
    put(site, f"{BETA}/domUs/storage-b", memory="999999")
    assert [problem.file for problem in check(site)] == [f"{BETA}/host.conf"]
    drop(site, HOST, "memory")
    assert f"{BETA}/host.conf" in [problem.file for problem in check(site)]
