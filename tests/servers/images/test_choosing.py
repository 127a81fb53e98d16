"""goldmaster-images on dom0: it chooses among versions, and pins them."""

from __future__ import annotations

import pytest
from support.machines.image_fleet import Fleet, table
from support.simulator.imagehost import STORE


def test_the_list(three: Fleet) -> None:
    three.host.images("pin", "nfs", "v1")
    three.host.images("pin", "sql", "v1")
    three.host.attach(0, f"{STORE}/v3/base.ffs", "nfs")
    three.host.attach(1, "/images/base.ffs", "sql", "old")
    rows = table(three.host.images("list"))
    assert list(rows) == ["v3", "v2", "v1", "cd"]
    assert [rows[name][1:] for name in rows] == [
        ["current", "-", "nfs"],
        ["before", "-", "-"],
        ["-", "nfs sql", "-"],
        ["-", "-", "old sql"],
    ]
    assert rows["v1"][0].startswith("20")


def test_a_domu_is_pinned_and_comes_back(three: Fleet) -> None:
    host = three.host
    host.attach(0, f"{STORE}/v3/base.ffs", "nfs", "sql")
    said = host.images("pin", "nfs", "v1").text
    assert said.splitlines() == [
        "goldmaster: nfs gets v1 from now on.",
        "goldmaster: nfs runs v3 until it is started again, then v1.",
    ]
    assert host.slot("pins/nfs") == ["v1", "-"]
    host.images("pin", "nfs", "cd")
    assert host.slot("pins/nfs") == ["cd", "v1"]
    assert "then v1" in host.images("rollback", "nfs").text
    assert "then cd" in host.images("rollback", "nfs").text
    said = host.images("unpin", "nfs").text
    assert said == "goldmaster: nfs gets what others get from now on.\n"
    assert not (host.store / "pins/nfs").exists()
    for name in ("nfs", "../current", ""):
        assert "there is no domU" in host.images("unpin", name, status=1).text
    assert host.slot() == ["v3", "v2", "102"]


def test_rolling_back_and_forward(three: Fleet) -> None:
    host = three.host
    host.attach(0, f"{STORE}/v3/base.ffs", "nfs", "sql")
    host.images("pin", "sql", "v3")
    for now, before in (("v2", "v3"), ("v3", "v2"), ("v2", "v3")):
        said = host.images("rollback").text
        assert host.slot() == [now, before, "102"]
        assert ("nfs runs v3" in said) == (now == "v2")
        assert "sql" not in said
    for _ in range(2):
        host.images("rollback", "nfs")
        assert host.slot("pins/nfs") == ["v3", "-"], "what the others had before"
        host.images("rollback", "nfs")
        assert not host.slot("pins/nfs")


def test_what_is_so_already(three: Fleet) -> None:
    assert three.host.images("use", "v3").text == "goldmaster: domUs get v3 already.\n"
    three.host.images("pin", "nfs", "v1")
    assert three.host.images("pin", "nfs", "v1").text == "goldmaster: nfs gets v1 already.\n"
    assert three.host.slot("pins/nfs") == ["v1", "-"]
    assert three.host.slot() == ["v3", "v2", "102"]


def test_what_cannot_be_chosen(three: Fleet) -> None:
    host = three.host
    for words in (
        ["use", "v9"],
        ["use", "current"],
        ["use", "../store/v1"],
        ["pin", "nfs", "v9"],
        ["use", ".fetch"],
        ["verify", "v9"],
    ):
        assert "there is no version" in host.images(*words, status=1).text
    for name in ("web", "..", "nfs/../sql", "NFS", ""):
        assert "there is no domU" in host.images("pin", name, "v1", status=1).text
        assert host.slot("pins") == [] or not list((host.store / "pins").iterdir())


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["what"],
        ["use"],
        ["pin", "nfs"],
        ["list", "x"],
        ["fetch", "v1", "v2"],
        ["prune", "v1"],
        ["rollback", "a", "b"],
    ],
)
def test_wrong_usage(fleet: Fleet, words: list[str]) -> None:
    said = fleet.host.images(*words, status=64)
    assert said.text.startswith("usage: goldmaster-images fetch")


def test_settings_that_lack_or_are_wrong(fleet: Fleet) -> None:
    host = fleet.host
    host.host_conf()
    assert "names no image_url" in host.images("fetch", status=1).text
    host.host_conf(image_store="")
    assert (
        "names no image_store: domUs get their images from /images"
        in host.images("list", status=1).text
    )
    host.host_conf(image_store="store")
    assert "image_store in host.conf must be an absolute path" in host.images("list", status=1).text
    for keep in ("0", "x", "-1", "1e9"):
        host.host_conf(image_keep=keep)
        assert "image_keep in host.conf must be a number" in host.images("prune", status=1).text
    host.host_conf(image_url="-o/etc/passwd")
    assert "image_url in host.conf must be" in host.images("fetch", status=1).text
    host.host_conf(image_stor="x")
    assert "image_stor: unknown key" in host.images("list", status=1).text


def test_a_version_without_the_image_of_a_domu(three: Fleet) -> None:
    host = three.host
    host.domu("web", "web.ffs")
    assert host.images("use", "v1").text.splitlines() == [
        "goldmaster: domUs get v1 from now on.",
        "goldmaster: web will not start: v1 has no web.ffs.",
    ]
    assert "nfs will not start" not in host.images("pin", "nfs", "cd").text
