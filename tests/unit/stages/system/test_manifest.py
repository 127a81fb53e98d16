"""The manifest: every path of a disc, as it is there."""

from __future__ import annotations

from support.readers.trees import TIME, file, folder, link
from support.stages.stage_bench import Bench

from buildlib.model.digest import sha256
from buildlib.model.tree import Tree, tree_of
from buildlib.stages.system.manifest import LIST, Audit, audit_list, blank, with_list

TREE = tree_of([*folder("."), *file("etc/motd", b"hi"), *link("l", "a//b/"), blank(TIME)])


def lines(tree: Tree, audit: Audit) -> dict[str, str]:
    text = audit_list(tree, audit, time=TIME + 1).decode()
    assert text.endswith("\n")
    first, *rest = text.splitlines()
    assert first == "#mtree"
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in rest}


def test_every_path_has_a_line() -> None:
    found = lines(TREE, Audit())
    assert list(found) == [
        ".",
        "./etc",
        "./etc/motd",
        "./l",
        "./usr",
        "./usr/share",
        "./usr/share/goldmaster",
        f"./{LIST}",
    ]
    assert f"sha256={sha256(b'hi')}" in found["./etc/motd"]
    assert "size=2" in found["./etc/motd"]
    assert "tags=" not in "".join(found.values())


def test_the_manifest_does_not_know_its_own_content() -> None:
    own = lines(TREE, Audit())[f"./{LIST}"]
    assert "mode=0444" in own
    assert f"time={TIME}" in own
    assert "size=" not in own
    assert "sha256=" not in own


def test_files_that_the_medium_s_writer_adds() -> None:
    """Their contents are written later, so only owner and mode are known."""
    found = lines(TREE, Audit(("boot/grub/boot.cat",)))
    added = found["./boot/grub/boot.cat"]
    assert "type=file" in added
    assert "mode=0444" in added
    assert f"time={TIME + 1}" in added
    assert "sha256=" not in added
    assert "size=" not in added
    assert list(found)[-1] == "./boot/grub/boot.cat"
    assert list(found).count(".") == 1


def test_links_on_a_disc_have_the_form_that_is_written() -> None:
    assert "link=a//b/" in lines(TREE, Audit())["./l"].split()
    assert "link=a/b" in lines(TREE, Audit(disc=True))["./l"].split()


def test_the_manifest_is_in_the_tree(bench: Bench) -> None:
    tree, blob = with_list(TREE, Audit(disc=True), bench.store.blobs, time=TIME + 1)
    data = bench.store.blobs.read(blob.sha256)
    assert data == audit_list(TREE, Audit(disc=True), time=TIME + 1)
    entry = tree.by_path[LIST]
    assert (entry.size, entry.sha256) == (len(data), sha256(data))
    others = [one for one in tree if one.path != LIST]
    assert others == [one for one in TREE if one.path != LIST]


def test_the_blank_entry() -> None:
    entry = blank(5)
    assert (entry.path, entry.mode, entry.time, entry.size) == (LIST, 0o444, 5, 0)
    assert (entry.sha256, entry.origin) == (sha256(b""), "audit")
