"""Trees are stored as specs; the most recently used ones are kept in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildlib.model.errors import MissingBlob
from buildlib.model.mtree import format_tree
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.store.blobs import Blobs
from buildlib.store.trees import Trees


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def _tree(name: str, count: int = 1) -> Tree:
    return tree_of(Entry(f"{name}{number}", "dir", 0o755) for number in range(count))


def test_what_was_put_is_read_by_others(blobs: Blobs) -> None:
    tree = _tree("a")
    spec = Trees(blobs).put(tree)
    assert blobs.read(spec.sha256) == format_tree(tree)
    assert Trees(blobs).read(spec, where="x") == tree


def test_a_tree_just_used_is_not_read_again(blobs: Blobs) -> None:
    trees, tree = Trees(blobs), _tree("a")
    spec = trees.put(tree)
    assert trees.read(spec, where="x") is tree
    other = Trees(blobs)
    assert other.read(spec, where="x") is other.read(spec, where="x")


def test_used_longest_ago_goes_first(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildlib.store.trees._KEPT", 25)
    trees, made = Trees(blobs), [_tree(name, 9) for name in "abc"]  # ten entries, with the root
    first, second, third = map(trees.put, made)
    assert trees.read(third, where="x") is made[2]
    assert trees.read(second, where="x") is made[1]
    assert trees.read(first, where="x") is not made[0]
    assert trees.read(third, where="x") is not made[2]


def test_a_large_tree_is_not_kept(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildlib.store.trees._KEPT", 25)
    trees, tree = Trees(blobs), _tree("a", 30)
    assert trees.read(trees.put(tree), where="x") is not tree


def test_content_that_is_gone(blobs: Blobs) -> None:
    spec = Trees(blobs).put(_tree("a"))
    blobs.discard(spec.sha256)
    with pytest.raises(MissingBlob):
        Trees(blobs).read(spec, where="x")
