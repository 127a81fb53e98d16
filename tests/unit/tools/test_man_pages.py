"""Manual pages generated from the code, and the conversion of Markdown to mdoc(7)."""

from __future__ import annotations

import tomllib

import pytest
from support.checkouts.scratch import PROJECT

from buildlib.config.recipe import Recipe
from buildlib.config.settings import Settings
from tools import command_page, man_pages, mdoc, site_page
from tools.dataclass_docs import keys_of, tables_of

KEYS = {
    "goldmaster.1": [key.name for key in keys_of(Settings)],
    "goldmaster-recipe.5": [key.name for _, kind in tables_of(Recipe) for key in keys_of(kind)],
    "goldmaster-site.5": [
        name
        for kind in site_page.FILES.values()
        for keys in site_page.keys_of(kind)
        for name in keys.names
    ],
}


@pytest.mark.parametrize("name", man_pages.PAGES)
def test_the_page_is_current(name: str) -> None:
    for path in man_pages.files_of(name):
        assert path.read_text() == man_pages.page_of(name), "python tools/man_pages.py"


@pytest.mark.parametrize("name", man_pages.PAGES)
def test_every_key_is_there(name: str) -> None:
    heads = [
        part.removeprefix("Cm ")
        for line in man_pages.page_of(name).splitlines()
        if line.startswith(".It Cm ")
        for part in line.removeprefix(".It ").split(" , ")
    ]
    assert heads == KEYS[name]


def test_every_command_and_task_is_there() -> None:
    heads = [
        line.split()[2].replace("\\-", "-")
        for line in man_pages.page_of("goldmaster.1").splitlines()
        if line.startswith(".It Ic ")
    ]
    assert heads == [*command_page.used(), *command_page.tasks()]


def test_a_wheel_has_each_where_man_looks() -> None:
    table = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert table["targets"]["wheel"]["shared-data"] == {
        f"docs/man/{name}": f"share/man/man{name[-1]}/{name}" for name in man_pages.PAGES
    }


@pytest.mark.parametrize(
    ("markdown", "lines"),
    [
        ("Plain words.", ["Plain words."]),
        ("One. Two.", ["One.", "Two."]),
        ("see `a-b`, then", ["see", ".Ql a\\-b ,", "then"]),
        ("(`x`)", [".Ql ( x )"]),
        ("`x`s", [".Ql x Ns s"]),
        ("`Nm` and `a b` and `.`", [".Ql \\&Nm", "and", '.Ql "a b"', "and", ".Ql \\&."]),
        ("[boot.md](../boot.md) has it", [".Ql boot.md", "has it"]),
        (".rc and 'x'", ["\\&.rc and 'x'"]),
    ],
)
def test_markdown_becomes_mdoc(markdown: str, lines: list[str]) -> None:
    assert mdoc.prose(markdown) == lines


def test_usage_becomes_macros() -> None:
    assert mdoc.usage("[--json] NAME [to=FILE] [TASK ...]") == (
        "Oo Fl \\-json Oc Ar NAME Oo Cm to Ns = Ns Ar FILE Oc Oo Ar TASK ... Oc"
    )
