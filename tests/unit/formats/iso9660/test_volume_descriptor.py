"""The volume descriptor: characters of its labels, format of its times."""

from __future__ import annotations

from support.readers.trees import TIME

from buildlib.formats.iso9660.layout import SECTOR, IsoLayout
from buildlib.formats.iso9660.volume_descriptor import Labels, date17
from buildlib.model.tree import ROOT, Entry, tree_of


def test_the_volume_descriptor() -> None:
    labels = Labels("a volume-é" + "x" * 40, publisher="Me & <you>", application="app#1")
    image = IsoLayout(tree_of([Entry(ROOT, "dir", 0o755)]), labels=labels, time=TIME)
    data = dict(image.render())[16]
    assert len(data) == SECTOR
    assert data[40:72] == b"A_VOLUME__" + b"X" * 22
    assert data[318:446].rstrip() == b"ME & <YOU>"
    assert data[574:702].rstrip() == b"APP_1"
    assert [data[at : at + 17] for at in (813, 830, 847, 864)] == [
        b"2023111422132000\0",
        b"2023111422132000\0",
        b"0" * 16 + b"\0",
        b"2023111422132000\0",
    ]
    assert date17(0) == b"1970010100000000\0"
