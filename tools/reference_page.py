"""Writes the pages of docs/reference with every key of a file: python tools/reference_page.py

Keys, types, defaults and meanings come from the dataclasses that read the files, examples from
docs/reference/examples.
"""

from __future__ import annotations

import json
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.dataclass_docs import (
    KINDS,
    REFERENCE,
    Key,
    example_text,
    keys_of,
    summary,
    table_class,
    tables_of,
    without_none,
)

_NAMES = {bool: "boolean", int: "integer", str: "string"}
_MADE = """This page is generated from the code by `tools/reference_page.py`.
[editors.md](editors.md) explains how editors complete and check such a file.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its file, and what comes before the tables."""

    file: str
    title: str
    intro: str


PAGES: Mapping[str, Page] = {
    "recipe": Page(
        "recipes.md",
        "Every key of a recipe",
        """
A recipe describes a system: `recipes/dom0.toml` is the boot CD, `recipes/domu/NAME.toml` a domU's
root image. `[boot]`, `hypervisor` and `domus` are for dom0 alone, `free` for domUs alone; anywhere
else they are errors. So are unknown keys and wrong types. All problems of a file are reported
together.

Other pages explain how the keys work together: [../boot.md](../boot.md) for `[boot]`,
[../packages.md](../packages.md) for `packages` and `outside`, [../overlays.md](../overlays.md) for
overlays.
""",
    ),
    "release": Page(
        "releases.md",
        "Every key of a release definition",
        """
A release definition, `sets/NAME.toml`, says where a release's files come from, who signed them, how
they are compiled and what a boot test expects. The setting `release=NAME` chooses one;
`release=/path/to/NAME.toml` names a file outside `sets`. Its lock and its signing keys are in the
same folder.

[../releases.md](../releases.md#adding-a-release) explains how to add a release.
""",
    ),
    "settings": Page(
        "settings.md",
        "Every setting",
        """
Each setting has one name. On the command line it is written `NAME=VALUE`, such as
`doit iso release=netbsd-10.1`; in the environment `GOLDMASTER_NAME`, such as
`GOLDMASTER_RELEASE=netbsd-10.1`; in `recipes/settings.toml` `NAME = VALUE`. The command line takes
precedence over the environment, which takes precedence over the file. An unknown name is an error
in all three places.

On the command line and in the environment a boolean is `yes` or `no`. In the file it may be a
boolean or one of these words; an integer may be written as a string there.

Pipelines that build no boot media have only the settings `build`, `dist`, `jobs` and `progress`, on
the command line and in the environment ([../dev/pipelines.md](../dev/pipelines.md)).
""",
    ),
}


def path_of(name: str) -> Path:
    """The path of the page for a kind of file."""
    return REFERENCE / PAGES[name].file


def page_of(name: str) -> str:
    """A whole page."""
    page, sections = PAGES[name], _sections(name)
    parts = [f"# {page.title}\n", f"{page.intro.strip()}\n", _MADE]
    for at, kind in tables_of(KINDS[name]):
        if at:
            parts += [f"## `[{at}]`\n", f"{_sentence(summary(kind))}\n"]
        elif name != "settings":
            parts.append("## Top level\n")
        parts.append("\n".join(_rows(kind, at)) + "\n")
        if at in sections:
            parts.append(f"```toml\n{sections[at]}\n```\n")
    return "\n".join(parts)


def _rows(kind: type, at: str) -> Iterator[str]:
    """The rows of a table of keys."""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for key in keys_of(kind):
        if table_class(key.hint):
            path = f"{at}.{key.name}" if at else key.name
            type_text = f"table [`[{path}]`](#{_anchor(path)})"
        else:
            type_text = type_of(key)
        yield f"| `{key.name}` | {type_text} | {default_of(key)} | {_cell(key.meaning)} |"


def type_of(key: Key) -> str:
    """The type of a key that is not a table, in words."""
    text = _type(without_none(key.hint), key.values)
    return f"{text}, {key.limits[0]} to {key.limits[1]}" if key.limits else text


def _type(hint: Any, values: tuple[str, ...], *, several: bool = False) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return _choice(arguments)
    if origin is tuple:
        items = _type(arguments[0], values, several=True)
        return f"list{'s' * several} of {items}"
    if origin is not None and issubclass(origin, Mapping):
        names = _choice(values) if values else "string"
        return f"table: {names} to {_type(arguments[1], ())}"
    return _choice(values) if values else _NAMES[hint] + "s" * several


def _choice(values: tuple[Any, ...]) -> str:
    return ", ".join(f"`{json.dumps(value)}`" for value in values)


def default_of(key: Key) -> str:
    """The default of a key, as it would be written."""
    if key.needed:
        return "**required**"
    if key.default is None or (table_class(key.hint) and not key.default):
        return "–"
    return f"`{_toml(key.default)}`"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{name} = {_toml(item)}" for name, item in value.items())
        return f"{{{pairs}}}"
    return json.dumps(value, ensure_ascii=False)


def _sections(name: str) -> dict[str, str]:
    """The example's text by table, without what comes before its first key.

    A header that is not a table of the dataclasses is a key of the table above it.
    """
    tables = dict(tables_of(KINDS[name]))
    found: dict[str, str] = {}
    blocks = re.split(r"^(?=\[)", example_text(name).partition("\n\n")[2], flags=re.MULTILINE)
    for block in blocks:
        header = re.match(r"\[(.+)\]", block)
        at = header[1] if header else ""
        while at not in tables:
            at = at.rpartition(".")[0]
        found[at] = f"{found[at]}\n\n{block.strip()}" if at in found else block.strip()
    return found


def _anchor(path: str) -> str:
    """The anchor of a heading, as Git forges make it."""
    return path.replace(".", "").lower()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


if __name__ == "__main__":
    for kind_name in PAGES:
        path_of(kind_name).write_text(page_of(kind_name), encoding="utf-8")
