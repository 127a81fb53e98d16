"""Links of docs/reference lead to existing files and headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.dataclass_docs import REFERENCE

LINKS = [
    (path.name, link)
    for path in sorted(REFERENCE.glob("*.md"))
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text())
    if "://" not in link
]


def anchors(path: Path) -> set[str]:
    """The anchors of its headings, as Git forges make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_there_are_links() -> None:
    assert {page for page, _ in LINKS} == {path.name for path in REFERENCE.glob("*.md")}


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_somewhere(page: str, link: str) -> None:
    place, _, anchor = link.partition("#")
    target = REFERENCE / place if place else REFERENCE / page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


def test_every_page_is_in_the_index() -> None:
    listed = {link for page, link in LINKS if page == "README.md" and "/" not in link}
    assert listed == {path.name for path in REFERENCE.glob("*.md")} - {"README.md"}
