"""Trees: their order, the rules of overlays, and operations on them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import entry_lists, few, trees

from buildlib.model import tree as tree_module
from buildlib.model.digest import sha256
from buildlib.model.errors import StageError
from buildlib.model.tree import (
    Entry,
    Kind,
    Tree,
    moved,
    overlay,
    path_order,
    renamed,
    tree_of,
    with_origin,
    without,
)


def folder(path: str, mode: int = 0o755, **values: Any) -> Entry:
    return Entry(path, "dir", mode, **values)


def file(path: str, data: bytes = b"", **values: Any) -> Entry:
    return Entry(path, "file", 0o644, size=len(data), sha256=sha256(data), **values)


def paths(tree: Tree) -> list[str]:
    return [entry.path for entry in tree]


def test_a_folder_comes_before_its_contents_and_those_before_its_next_sibling() -> None:
    tree = tree_of([file("a.b"), file("a/b"), file("a-b"), file("a/b.c/d"), file("a/b-c")])
    assert paths(tree) == [".", "a", "a/b", "a/b-c", "a/b.c", "a/b.c/d", "a-b", "a.b"]


def test_missing_folders_are_roots_own_and_like_the_first_entry_below() -> None:
    tree = tree_of([file("a/y", time=2, origin="etc"), file("a/x", time=1, origin="base", uid=7)])
    assert tree.by_path["a"] == Entry("a", "dir", 0o755, time=1, origin="base")
    assert tree.by_path["."] == Entry(".", "dir", 0o755, time=1, origin="base")


@few
@given(entry_lists(5), st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(found: list[Entry], chance: random.Random) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert tree_of(shuffled) == tree_of(found)


@few
@given(trees(5))
def test_every_entry_lies_in_a_folder_that_came_before(tree: Tree) -> None:
    seen: dict[str, Entry] = {}
    for entry in tree:
        if entry.path != ".":
            assert seen[entry.parent].kind == "dir"
            assert entry.path.endswith(entry.name)
        seen[entry.path] = entry
    assert paths(tree) == sorted(seen, key=path_order)
    assert len(tree) == len(seen)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([file("a"), file("a")], "duplicate-path"),
        ([file("a"), file("a/b")], "not-a-folder"),
        ([Entry("a", "link", 0o755, link="b"), folder("b"), file("a/c/d")], "not-a-folder"),
        ([file(".")], "not-a-folder"),
    ],
)
def test_impossible_trees(entries: list[Entry], reason: str) -> None:
    with pytest.raises(StageError) as caught:
        tree_of(entries)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("limits", "wrong"), [((2, 99), False), ((1, 99), True), ((2, 4), False), ((2, 3), True)]
)
def test_missing_folders_have_a_limit(
    limits: tuple[int, int], *, wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In number (besides the root), and in characters of their paths."""
    monkeypatch.setattr(tree_module, "FOLDERS_MAX", limits[0])
    monkeypatch.setattr(tree_module, "FOLDER_TEXT_MAX", limits[1])
    for origin, shown in (("base.tgz", "base.tgz"), ("", "?")):
        entry = replace(file("a/b/c"), origin=origin)
        if not wrong:
            assert len(tree_of([folder("."), entry])) == 4
            continue
        with pytest.raises(StageError, match="the tree has too many folders") as caught:
            tree_of([folder("."), entry])
        assert caught.value.where == f"{shown}: a/b/c…"
        assert caught.value.reason == "tree-limit"


def test_sizes_count_an_inode_once() -> None:
    tree = tree_of(
        [
            file("a", b"12", inode="i"),
            file("b", b"12", inode="i"),
            file("c", b"345"),
            file("d", b"345"),
            Entry("e", "fifo", 0o600),
        ]
    )
    assert tree.size == 2 + 3 + 3
    assert tree.blobs == {sha256(b"12"): 2, sha256(b"345"): 3}
    assert tree.links_of() == {"i": 2}


def test_overlay_the_later_one_wins_and_folders_keep_both() -> None:
    lower = tree_of([folder("etc", 0o755, origin="base"), file("etc/rc", b"old"), file("bin/sh")])
    upper = tree_of(
        [folder("etc", 0o700, uid=9, origin="site"), file("etc/rc", b"new!"), file("etc/hosts")]
    )
    tree = overlay(lower, upper)
    assert paths(tree) == [".", "bin", "bin/sh", "etc", "etc/hosts", "etc/rc"]
    assert (tree.by_path["etc"].mode, tree.by_path["etc"].uid) == (0o700, 9)
    assert tree.by_path["etc/rc"].size == 4
    assert tree.by_path["etc"].origin == "site"


