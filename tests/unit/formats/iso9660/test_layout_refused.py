"""Trees that ISO 9660 cannot store are rejected, with the place and the reason."""

from __future__ import annotations

import pytest
from support.readers.trees import TIME

from buildlib.formats.iso9660 import layout
from buildlib.formats.iso9660.layout import IsoLayout
from buildlib.formats.iso9660.volume_descriptor import Labels
from buildlib.model.errors import StageError
from buildlib.model.tree import ROOT, Entry, tree_of

LABELS = Labels("VOLUME")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("big", "file", 0o644, size=1 << 32, sha256="0" * 64, origin="base"), "iso-size"),
        (Entry("a/" + "n" * 256, "fifo", 0o644, origin="base"), "iso-name"),
        (Entry("a/" + "é" * 128, "dir", 0o755, origin="base"), "iso-name"),
        (Entry("l", "link", 0o755, link="é/" * 341 + "x", origin="base"), "iso-link"),
        (Entry("old", "fifo", 0o644, time=-2208988801, origin="base"), "iso-date"),
        (Entry("new", "dir", 0o755, time=5869584000, origin="base"), "iso-date"),
        (Entry("never", "fifo", 0o644, time=1 << 80, origin="base"), "iso-date"),
        (Entry("dev", "char", 0o644, device=(4096, 0), origin="base"), "iso-device"),
        (Entry("dev", "block", 0o644, device=(0, 1 << 20), origin="base"), "iso-device"),
    ],
)
def test_what_iso_9660_cannot_carry(entry: Entry, reason: str) -> None:
    tree = tree_of([entry, Entry(ROOT, "dir", 0o755), Entry("a", "dir", 0o755)])
    with pytest.raises(StageError) as caught:
        IsoLayout(tree, labels=LABELS, time=TIME)
    assert caught.value.reason == reason
    assert caught.value.where == f"{entry.path} (from base)"
    assert caught.value.why


def test_too_many_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layout.FOLDER_LIMIT == 0xFFFF
    monkeypatch.setattr(layout, "FOLDER_LIMIT", 300)
    folders = [Entry(f"{number // 30}/{number}", "dir", 0o755) for number in range(290)]
    with pytest.raises(StageError) as caught:
        IsoLayout(tree_of(folders), labels=LABELS, time=TIME)
    assert caught.value.reason == "iso-folders"
    assert "301 folders" in caught.value.what
    IsoLayout(tree_of(folders[:-1]), labels=LABELS, time=TIME)


def test_an_image_of_a_time_that_cannot_be() -> None:
    with pytest.raises(StageError) as caught:
        IsoLayout(tree_of([Entry(ROOT, "dir", 0o755)]), labels=LABELS, time=1 << 40)
    assert caught.value.reason == "iso-date"
