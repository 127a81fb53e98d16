"""Converts Markdown to manual pages in mdoc(7)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

_SPAN = re.compile(r"`([^`]+)`|\[([^\]]+)\]\([^)]+\)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
# Characters and their roff escapes.
_GLYPHS = {"\\": "\\e", "…": "...", "–": "\\(en", "→": "\\(->", "×": "\\(mu"}
# Characters that roff would replace by typographic ones.
_TYPED = {"-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"}
_DELIMITERS = ".,:;()[]?!|"
_OPENING, _CLOSING = re.compile(r"[(\[]+$"), re.compile(r"^[.,:;)\]?!]+")
# A word of two or three letters may be taken for a macro.
_MACRO = re.compile(r"%?[A-Z][A-Za-z0-9]{1,2}|[A-Z][a-z]")


def head(title: str, section: int, date: str, purpose: str) -> list[str]:
    """The first lines of every page."""
    return [
        f".Dd {date}",
        f".Dt {title.upper()} {section}",
        ".Os",
        ".Sh NAME",
        f".Nm {title}",
        f".Nd {purpose}",
    ]


def paragraphs(text: str) -> list[str]:
    """Paragraphs of Markdown; indented ones are literal."""
    lines: list[str] = []
    for number, part in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if part.startswith("    "):
            lines += literal(textwrap.dedent(part))
        else:
            lines += [".Pp"] * bool(number) + prose(part)
    return lines


def prose(text: str) -> list[str]:
    """A paragraph: sentences, names in backquotes, links as their text."""
    lines: list[str] = []
    text = " ".join(text.split())
    at = 0
    opened = ""
    for found in [*_SPAN.finditer(text), None]:
        before = text[at : found.start() if found else len(text)]
        if at:
            before = _attach(lines, before)
        opened = (_OPENING.search(before) or [""])[0] if found else ""
        if opened and before.removesuffix(opened)[-1:].strip():
            opened = ""  # part of a word
        lines += _sentences(before.removesuffix(opened))
        if found:
            lines.append(" ".join([".Ql", *opened, argument(found[1] or found[2])]))
            at = found.end()
    return lines


def _attach(lines: list[str], after: str) -> str:
    """Append the text that directly follows a macro to its line; returns the rest."""
    closing = (_CLOSING.match(after) or [""])[0]
    lines[-1] += "".join(f" {mark}" for mark in closing)
    after = after.removeprefix(closing)
    word = re.match(r"\S*", after)
    if word and word[0]:
        lines[-1] += f" Ns {text(word[0])}"
        after = after.removeprefix(word[0])
    return after


def _sentences(words: str) -> Iterator[str]:
    """Sentences, each on a new line, wrapped."""
    for sentence in _SENTENCE.split(words.strip()):
        for line in textwrap.wrap(sentence, 78, break_long_words=False, break_on_hyphens=False):
            yield f"\\&{text(line)}" if line[0] in ".'" else text(line)


def text(words: str) -> str:
    """Words of a text line, escaped."""
    return "".join(_GLYPHS.get(letter, letter) for letter in words)


def argument(words: str) -> str:
    """Words as one literal argument of a macro, escaped."""
    safe = _typed(words)
    if " " in safe:
        return f'"{safe}"'
    return f"\\&{safe}" if words in _DELIMITERS or _MACRO.fullmatch(words) else safe


def literal(words: str) -> list[str]:
    """Lines shown literally."""
    lines = map(_typed, words.splitlines())
    shown = [f"\\&{line}" if line.startswith(".") else line for line in lines]
    return [".Bd -literal -offset indent", *shown, ".Ed"]


def _typed(words: str) -> str:
    return "".join((_GLYPHS | _TYPED).get(letter, letter) for letter in words)


def items(entries: Iterable[tuple[str, list[str]]], *, width: str = "Ds") -> list[str]:
    """A list of entries: the macros of a heading, and the lines of its body."""
    lines = [f".Bl -tag -width {width}"]
    for title, body in entries:
        lines += [f".It {title}", *body]
    return [*lines, ".El"]


def usage(words: str) -> str:
    """The arguments of a command's usage, `[--json] NAME [to=FILE]`, as macros."""
    return " ".join(map(_word, re.findall(r"\[[^]]*\]|\S+", words)))


def _word(word: str) -> str:
    if word.startswith("["):
        return f"Oo {' '.join(map(_word, word[1:-1].split()))} Oc"
    if word.startswith("--"):
        return f"Fl {argument(word[1:])}"
    name, is_set, value = word.partition("=")
    if is_set:
        return f"Cm {name} Ns = Ns Ar {argument(value)}"
    return f"Ar {argument(word)}" if word != "..." else word
