"""Composing root trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.readers.trees import TIME, Contents, char, file, folder, link
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef, SourceTree
from buildlib.model.digest import sha256
from buildlib.model.errors import ConfigError, StageError
from buildlib.model.tree import Entry, Tree
from buildlib.stages.system.manifest import LIST, Audit
from buildlib.stages.system.root import Root, Text

SETS, PACKAGES, KERNEL = (
    OutputRef("sets", "tree"),
    OutputRef("packages", "tree"),
    OutputRef("kernel", "kernel"),
)
STAGE = Root(layers=(SETS,), overlays=(), time=TIME + 99)

BASE: Contents = {
    **folder("tmp", 0o1777),
    **folder("etc", 0o755, time=5),
    **folder("root", 0o700, gid=3),
    **folder("boot", 0o750),
    **file("etc/motd", b"welcome"),
    **file("root/.profile", b"x=1"),
    **char("dev/null", 2, 2),
    **file("bin/a", b"one", inode="i"),
    **file("bin/b", b"one", inode="i"),
}


def overlay_of(folder_path: Path, files: dict[str, str], spec: str | None = None) -> SourceTree:
    for path, text in files.items():
        target = folder_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    source = SourceTree(folder_path, f"recipes/{folder_path.name}")
    if spec is not None:
        source.spec.write_text(spec)
    return source


def make(bench: Bench, stage: Root, base: Contents = BASE) -> Tree:
    outputs = bench.run_stage(
        stage,
        {
            SETS: bench.stored(base),
            KERNEL: b"kernel",
            PACKAGES: bench.stored(file("usr/pkg/bin/x", b"x")),
        },
    )
    output = outputs["tree"]
    tree, contents = bench.tree(output), bench.contents(output)
    assert all(
        sha256(contents[entry.sha256]) == entry.sha256
        for entry in tree
        if entry.kind == "file" and entry.size
    )
    return tree


def test_layers_come_through_unchanged(bench: Bench) -> None:
    tree = make(bench, replace(STAGE, layers=(SETS, PACKAGES)))
    assert {entry for entry in tree if entry in BASE} == set(BASE)
    assert tree.by_path["usr/pkg/bin/x"].size == 1


def test_the_root_is_a_folder_of_its_own(bench: Bench) -> None:
    tree = make(bench, STAGE, {**BASE, **folder(".", 0o700, uid=9, time=1)})
    assert tree.by_path["."] == Entry(".", "dir", 0o755, time=TIME + 99)


def test_nothing_at_all(bench: Bench) -> None:
    assert [entry.path for entry in make(bench, replace(STAGE, layers=()))] == ["."]


def test_files_and_texts(bench: Bench) -> None:
    stage = replace(
        STAGE, files={"netbsd": KERNEL}, texts={"boot/grub/grub.cfg": Text("menu", "x\n")}
    )
    tree = make(bench, stage)
    assert tree.by_path["netbsd"] == Entry(
        "netbsd", "file", 0o444, time=TIME + 99, size=6, sha256=sha256(b"kernel"), origin="kernel"
    )
    menu = tree.by_path["boot/grub/grub.cfg"]
    assert (menu.mode, menu.sha256, menu.origin) == (0o444, sha256(b"x\n"), "menu")
    assert tree.by_path["boot"] == next(iter(folder("boot", 0o750))), "it was there before"
    assert tree.by_path["boot/grub"].mode == 0o755


def test_an_overlay_changes_no_folder_that_it_passes_through(bench: Bench, tmp_path: Path) -> None:
    overlay = overlay_of(
        tmp_path / "overlay", {"tmp/x": "1", "root/.shrc": "2", "etc/motd": "hi", "new/y": "3"}
    )
    tree = make(bench, replace(STAGE, overlays=(overlay,)))
    for path in ("tmp", "root", "etc"):
        assert tree.by_path[path] in BASE, path
    assert tree.by_path["new"] == Entry(
        "new", "dir", 0o755, time=TIME + 99, origin="recipes/overlay"
    )
    assert tree.by_path["etc/motd"].size == 2


def test_an_overlay_s_spec_says_what_it_changes(bench: Bench, tmp_path: Path) -> None:
    first = overlay_of(
        tmp_path / "one", {"tmp/x": "1", "etc/a": "2"}, "./tmp mode=0700 uid=5\n./etc/a mode=0600\n"
    )
    second = overlay_of(tmp_path / "two", {"tmp/y": "1"})
    tree = make(bench, replace(STAGE, overlays=(first, second)))
    assert (tree.by_path["tmp"].mode, tree.by_path["tmp"].uid) == (0o700, 5)
    assert tree.by_path["etc/a"].mode == 0o600


PASSWD = b"root:*:0:0::/root:/bin/sh\nnobody:*:32767:39::/nonexistent:/sbin/nologin\n"
GROUP = b"wheel:*:0:root\nnobody:*:39:\n"
LISTS: Contents = {**file("etc/passwd", PASSWD), **file("etc/group", GROUP)}


def test_owners_are_those_of_the_system_s_own_lists(bench: Bench, tmp_path: Path) -> None:
    """Hard links of overlays, too, in any order; a later overlay's file is separate."""
    overlays = (
        overlay_of(
            tmp_path / "one",
            {"etc/zz": "1", "etc/yy": "1"},
            "./etc/zz uname=nobody gname=nobody mode=0640\n./etc/yy uname=own gid=7\n",
        ),
        overlay_of(
            tmp_path / "two",
            {"etc/passwd": f"{PASSWD.decode()}own:*:2000:1:::\n", "etc/zz": "2"},
            "./etc/passwd uname=own\n",
        ),
    )
    tree = make(bench, replace(STAGE, overlays=overlays), {**BASE, **LISTS}).by_path
    assert (tree["etc/yy"].uid, tree["etc/yy"].gid) == (2000, 7)
    assert (tree["etc/passwd"].uid, tree["etc/passwd"].gid) == (2000, 0)
    assert (tree["etc/zz"].uid, tree["etc/zz"].mode) == (0, 0o644), "the later one's"
    one = make(
        bench,
        replace(STAGE, overlays=overlays[:1]),
        {
            **BASE,
            **file("etc/master.passwd", b"own:*:5:5::0:0::/:\nnobody:*:32767:39::0:0::/:\n"),
            **LISTS,
        },
    ).by_path
    assert (one["etc/zz"].uid, one["etc/zz"].gid, one["etc/zz"].mode) == (32767, 39, 0o640)
    assert one["etc/yy"].uid == 5


