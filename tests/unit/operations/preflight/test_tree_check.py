"""Recipes are checked against the overlays and the store before anything is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.readers.trees import Contents, file, folder
from support.stages.stage_bench import Bench

from buildlib.config.accounts import Accounts
from buildlib.engine.stage import OutputRef, SourceTree, Stage
from buildlib.formats.iso9660.layout import FILE_LIMIT
from buildlib.model.digest import Blob
from buildlib.model.names import PATH_LIMIT
from buildlib.model.tree import Tree
from buildlib.operations.preflight import tree_check
from buildlib.operations.preflight.tree_check import tree_problems
from buildlib.sources import folder as folders
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.system.package_install import Installing
from buildlib.stages.system.root import Root, Text

REF = OutputRef("stage", "out")
MENU = Text("menu", "")
ROOM = 1 << 40


class Checkout:
    """Overlays, and an engine with the trees that are made."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder / "overlay"
        self.folder.mkdir()
        self.disc: Root | None = None
        self.done: dict[str, Any] = {}

    def write(self, path: str, text: str = "") -> Path:
        """A file of the overlay."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def root(self, layers: Sequence[str] = (), **more: Any) -> Root:
        """A root tree with the overlay."""
        source = SourceTree(self.folder, "overlay")
        return Root(tuple(OutputRef(name, "tree") for name in layers), (source,), 0, **more)

    def layer(self, name: str, contents: Contents) -> None:
        """A tree that is made."""
        stored = self.bench.stored(contents)
        output = self.bench.output(stored)
        self.done[name] = SimpleNamespace(record=SimpleNamespace(outputs={"tree": output}))

    def problems(self, stages: dict[str, Stage], room: int = ROOM) -> list[tuple[str, str, str]]:
        """Where, reason and text of each problem."""
        disc = {"tree:cd": self.disc} if self.disc else {}
        engine: Any = SimpleNamespace(
            graph=SimpleNamespace(stages=disc), store=self.bench.store, done=self.done
        )
        return [
            (str(one.where), one.reason, one.what)
            for one in tree_problems(engine, stages, room=room)
        ]


@pytest.fixture
def checkout(bench: Bench, tmp_path: Path) -> Checkout:
    return Checkout(bench, tmp_path)


def test_an_overlay_without_problems(checkout: Checkout) -> None:
    checkout.write("etc/motd", "hello\n")
    checkout.disc = Root((), (), 0, files={"netbsd": REF}, texts={"boot/grub/grub.cfg": MENU})
    assert checkout.problems({"root:dom0": checkout.root(files={"netbsd": REF})}) == []


def test_the_disc_s_own_tree_has_no_overlay_to_check(checkout: Checkout) -> None:
    checkout.write("netbsd")
    checkout.disc = checkout.root(files={"netbsd": REF})
    assert checkout.problems({"tree:cd": checkout.disc}) == []


def test_a_file_at_the_kernel_s_path(checkout: Checkout) -> None:
    checkout.write("netbsd")
    stages = {"root:sql": checkout.root(files={"netbsd": REF})}
    assert checkout.problems(dict(stages)) == [
        ("overlay/netbsd", "clash", "netbsd: the kernel is at this path")
    ]


def test_files_at_paths_of_the_disc(checkout: Checkout) -> None:
    """They are dom0's only."""
    for name in ("images/a.ffs", "boot/menu", "etc/motd"):
        checkout.write(name)
    checkout.disc = Root((), (), 0, files={"images/a.ffs": REF}, texts={"boot/menu": MENU})
    found = checkout.problems({"root:dom0": checkout.root()})
    assert {(where, text.partition(": ")[2]) for where, _, text in found} == {
        ("overlay/images/a.ffs", "a kernel, the hypervisor or an image is at this path"),
        ("overlay/boot/menu", "the menu is at this path"),
    }
    assert checkout.problems({"root:sql": checkout.root()}) == []


