"""Random edits, back and forth, end as a fresh build does. `python -m tests.walk` goes further."""

from __future__ import annotations

from pathlib import Path

from support.checkouts.random_edits import SLOW, Walk
from support.checkouts.scratch import Scratch

from buildlib.store.store import Store

SEED = 14
EDITS = 4


def test_a_walk_ends_as_a_fresh_build(scratch: Scratch, tmp_path: Path) -> None:
    """A short one, without what takes long, and with no damage but that of chance."""
    walk = Walk(scratch, tmp_path, SEED, avoid=SLOW)
    walk.go(EDITS, every=EDITS)
    assert walk.fresh_builds == 1
    assert walk.built


def test_packages_are_the_same_whatever_other_recipes_have(
    scratch: Scratch, tmp_path: Path
) -> None:
    """A package more in dom0 changes the order of the lock, which pkgrepo's tree must not have."""
    scratch.edit("recipes/dom0.toml", '"net/rsync"', '"net/rsync", "pkgin"')
    scratch.doit("lock")
    fresh = scratch.sources_only(tmp_path / "fresh")
    trees = []
    for checkout in (scratch, fresh):
        checkout.build("packages:dom0", "packages:pkgrepo")
        records = Store(checkout.path("build")).records
        made = [
            records.get(records.last(f"mini/packages:{name}") or "") for name in ("dom0", "pkgrepo")
        ]
        trees.append([record.outputs["tree"].blob for record in made if record])
    assert len(trees[0]) == 2
    assert trees[0] == trees[1]
