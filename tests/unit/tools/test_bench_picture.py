"""`make bench` draws its figures as one picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from picture import draw, used
from rows import Row, remember

SVG = "{http://www.w3.org/2000/svg}"
ROWS = (
    Row("quick", 0.5, 1.0, other="a & b", ours="1 s", theirs="2 s"),
    Row("slow", 3.0, 1.0, other="<c>"),
    Row("memory", 150, 300, "MiB"),
    Row("rate", 0.95, 0.9, at_least=True),
    Row("nothing", 0, 0, "unpacked"),
    Row("told", 5.0, None),
)


def test_every_row_with_a_limit_has_a_bar() -> None:
    picture = ET.fromstring(draw({"all": ROWS}))
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"quick", "slow", "a & b", "<c>", "0.50 ×", "≤ 300 MiB", "≥ 0.90 ×"} <= set(texts)
    assert "told" not in texts
    bars = [
        (bar.get("class"), int(bar.get("width") or 0))
        for bar in picture.iter(f"{SVG}rect")
        if bar.get("class") != "track"
    ]
    limit = int(bars[0][1]) * 2
    assert [kind for kind, _ in bars] == ["good", "miss", "good", "good", "good"]
    assert bars[1][1] == limit * 1.5, "it ends with the scale"
    assert bars[2][1] == limit / 2


@pytest.mark.parametrize(
    ("row", "part"),
    [
        (ROWS[0], 0.5),
        (ROWS[1], 3),
        (ROWS[2], 0.5),
        (ROWS[3], 0.9 / 0.95),
        (ROWS[4], 0),
        (Row("", 1, 0, "unpacked"), 2),
        (Row("", 0, 1, at_least=True), 2),
    ],
)
def test_the_part_of_a_limit(row: Row, part: float) -> None:
    assert used(row) == pytest.approx(part)
    assert row.reached == (part <= 1)


def test_rows_are_remembered_by_their_group(tmp_path: Path) -> None:
    remember(tmp_path / "rows", "a", ROWS[:2])
    remember(tmp_path / "rows", "b", ROWS[2:])
    again = (Row("quick", 0.4, 1.0),)
    assert remember(tmp_path / "rows", "a", again) == {"a": [*again], "b": [*ROWS[2:]]}


def test_the_picture_in_the_documents_is_one() -> None:
    root = Path(__file__).parents[3]
    picture = ET.parse(root / "docs/bench.svg").getroot()
    assert picture.tag == f"{SVG}svg"
    assert "](docs/bench.svg)" in (root / "README.md").read_text()
