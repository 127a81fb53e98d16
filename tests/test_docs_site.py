"""The documents as a static site: made without a warning, and whole where there is no network."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What `make docs` gives to Sphinx, without the places.
WORDS = re.search(r"^SITE = (.+) \. build/site$", (ROOT / "Makefile").read_text(), re.MULTILINE)


class Page(HTMLParser):
    """What a page refers to: links to follow, and what a browser loads by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found["id"]} if "id" in found else set()
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") in {"stylesheet", "preload", "icon"}:
            self.loads.append(found["href"])
        elif "src" in found:
            self.loads.append(found["src"])


def make(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does."""
    assert WORDS is not None
    words = shlex.split(WORDS[1].replace("-d build/docs", f"-d {site}.state"))
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *words, source, site],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    made = make(ROOT, folder)
    assert (made.stderr, made.returncode) == ("", 0)
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in site.rglob("*.html")}


def test_every_document_is_a_page(site: Path, pages: dict[Path, Page]) -> None:
    documents = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    }
    made = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    assert made == documents | {"index", "genindex", "search"}


def targets(pages: dict[Path, Page]) -> Iterator[tuple[Path, str]]:
    for path, page in pages.items():
        yield from ((path, link) for link in (*page.links, *page.loads))


def test_every_link_leads_somewhere(pages: dict[Path, Page]) -> None:
    """From a file to a file, as a browser follows them without a server."""
    wrong = []
    for path, link in targets(pages):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        anchor = unquote(parts.fragment)
        known = pages.get(target)
        if not target.is_file() or (anchor and known and anchor not in known.anchors):
            wrong.append(f"{path.name}: {link}")
    assert not wrong


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    assert [load for page in pages.values() for load in page.loads if urlsplit(load).netloc] == []
    styles = "\n".join(path.read_text() for path in site.rglob("*.css"))
    places = re.findall(r"@import\s+[\"']([^\"']+)|url\(\s*[\"']?([^\"')]+)", styles)
    assert [place for pair in places for place in pair if urlsplit(place).netloc] == []


def test_it_is_light_and_dark(site: Path) -> None:
    styles = "\n".join(path.read_text() for path in site.rglob("*.css"))
    assert re.search(r"@media\s*\(prefers-color-scheme:\s*dark\)", styles)


def test_the_folder_leads_to_the_index(site: Path) -> None:
    found = re.search(r'url=([^"]+)"', (site / "index.html").read_text())
    assert found
    assert (site / found[1]).is_file()


@pytest.mark.parametrize(
    "text", ["[a](b.md)", "[a](index.md#none)", "![a](none.png)"], ids=["page", "anchor", "picture"]
)
def test_a_link_that_leads_nowhere_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(f"# All pages\n\n{text}\n")
    made = make(tmp_path, tmp_path / "site")
    assert made.returncode != 0
    assert "index.md:3: WARNING: " in made.stderr
