"""Files of a fleet as classes: values are read, and one mistake does not hide the next."""

from __future__ import annotations

import pytest

from buildlib.config.shconf import Problem, parse
from buildlib.config.site.addresses import Address
from buildlib.config.site.fleet import (
    DomuConf,
    Hints,
    HostConf,
    ServerConf,
    StorageConf,
    Volume,
    is_server_name,
    load_conf,
)


def read(kind: type[object], *lines: str) -> tuple[object, list[str]]:
    problems: list[Problem] = []
    conf = parse("".join(f"{line}\n" for line in lines).encode(), "f", problems)
    found: object = load_conf(kind, conf, problems)
    return found, [f"{problem.line}: {problem.reason}" for problem in problems]


def test_what_a_host_s_file_says() -> None:
    found = read(
        HostConf,
        "memory=8192",
        "dom0_memory=1024",
        "address=10.0.0.11/24",
        "bridges='bridge0 bridge1'",
        "image_keep=5",
    )
    bridges = ("bridge0", "bridge1")
    wanted = HostConf(8192, 1024, address=Address("10.0.0.11", 24), bridges=bridges, image_keep=5)
    assert found == (wanted, [])


def test_what_a_domu_s_file_says() -> None:
    found = read(
        DomuConf,
        "image=base.ffs",
        "memory=256",
        "mac=00:16:3E:00:00:01",
        "config_disk=/dev/wd0e,r",
        "disk9=/dev/zvol/dsk/tank/v",
        "autostart=no",
    )
    wanted = DomuConf(
        image="base.ffs",
        memory=256,
        mac="00:16:3e:00:00:01",
        config_disk="/dev/wd0e,r",
        disk9="/dev/zvol/dsk/tank/v",
        autostart=False,
    )
    assert found == (wanted, [])


def test_what_a_storage_file_says() -> None:
    found = read(
        StorageConf, 'volume1="storage-a:3260 web"', 'volume2="storage-b x"', "mount=/data"
    )
    wanted = StorageConf(Volume("storage-a", "web"), Volume("storage-b", "x"), mount="/data")
    assert found == (wanted, [])


def test_every_mistake_has_its_line_and_the_rest_counts() -> None:
    found, problems = read(ServerConf, "adress=10.0.0.1", "hostname=A", "recipe=base")
    assert found == ServerConf(recipe="base")
    assert problems == ["1: unknown-key", "2: value", "0: missing-key"]


@pytest.mark.parametrize(
    "line",
    [
        "vcpus=33",
        "vcpus=0",
        "vcpus=01",
        "memory=0",
        "boot_order=-1",
        "autostart=true",
        "image=a/b",
        "bridge=bridge",
        "kernel=.x",
        "config_disk=wd0e",
        "config_disk=/dev/wd0e,x",
        "config_disk=/dev/rwd0e",
        "config_disk=/dev/zvol/rdsk/tank/v",
        "config_disk=/dev/zvol/dsk/tank",
        "config_disk=/dev/../x",
        "config_disk=/tmp/x",
    ],
)
def test_values_that_a_domu_cannot_have(line: str) -> None:
    _, problems = read(DomuConf, line)
    assert "1: value" in problems


@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("image_url=http://images/a", True),
        ("image_url='rsync://[fd00::1]:8730/v'", True),
        ("image_url=https://10.0.0.1:65535", True),
        ("image_url=https://10.0.0.1:65536", False),
        ("image_url=http://images:0/a", False),
        ("image_url=http://10.1/a", False),
        ("image_url='http://[::1::]/a'", False),
        ("image_url=ftp://images/a", False),
        ("image_url=http://images/../a", False),
        ("bridges='bridge0 bridge0'", False),
        ("bridges=''", False),
        ("cpus=4095", True),
        ("cpus=4096", False),
        ("image_max_age=0", True),
        ("image_keep=0", False),
    ],
)
def test_values_of_a_host(line: str, good: bool) -> None:
    _, problems = read(HostConf, line)
    assert ("1: value" not in problems) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("storage-a web", True),
        ("10.0.0.21:3260 iqn.x:1 a b c d", True),
        ("storage-a web a b c d e", False),
        ("storage-a", False),
        ("storage-a:0 web", False),
        ("storage-a: web", False),
        ("Storage web", False),
    ],
)
def test_volumes(text: str, good: bool) -> None:
    _, problems = read(StorageConf, f'volume1="{text}"')
    assert ("1: value" not in problems) is good


@pytest.mark.parametrize(
    ("name", "good"), [("web-1", True), ("a" * 63, True), ("a" * 64, False), ("a.b", False)]
)
def test_names_of_servers(name: str, good: bool) -> None:
    assert is_server_name(name) is good


def test_hints_are_for_the_first_slips() -> None:
    hints = Hints(["address", "hostname"], most=1)
    assert hints.nearest("adress") == "did you mean address?"
    assert hints.nearest("hostnam") == ""
    assert hints.nearest("adress") == "did you mean address?"
