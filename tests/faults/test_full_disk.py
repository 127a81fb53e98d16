"""A full disk: a clear error, nothing lost, and on with it when there is room."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.checkouts.fault_checkout import ISO, MOTD, Victim
from support.faults.kill_stress import Products, products
from support.machines.namespace import Namespace

pytestmark = pytest.mark.pipeline


def _build_in_steps(victim: Victim, space: Namespace, limits: Sequence[str]) -> set[str]:
    """Build from nothing, each time with more room; the stages that failed.

    What was finished is never made again, and the result is what it always is.
    """
    right, build = victim.iso(), victim.folder / "build"
    shutil.rmtree(build)
    # begun all the same, as where a release takes more room than its definition says
    victim.edit(
        "sets/mini.toml",
        lambda text: re.sub(
            r"^(sources|toolchain|kernel|files) = .*$", r"\1 = 0", text, flags=re.MULTILINE
        ),
    )
    finished: set[str] = set()
    failed: set[str] = set()
    for limit in limits:
        space.tmpfs(build, limit)
        ended = victim.run("iso", "progress=json")
        again = finished & set(ended.stages())
        assert not again, f"built again: {again}\n{ended.report()}"
        finished |= set(ended.stages())
        if ended.status == 0:
            break
        ended.assert_clear("are free", "doit gc", str(build))
        failed |= set(ended.stages("failed")) or {"before the first stage"}
    else:
        pytest.fail("it never had room enough")
    assert victim.iso() == right
    assert victim.build().out == ""
    return failed


def test_no_bytes_left(victim: Victim, space: Namespace) -> None:
    failed = _build_in_steps(
        victim,
        space,
        [f"size={kib}k" for kib in (4, 8, 64, 300, 1500, 2500, 4800, 5400, 6400, 9600, 51200)],
    )
    assert len(failed) >= 4, failed


def test_no_inodes_left(victim: Victim, space: Namespace) -> None:
    failed = _build_in_steps(
        victim,
        space,
        [
            f"size=50m,nr_inodes={count}"
            for count in (2, 8, 20, 110, 210, 310, 360, 410, 460, 510, 610, 2000)
        ],
    )
    assert len(failed) >= 4, failed


def test_no_room_for_what_a_run_remembers(victim: Victim, space: Namespace) -> None:
    """Only what saves time is lost."""
    build = victim.folder / "build"
    shutil.rmtree(build)
    space.tmpfs(build, "size=50m")
    victim.build()
    space.run("find", build / "store", "-maxdepth", "1", "-name", "*.json", "-delete")
    space.run("sh", "-c", f"dd if=/dev/zero of='{build}/ballast' bs=4k || true")
    assert victim.build().out == ""


# products in another place than the store


@pytest.fixture
def elsewhere(victim: Victim, space: Namespace) -> Path:
    """A folder of products on another file system than the store: what is in it are copies."""
    shutil.rmtree(victim.dist)
    space.tmpfs(victim.dist, "size=20m")
    victim.build()
    return space.inside(victim.dist)


def test_products_on_another_file_system(
    victim: Victim, built: Victim, elsewhere: Path, space: Namespace
) -> None:
    right = products(built.dist)
    assert products(elsewhere) == right
    assert victim.build().out == ""
    space.run("chmod", "u+w", victim.dist / ISO)
    for damage in (
        "printf x | dd of='{}' bs=1 seek=40000 conv=notrunc",
        "truncate -s -2048 '{}'",
        "touch -d 2001-09-09T01:46:40Z '{}' && printf x >>'{}'",
        "rm '{}'",
        "printf x | dd of='{}' bs=1 seek=0 conv=notrunc; touch -r dodo.py '{}'",
    ):
        space.run("sh", "-c", damage.format(*[victim.dist / ISO] * 2))
        assert products(elsewhere) != right
        assert victim.build().stages() == ["iso"]
        assert products(elsewhere) == right
    (elsewhere / f".{ISO}.new").write_text("what a run that was killed left")
    victim.append(MOTD, "again\n")
    victim.build()
    assert set(products(elsewhere)) == set(right)


def test_no_room_for_products(victim: Victim, elsewhere: Path, space: Namespace) -> None:
    old = products(elsewhere)
    space.run("sh", "-c", f"dd if=/dev/zero of='{victim.dist}/ballast' bs=4k || true")
    victim.append(MOTD, "again\n")
    ended = victim.run("iso", "progress=json")
    ended.assert_clear("the disk is full", "are free", str(victim.dist))
    assert _with_ballast(old) == products(elsewhere).keys()
    assert {name: digest for name, digest in products(elsewhere).items() if name in old} == old
    space.run("rm", victim.dist / "ballast")
    assert victim.build().stages() == ["iso"]
    assert products(elsewhere).keys() == old.keys()
    assert products(elsewhere)[ISO] != old[ISO]


def _with_ballast(found: Products) -> set[str]:
    return {*found, "ballast"}
