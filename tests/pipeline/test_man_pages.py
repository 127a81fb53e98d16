"""Manual pages are on the media that have the commands, where man(1) of NetBSD looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, Scratch
from support.readers.iso_readers import bsdtar_contents
from support.readers.ufs import Ufs

RECIPES = PROJECT / "recipes"
# In NetBSD's man.conf(5), `_default` begins with /usr/share/man in every release.
FOLDER = "usr/share/man"


def pages(*overlays: str) -> dict[str, bytes]:
    return {
        path.relative_to(RECIPES / overlay).as_posix(): path.read_bytes()
        for overlay in overlays
        for path in (RECIPES / overlay / FOLDER).rglob("*")
        if path.is_file()
    }


def test_the_cd_has_those_of_dom0(template: Scratch) -> None:
    contents, _ = bsdtar_contents(template.product())
    wanted = pages("server/overlay", "dom0/overlay")
    assert len(wanted) >= 6
    assert {path: contents.get(path) for path in wanted} == wanted


@pytest.mark.parametrize("domu", ["base", "pkgrepo"])
def test_an_image_has_those_of_its_domu(domu: str, template: Scratch, tmp_path: Path) -> None:
    root = Ufs(template.product(f"mini-{domu}.ffs"))
    own = () if domu == "base" else (f"domu/{domu}/overlay",)
    for path, page in pages("server/overlay", "domu/base/overlay", *own).items():
        assert root.nodes[root.numbers[path]].content == page
