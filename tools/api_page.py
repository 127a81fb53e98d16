"""docs/dev/api.md, from the docstrings of the public names: python tools/api_page.py"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs/dev/api.md"
HEAD = """# The library's names

`from buildlib import …` provides these names; nothing else is guaranteed to stay. They are typed,
and each is imported on first use. After `->` is what a method returns. This page is generated from
the docstrings by `python tools/api_page.py`.

[pipelines.md](pipelines.md) shows how to use them together.
"""


def page() -> str:
    """The whole page."""
    import buildlib

    parts = [HEAD]
    for name in sorted(buildlib.__all__):
        thing = getattr(buildlib, name)
        parts.append("\n".join(_entry(name, thing)))
    return "\n".join(parts)


def _entry(name: str, thing: object) -> Iterator[str]:
    yield f"## {name}\n"
    if not isinstance(thing, type):
        shown = str(thing).replace("buildlib.", "") if isinstance(thing, UnionType) else str(thing)
        yield f"    {name} = {_short(shown)}\n"
        return
    if dataclasses.is_dataclass(thing) or "__init__" in vars(thing):
        signature = inspect.signature(thing.__init__)  # type: ignore[misc]  # of a class
        yield f"    {name}{_arguments(signature)}\n"
    yield _bases(thing) + _text(thing.__doc__)
    for method, found in vars(thing).items():
        if method.startswith("_") or not (callable(found) or isinstance(found, property)):
            continue
        if isinstance(found, property):
            result = _result(inspect.signature(found.fget)) if found.fget else ""
            yield f"**`.{method}{result}`**: {_text(found.__doc__)}"
        elif inspect.isfunction(found):
            signature = inspect.signature(found)
            shown = f".{method}{_arguments(signature)}{_result(signature)}"
            yield f"**`{shown}`**: {_text(found.__doc__)}"


def _bases(thing: type) -> str:
    """The public classes that this one extends, and whose methods it has."""
    import buildlib

    names = [base.__name__ for base in thing.__bases__ if base.__name__ in buildlib.__all__]
    links = [f"[{name}](#{name.lower()})" for name in names]
    return f"Extends {', '.join(links)}.\n\n" if links else ""


def _arguments(signature: inspect.Signature) -> str:
    parts: list[str] = []
    for item in signature.parameters.values():
        if item.name == "self":
            continue
        if item.kind is item.KEYWORD_ONLY and "*" not in "".join(part[:1] for part in parts):
            parts.append("*")
        stars = "*" if item.kind is item.VAR_POSITIONAL else ""
        parts.append(f"{stars}{item.name}: {_short(str(item.annotation))}{_default(item)}")
    return f"({', '.join(parts)})"


def _result(signature: inspect.Signature) -> str:
    """What a method returns, unless that is nothing."""
    returned = signature.return_annotation
    return "" if returned in ("None", None, signature.empty) else f" -> {_short(str(returned))}"


def _default(item: inspect.Parameter) -> str:
    if item.default is item.empty:
        return ""
    name = getattr(item.default, "__name__", repr(item.default))
    return f" = {'…' if 'factory' in name else name}"


def _short(text: str) -> str:
    for place in (
        "buildlib.model.events.",
        "buildlib.model.digest.",
        "buildlib.store.packs.",
        "collections.abc.",
        "typing.",
    ):
        text = text.replace(place, "")
    return text


def _text(docstring: str | None) -> str:
    """A docstring as Markdown; its tables of fields become code blocks."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    blocks, block = [], list[str]()
    for line in [*lines, ""]:
        if line:
            block.append(line)
        elif block:
            table = len(block[0].split("  ")) > 1 or block[0].startswith("    ")
            blocks.append("\n".join(f"    {one}" if table else one for one in block))
            block = []
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
