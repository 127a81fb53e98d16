"""Where contents are on a disc."""

from __future__ import annotations

import pytest
from support.readers.trees import TIME, file

from buildlib.formats.iso9660 import layout
from buildlib.formats.iso9660.layout import SECTOR, IsoLayout
from buildlib.formats.iso9660.volume_descriptor import Labels
from buildlib.model.tree import Entry, tree_of

LABELS = Labels("VOLUME")


@pytest.mark.parametrize(
    ("before", "size", "gap"),
    [
        (1, layout._LARGE, 1),
        (2, layout._LARGE, 0),
        (1, layout._LARGE + 1, 1),
        (1, layout._LARGE - 1, 0),
    ],
)
def test_large_files_begin_with_a_page(before: int, size: int, gap: int) -> None:
    """As the first file does; others follow each other without a gap."""
    tree = tree_of(
        [
            Entry("a", "file", 0o644, size=before * SECTOR, sha256="0" * 64),
            Entry("b", "file", 0o644, size=size, sha256="1" * 64),
            Entry("c", "file", 0o644, size=1, sha256="2" * 64),
        ]
    )
    image = IsoLayout(tree, labels=LABELS, time=TIME)
    first, second = image.sector_of("a"), image.sector_of("b")
    assert first % 2 == 0
    assert second == first + before + gap
    assert image.sector_of("c") == second + -(-size // SECTOR)
    assert image.sectors == image.sector_of("c") + 1 + 150, "drives read ahead"


def test_only_contents_take_sectors() -> None:
    """An empty file has none, and another name of a file has the same."""
    contents = {
        **file("a", b"x", inode="i"),
        **file("b"),
        **file("c", b"x", inode="i"),
        **file("d", b"x"),
    }
    image = IsoLayout(tree_of(contents), labels=LABELS, time=TIME)
    assert [node.entry.path for node in image.files] == ["a", "d"]
    assert image.sector_of("c") == image.sector_of("a") == image.sector_of("d") - 1
    assert [image.nodes[path].size for path in "abcd"] == [1, 0, 1, 1]
