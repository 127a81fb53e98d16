"""The tutorial, done as it stands; what it promises is on the disc."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, surroundings
from support.pages import Reader, shows, with_programs
from support.readers.iso_readers import bsdtar, bsdtar_contents
from support.readers.ufs import Ufs

PAGE = PROJECT / "docs/tutorial.md"


@pytest.mark.boot
def test_the_tutorial(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    blocks = Reader(folder, surroundings(with_programs())).follow(PAGE)

    written = {block.name: block.text for block in blocks if block.name}
    project = folder / "fleet"
    disc = project / "dist/mini-dom0.iso"
    contents, _ = bsdtar_contents(disc)
    for path in ("etc/motd", "etc/fleet.key"):
        assert contents[path].decode() == written[f"recipes/fleet/overlay/{path}"]
    assert bsdtar(disc)["etc/fleet.key"].mode == 0o600
    greet = written["sets/mini/packages/greet/files/bin/greet"]
    assert contents["usr/pkg/bin/greet"].decode() == greet

    image = tmp_path / "web.ffs"
    image.write_bytes(contents["images/web.ffs"])
    root = Ufs(image)
    for path in ("etc/rc.conf.d/httpd", "var/www/hello.html"):
        shown = root.nodes[root.numbers[path]].content.decode()
        assert shown == written[f"recipes/domu/web/overlay/{path}"]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a b\n", "a    b\n", True),
        ("a …\n…\nz\n", "a 1\nb\nz\n", True),
        ("a …\n", "a 1\n", True),
        ("a\nb\n", "b\na\n", False),
        ("a\n", "a\nb\n", False),
        ("a …\nz\n", "b\nz\n", False),
    ],
)
def test_outputs_are_compared(expected: str, printed: str, same: bool) -> None:
    assert shows(expected, printed) == same
