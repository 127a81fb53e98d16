"""A full disk: a clear error, nothing lost, and on with it when there is room."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from support.namespace import Namespace
from support.victim import ISO, Ended, Victim

from buildlib.words.digest import sha256

pytestmark = pytest.mark.pipeline


@pytest.fixture()
def space(victim: Victim) -> Iterator[Namespace]:
    """A namespace, and the checkout in it, with nothing built."""
    shutil.rmtree(victim.folder / "build")
    with Namespace(victim.folder) as namespace:
        victim.wrap = tuple(namespace.wrap)
        yield namespace


def _build_in_steps(victim: Victim, space: Namespace, limits: list[str]) -> list[str]:
    """Builds, each with more room; where they failed. What was finished is never made again."""
    finished: set[str] = set()
    failed = []
    for limit in limits:
        space.tmpfs(victim.folder / "build", limit)
        ended = victim.run("iso", "progress=json")
        again = finished & set(ended.stages())
        assert not again, f"{again} built again\n{ended.told()}"
        finished |= set(ended.stages())
        if ended.status == 0:
            break
        print(limit, ended.told())
        failed.append(_assert_tells_of_space(ended))
    else:
        raise AssertionError("it never had room enough")
    assert sha256((victim.dist / ISO).read_bytes()) == victim.known
    assert victim.build().out == ""
    return failed


def _assert_tells_of_space(ended: Ended) -> str:
    """What, where, how much is free, what to do; the stage that failed."""
    ended.assert_clear("free", "doit gc")
    return str(ended.error["stage"]) if "event" in ended.out else ""


def test_bytes(victim: Victim, space: Namespace) -> None:
    victim.known = victim.iso()
    failed = _build_in_steps(victim, space, [f"size={kib}k" for kib in (
        64, 200, 400, 800, 1200, 1600, 2400, 3200, 4800, 6400, 9600, 12800, 25600, 51200)])
    print(failed)
    assert len(set(failed)) >= 4
