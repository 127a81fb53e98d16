"""goldmaster-images on dom0: it fetches the images that domUs of this host name, and no others."""

from __future__ import annotations

import pytest
from support.machines.image_fleet import BASE, KERNEL, ONE, Fleet
from support.servers.image_server import image

SQL, RAW = "sql.ffs", "XEN3_DOMU_RAW"
KERNELS = b"base.ffs XEN3_DOMU_RO\nmail.ffs XEN3_DOMU_RO\nsql.ffs XEN3_DOMU_RAW\n"


def files(seed: str) -> dict[str, bytes]:
    """A version with three images, of which hosts here name one."""
    return {
        BASE: image(seed),
        "mail.ffs": image(f"mail {seed}"),
        SQL: image(f"sql {seed}"),
        KERNEL: b"a kernel\n",
        RAW: b"another kernel\n",
        "KERNELS": KERNELS,
    }


LISTS = {"KERNELS", "VERSION", "SHA256", "SHA256.sig", ".installed"}


@pytest.fixture
def partial(fleet: Fleet) -> Fleet:
    """The server has a, of which this host has fetched its part."""
    fleet.shelf.add("a", files("a"), number=200)
    fleet.host.images("fetch")
    return fleet


def have(fleet: Fleet, version: str) -> set[str]:
    return set(fleet.host.content(version)) - LISTS


def test_only_what_domus_name(partial: Fleet) -> None:
    assert have(partial, "a") == {BASE, KERNEL}
    assert set(partial.asked()) == {"a/KERNELS", "a/base.ffs", "a/XEN3_DOMU_RO"}
    assert partial.host.images("verify").text == "goldmaster: a is whole.\n"
    assert partial.host.images("fetch", "-q").text == ""


def test_space_for_what_is_fetched(fleet: Fleet) -> None:
    """The version is larger than the disk, but not what this host wants of it."""
    fleet.shelf.add("a", {**files("a"), "mail.ffs": image("big", 40_000_000)}, number=200)
    fleet.host.images("fetch")
    assert have(fleet, "a") == {BASE, KERNEL}


def test_a_host_without_domus(fleet: Fleet) -> None:
    for name in ("nfs", "sql"):
        (fleet.host.sim / "conf/domUs" / name).unlink()
    fleet.host.images("fetch")
    assert have(fleet, "v1") == set()
    assert fleet.host.images("verify").text == "goldmaster: v1 is whole.\n"
    fleet.host.domu("nfs")
    said = fleet.host.images("use", "v1").text
    assert "v1 is here without base.ffs XEN3_DOMU_RO, which domUs of this host name." in said
    assert have(fleet, "v1") == {BASE, KERNEL}


def test_a_kernel_of_the_domu_s_own(fleet: Fleet) -> None:
    fleet.shelf.add("a", files("a"), number=200)
    domu = fleet.host.sim / "conf/domUs/sql"
    domu.write_text(domu.read_text() + f"kernel={RAW}\n")
    fleet.host.images("fetch")
    assert have(fleet, "a") == {BASE, KERNEL, RAW}


def test_a_domu_with_a_mistake_gets_its_image(fleet: Fleet) -> None:
    fleet.shelf.add("a", files("a"), number=200)
    fleet.host.domu("sql", SQL)
    domu = fleet.host.sim / "conf/domUs/sql"
    domu.write_text(domu.read_text().replace("memory=256", "memory=many"))
    fleet.host.images("fetch")
    assert have(fleet, "a") == {BASE, KERNEL, SQL, RAW}


def test_a_domu_that_came_later(partial: Fleet) -> None:
    """The next fetch gets what it needs, though the server has nothing newer; so does cron's."""
    partial.host.domu("sql", SQL)
    partial.asked()
    said = partial.host.images("fetch", "-q").text
    assert "a is here without sql.ffs XEN3_DOMU_RAW, which domUs of this host name." in said
    assert "goldmaster: a: added sql.ffs.\n" in said
    assert sorted(partial.asked()) == ["a/XEN3_DOMU_RAW", "a/sql.ffs"]
    assert have(partial, "a") == {BASE, KERNEL, SQL, RAW}
    assert partial.host.images("verify").text == "goldmaster: a is whole.\n"
    assert partial.host.slot() == ["a", "cd", "200"]


