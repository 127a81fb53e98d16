"""The static site of the documents, for Sphinx: `make docs` writes it to build/site.

Its source is the checkout itself, so pages and links are those that a forge shows. The sidebar is
made from docs/index.md; a test checks that this is complete.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import buildlib

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

project = "goldmaster"
version = release = buildlib.__version__
root_doc = "docs/index"
extensions = ["myst_parser"]
exclude_patterns = [path.name for path in ROOT.iterdir() if path.name not in {"docs", *TOP}]
highlight_language = "none"  # for blocks that do not name their language
myst_heading_anchors = 4
nitpicky = True

html_theme = "furo"  # light and dark; it has its own fonts and scripts
html_title = "goldmaster"
html_copy_source = False
html_show_copyright = False

_SECTION = re.compile(r"^## (.+)\n((?:(?!^## ).*\n?)*)", re.MULTILINE)
_PAGE = re.compile(r"\]\(([^)#]+)\.md\)")
_HOME = (
    '<!doctype html><meta http-equiv="refresh" content="0; url={url}"><a href="{url}">{title}</a>\n'
)


def _add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the index a table of contents for each of its sections."""
    if name != app.config.root_doc:
        return
    for title, text in _SECTION.findall(source[0]):
        pages = "\n".join(dict.fromkeys(_PAGE.findall(text)))
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n"


def _add_home(app: Sphinx, error: Exception | None) -> None:
    """Redirect the folder itself to the index."""
    if error is None:
        home = _HOME.format(url=f"{app.config.root_doc}.html", title=html_title)
        (Path(app.outdir) / "index.html").write_text(home, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _add_contents)
    app.connect("build-finished", _add_home)