def test_owners_that_the_system_does_not_have(bench: Bench, tmp_path: Path) -> None:
    overlay = overlay_of(
        tmp_path / "overlay",
        {"a": "1", "b": ""},
        "./a uname=nobdy mode=0600\n./b gname=nobody\n./c type=dir gname=x\n",
    )
    with pytest.raises(ConfigError) as caught:
        make(bench, replace(STAGE, overlays=(overlay,)), {**BASE, **LISTS})
    assert caught.value.where == "recipes/overlay.mtree"
    assert caught.value.problems == (
        (
            "line 1: a: uname=nobdy: the system has no user nobdy; did you mean nobody?; write "
            "uid, "
            "or add the user"
        ),
        "line 3: c: gname=x: the system has no group x; write gid, or add the group",
    )


def test_what_is_removed_takes_its_attributes_along(bench: Bench, tmp_path: Path) -> None:
    overlay = overlay_of(tmp_path / "overlay", {"root/.shrc": "2"})
    tree = make(bench, replace(STAGE, remove=("root", "bin/a"), overlays=(overlay,)))
    assert tree.by_path["root"].mode == 0o755
    assert "root/.profile" not in tree.by_path
    assert tree.links_of() == {"i": 1}


def test_what_is_kept_makes_room_for_an_overlay(bench: Bench, tmp_path: Path) -> None:
    overlay = overlay_of(tmp_path / "overlay", {"etc/motd": "hi"})
    tree = make(bench, replace(STAGE, keep={"etc/motd": "etc/motd.old"}, overlays=(overlay,)))
    assert tree.by_path["etc/motd.old"].sha256 == sha256(b"welcome")
    assert tree.by_path["etc/motd"].sha256 == sha256(b"hi")


def test_names_of_one_file_that_differ(bench: Bench) -> None:
    broken = {**BASE, **file("bin/c", b"one", 0o4755, inode="i")}
    with pytest.raises(StageError) as caught:
        make(bench, STAGE, broken)
    assert caught.value.reason == "inode-differs"
    assert "bin/a and bin/c" in caught.value.what


def test_a_folder_in_place_of_a_link(bench: Bench, tmp_path: Path) -> None:
    overlay = overlay_of(tmp_path / "overlay", {"etc/x": "1"})
    base = {entry: data for entry, data in BASE.items() if not entry.path.startswith("etc")}
    with pytest.raises(StageError) as caught:
        make(bench, replace(STAGE, overlays=(overlay,)), {**base, **link("etc", "config/etc")})
    assert caught.value.reason == "kind-conflict"


# the manifest


def test_a_tree_has_a_list_of_itself(bench: Bench) -> None:
    stage = replace(STAGE, audit=Audit(("boot/added.img",)), files={"netbsd": KERNEL})
    outputs = bench.run_stage(stage, {SETS: bench.stored(BASE), KERNEL: b"kernel"})
    tree = bench.tree(outputs["tree"])
    entry = tree.by_path[LIST]
    text = bench.contents(outputs["tree"])[entry.sha256]
    assert (entry.size, entry.mode, entry.sha256) == (len(text), 0o444, sha256(text))
    lines = text.decode().splitlines()
    assert f"./netbsd type=file uid=0 gid=0 mode=0444 time={TIME + 99}.0 size=6 sha256=" in (
        "\n".join(lines)
    )
    assert f"./{LIST} type=file uid=0 gid=0 mode=0444 time={TIME + 99}.0" in lines
    assert lines[-1] == f"./boot/added.img type=file uid=0 gid=0 mode=0444 time={TIME + 99}.0"
    assert [line.split()[0] for line in lines[1:-1]] == [
        "." if path == "." else f"./{path}" for path in tree.by_path
    ]
    assert LIST not in make(bench, STAGE).by_path


def test_links_are_listed_as_a_disc_has_them(bench: Bench) -> None:
    base = {**BASE, **link("etc/x", "/a//b/")}
    for disc, target in ((True, "/a/b"), (False, "/a//b/")):
        stage = replace(STAGE, audit=Audit(disc=disc))
        outputs = bench.run_stage(stage, {SETS: bench.stored(base)})
        tree = bench.tree(outputs["tree"])
        text = bench.contents(outputs["tree"])[tree.by_path[LIST].sha256].decode()
        assert f" link={target}\n" in text
        assert tree.by_path["etc/x"].link == "/a//b/"