@pytest.mark.parametrize("words", [["use", "a"], ["pin", "sql", "a"], ["rollback"]])
def test_a_choice_gets_what_it_lacks(partial: Fleet, words: list[str]) -> None:
    host = partial.host
    partial.shelf.add("b", files("b"), number=201)
    host.images("fetch")
    host.domu("sql", SQL)
    host.images(*words)
    assert have(partial, "a") == {BASE, KERNEL, SQL, RAW}
    assert host.content("a")[SQL] == files("a")[SQL]
    numbers = [host.content(name)[".installed"].split()[0] for name in ("a", "b")]
    assert numbers == [b"1", b"2"], "it keeps its place among versions"


@pytest.mark.parametrize("words", [["use", "a"], ["pin", "sql", "a"], ["rollback"]])
def test_without_the_server(partial: Fleet, words: list[str]) -> None:
    """The choice holds for domUs whose images are here, and the command says what to do."""
    host = partial.host
    partial.shelf.add("b", files("b"), number=201)
    host.images("fetch")
    host.domu("sql", SQL)
    host.host_conf(image_url=partial.mirror.url + "/nowhere")
    said = host.images(*words).text
    assert "SHA256 cannot be fetched" in said
    assert "to fetch that: goldmaster-images fetch -n a" in said
    assert "sql will not start: a has no sql.ffs." in said
    slot = host.slot("pins/sql" if words[0] == "pin" else "current")
    assert slot[0] == "a"
    host.host_conf(image_url=partial.mirror.url)
    host.images("fetch", "-n", "a")
    assert have(partial, "a") == {BASE, KERNEL, SQL, RAW}


def test_a_domu_that_is_pinned_to_an_older_version(partial: Fleet) -> None:
    host = partial.host
    partial.shelf.add("b", files("b"), number=201)
    host.images("fetch")
    host.images("pin", "sql", "a")
    host.domu("sql", SQL)
    host.images("fetch")
    for version in ("a", "b"):
        assert have(partial, version) == {BASE, KERNEL, SQL, RAW}


def test_what_was_fetched_is_missed(partial: Fleet) -> None:
    """A file that nobody fetched is none that is missing; one that was fetched is."""
    (partial.host.store / "a" / BASE).unlink()
    said = partial.host.images("verify", status=1).text
    assert said == (
        "goldmaster: a: damaged or missing: base.ffs. goldmaster-images fetch -n a mends it.\n"
    )
    for name in ("nfs", "sql"):  # also where no domU names it any more
        partial.host.domu(name, SQL)
    assert "missing: base.ffs" in partial.host.images("verify", status=1).text
    partial.host.images("fetch", "-n", "a")
    assert have(partial, "a") == {BASE, KERNEL, SQL, RAW}
    assert partial.host.images("verify").status == 0
    partial.host.images("prune")


def test_one_of_an_earlier_goldmaster_is_whole(partial: Fleet) -> None:
    """It fetched all, and wrote no names; what is missing of such a version is damaged."""
    host = partial.host
    installed = host.store / "a/.installed"
    installed.write_text(installed.read_text().splitlines()[0] + "\n")
    assert (
        "damaged or missing: XEN3_DOMU_RAW mail.ffs sql.ffs."
        in host.images("verify", status=1).text
    )
    host.images("fetch", "-n", "a")
    assert have(partial, "a") == {BASE, "mail.ffs", SQL, KERNEL, RAW}
    assert host.images("verify").status == 0


def test_what_another_version_has_is_linked(partial: Fleet) -> None:
    host = partial.host
    host.domu("sql", SQL)
    host.images("fetch")
    host.domu("sql")
    partial.shelf.add("b", {**files("b"), SQL: files("a")[SQL], BASE: ONE[BASE]}, number=201)
    host.images("fetch")
    assert have(partial, "b") == {BASE, KERNEL}
    host.domu("sql", SQL)
    partial.asked()
    host.images("fetch")
    assert partial.asked() == []
    kept = [(host.store / version / SQL).stat().st_ino for version in ("a", "b")]
    assert kept[0] == kept[1]


def test_killed_while_it_completes(partial: Fleet) -> None:
    """At any step; the next command finishes, and nothing that was there is lost."""
    host = partial.host
    before = host.content("a")
    for step in range(1, 200, 3):
        host.domu("sql", SQL)
        said = host.images("fetch", kill=step, status=None)
        assert (
            host.content("a").items()
            >= {name: data for name, data in before.items() if name != ".installed"}.items()
        )
        host.images("fetch")
        assert have(partial, "a") == {BASE, KERNEL, SQL, RAW}
        assert host.images("verify").status == 0
        if said.status == 0:
            break
        for name in (SQL, RAW):
            (host.store / "a" / name).unlink()
        (host.store / "a/.installed").write_bytes(before[".installed"])
    else:
        pytest.fail("it never came to its end")