@pytest.mark.parametrize(("size", "count"), [(FILE_LIMIT - 1, 0), (FILE_LIMIT, 1)])
def test_a_file_that_is_too_large_for_a_disc(
    checkout: Checkout, size: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.write("disk")
    real = folders.check_folder

    def large(*where: Any, **more: Any) -> folders.Folder:
        found: folders.Folder = real(*where, **more)
        entries = [
            replace(entry, size=size) if entry.path == "disk" else entry for entry in found.tree
        ]
        return replace(found, tree=Tree(tuple(entries)))

    monkeypatch.setattr(tree_check, "check_folder", large)
    checkout.disc = Root((), (), 0)
    found = checkout.problems({"root:dom0": checkout.root()})
    assert [(where, reason) for where, reason, _ in found] == [("overlay/disk", "iso-size")] * count
    assert checkout.problems({"root:sql": checkout.root()}) == []


@pytest.mark.parametrize(("size", "count"), [(PATH_LIMIT, 0), (PATH_LIMIT + 1, 1)])
def test_a_link_that_is_too_long(checkout: Checkout, size: int, count: int) -> None:
    (checkout.folder / "link").symlink_to("x" * size)
    found = checkout.problems({"root:sql": checkout.root()})
    text = f"a link's target of {size} bytes cannot be written"
    assert found == [("overlay/link", "overlay-link", text)] * count


def test_every_overlay_is_checked(checkout: Checkout) -> None:
    """One that cannot be read hides no other."""
    checkout.write("netbsd")
    good = checkout.root(files={"netbsd": REF})
    missing = SourceTree(checkout.folder.with_name("none"), "none")
    found = checkout.problems({"root:sql": replace(good, overlays=(missing, *good.overlays))})
    assert len(found) == 2
    assert found[1][1] == "clash"


FILES = folder("etc") | file("etc/motd") | file("etc/rc")


def of_sets(checkout: Checkout, **more: Any) -> list[tuple[str, str, str]]:
    return checkout.problems({"root:sql": checkout.root(["sets"], **more)})


def test_what_a_recipe_removes_is_in_the_sets(checkout: Checkout) -> None:
    checkout.layer("sets", FILES)
    assert of_sets(checkout) == []
    assert of_sets(checkout, remove=("etc/motd",)) == []
    (found,) = of_sets(checkout, remove=("etc/motd", "etc/mood"))
    assert found[:2] == ("recipes/domu/sql.toml: remove[1]", "remove-missing")
    assert found[2].startswith("etc/mood is in no set or package")
    assert "etc/motd" in found[2]


def test_dom0_has_another_recipe(checkout: Checkout) -> None:
    checkout.layer("sets", FILES)
    (found,) = checkout.problems({"root:dom0": checkout.root(["sets"], remove=("none",))})
    assert found[0] == "recipes/dom0.toml: remove[0]"


def test_what_a_recipe_keeps_is_a_file_of_the_sets(checkout: Checkout) -> None:
    checkout.layer("sets", FILES)
    assert of_sets(checkout, keep={"etc/motd": "etc/motd.sets"}) == []
    where = "recipes/domu/sql.toml: keep."
    (missing,) = of_sets(checkout, keep={"etc/mood": "etc/motd.sets"})
    assert missing[:2] == (f"{where}etc/mood", "rename-missing")
    assert missing[2].startswith("etc/mood is in no set or package")
    assert of_sets(checkout, keep={"etc": "old"}) == [
        (f"{where}etc", "rename-missing", "etc is a folder; only files can be kept")
    ]
    assert of_sets(checkout, keep={"etc/motd": "etc/rc"}) == [
        (f"{where}etc/motd", "clash", "etc/rc is already in the sets")
    ]


def test_a_new_path_may_be_freed_by_the_recipe(checkout: Checkout) -> None:
    checkout.layer("sets", FILES)
    assert of_sets(checkout, keep={"etc/motd": "etc/rc"}, remove=("etc/rc",)) == []
    swapped = {"etc/motd": "etc/rc", "etc/rc": "etc/motd"}
    assert of_sets(checkout, keep=swapped) == []


def test_what_packages_may_bring_is_not_missing(checkout: Checkout) -> None:
    checkout.layer("sets", FILES)
    packages = Installing("usr/pkg/pkgdb", "usr/pkg", ("var/db",), Accounts())
    wanted = ("usr/pkg/bin/x", "var/db/x", "usr/lib/x")
    found = of_sets(checkout, remove=wanted, packages=packages)
    assert [where for where, _, _ in found] == ["recipes/domu/sql.toml: remove[2]"]


def test_later_layers_count(checkout: Checkout) -> None:
    checkout.layer("sets", FILES)
    checkout.layer("more", folder("usr") | file("usr/x"))
    stages = {"root:sql": checkout.root(["sets", "more"], remove=("usr/x", "etc/motd"))}
    assert checkout.problems(dict(stages)) == []


def test_sets_that_are_not_unpacked_yet(checkout: Checkout) -> None:
    """Then the paths are checked when the tree is composed."""
    assert of_sets(checkout, remove=("none",)) == []
    checkout.done["sets"] = SimpleNamespace(record=None)
    assert of_sets(checkout, remove=("none",)) == []
    checkout.layer("sets", FILES)
    assert len(of_sets(checkout, remove=("none",))) == 1
    outputs = checkout.done["sets"].record.outputs
    outputs["tree"] = replace(outputs["tree"], blob=Blob("0" * 64, 1))
    assert of_sets(checkout, remove=("none",)) == []


@pytest.mark.parametrize(("room", "count"), [(1 << 20, 0), ((1 << 20) - 1, 1)])
def test_an_image_needs_room(checkout: Checkout, room: int, count: int) -> None:
    image = FfsImage(REF, 0, free="1m")
    text = f"an image of more than {1 << 20} bytes"
    for name, recipe in (("sql", "recipes/domu/sql.toml"), ("dom0", "recipes/dom0.toml")):
        found = checkout.problems({f"image:{name}": image}, room=room)
        assert found == [(f"{recipe}: free", "no-space", text)] * count


def test_free_space_in_percent_needs_no_room_before(checkout: Checkout) -> None:
    assert checkout.problems({"image:sql": FfsImage(REF, 0, free="900%")}, room=0) == []