@pytest.mark.parametrize("kind", ["link", "char", "fifo"])
def test_overlay_a_file_and_a_link_replace_one_another(kind: Kind) -> None:
    other = Entry(
        "a", kind, 0o777, link="b" * (kind == "link"), device=(1, 2) if kind == "char" else None
    )
    assert overlay(tree_of([file("a")]), tree_of([other])).by_path["a"] == other
    assert overlay(tree_of([other]), tree_of([file("a")])).by_path["a"] == file("a")


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ([file("a", origin="base")], [folder("a", origin="site")]),
        ([folder("a", origin="base")], [Entry("a", "link", 0o755, link="b", origin="site")]),
        ([file("a", origin="base")], [folder("a", origin="site"), file("a/b", origin="site")]),
    ],
)
def test_overlay_a_conflict_of_kinds_names_both_origins(
    lower: list[Entry], upper: list[Entry]
) -> None:
    with pytest.raises(StageError) as caught:
        overlay(tree_of(lower), tree_of(upper))
    assert caught.value.reason == "kind-conflict"
    assert caught.value.where == "a: site over base"
    assert caught.value.hint


@few
@given(trees(3), trees(3), trees(3))
def test_overlay_is_associative_and_idempotent(one: Tree, two: Tree, three: Tree) -> None:
    assert overlay(one, one) == one
    assert overlay(one) == one
    try:
        whole = overlay(one, two, three)
    except StageError:
        return
    assert overlay(overlay(one, two), three) == whole
    assert whole.by_path == {**one.by_path, **two.by_path, **three.by_path}


def test_without_takes_all_below_along() -> None:
    tree = tree_of([file("usr/share/man/a"), file("usr/share/man.conf"), file("usr/bin/b")])
    assert paths(without(tree, ["usr/share/man", "/usr/bin/"])) == [
        ".",
        "usr",
        "usr/share",
        "usr/share/man.conf",
    ]
    assert without(tree, []) == tree


@pytest.mark.parametrize(
    ("remove", "reason", "text"),
    [
        (["usr/games", "usr", "boot"], "remove-missing", "boot, usr/games"),
        (["."], "remove-root", "root"),
    ],
)
def test_without_what_is_not_there(remove: list[str], reason: str, text: str) -> None:
    with pytest.raises(StageError) as caught:
        without(tree_of([file("usr/bin/b")]), remove)
    assert caught.value.reason == reason
    assert text in caught.value.what


def test_renamed_leaves_the_rest_alone() -> None:
    tree = tree_of(
        [
            file("etc/rc", uid=7),
            file("etc/rc.conf"),
            file("bin/a", inode="i"),
            file("bin/b", inode="i"),
        ]
    )
    there = renamed(tree, {"/etc/rc": "libexec/rc", "bin/a": "bin/c"})
    assert paths(there) == [
        ".",
        "bin",
        "bin/b",
        "bin/c",
        "etc",
        "etc/rc.conf",
        "libexec",
        "libexec/rc",
    ]
    assert there.by_path["libexec/rc"].uid == 7
    assert there.links_of() == {"i": 2}
    assert renamed(tree, {}) == tree


@pytest.mark.parametrize(
    ("names", "reason", "text"),
    [
        ({"etc/cr": "etc/rc.old"}, "rename-missing", "cannot keep etc/cr"),
        ({"etc": "old"}, "rename-missing", "cannot keep etc: not a file"),
        ({"etc/rc": "etc/rc.conf"}, "duplicate-path", "twice"),
    ],
)
def test_renamed_what_cannot_be(names: dict[str, str], reason: str, text: str) -> None:
    with pytest.raises(StageError) as caught:
        renamed(tree_of([file("etc/rc"), file("etc/rc.conf")]), names)
    assert caught.value.reason == reason
    assert text in caught.value.what


@few
@given(trees(4), st.sampled_from(["usr", "usr/pkg", "/usr/pkg/"]))
def test_moved(tree: Tree, prefix: str) -> None:
    there = moved(tree, prefix)
    base = prefix.strip("/")
    for entry in tree:
        path = base if entry.path == "." else f"{base}/{entry.path}"
        assert there.by_path[path].mode == entry.mode
    assert len(there) == (len(tree) + len(base.split("/")) if len(tree) else 0)


@pytest.mark.parametrize("same", [lambda tree: moved(tree, "/"), lambda tree: moved(tree, "")])
def test_moved_to_the_root(same: Callable[[Tree], Tree]) -> None:
    tree = tree_of([file("a")])
    assert same(tree) == tree


def test_with_origin() -> None:
    assert {entry.origin for entry in with_origin(tree_of([file("a/b")]), "etc")} == {"etc"}
