r"""Reads files in the style of rc.conf without running a shell; on servers, sh reads them.

    # comments, and blank lines
    memory=4096             bare: letters, digits and . _ / : , @ % + = -
    image='base.ffs'        everything but '
    bridges="bridge0 wm1"   everything but " $ ` \

One assignment per line, values in ASCII, names in lower case. This is a strict subset of sh(1)'s
plain assignments: nothing here can expand, run, or set PATH or IFS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN = r"A-Za-z0-9._/:,@%+=-"
_LINE = re.compile(
    rf"""[ \t]*(?:([a-z][a-z0-9_]*)=
         (?: '([\t\ -&(-~]*)' | "([\t\ !\#%-\[\]-_a-~]*)" | ([{_PLAIN}]*) )
         (?=[ \t]|\Z))?
         [ \t]*(?:\#.*)?""",
    re.VERBOSE | re.DOTALL,
).fullmatch
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f]").search
_NOT_BARE = re.compile(rf"[^{_PLAIN}]").search
_LOOSE = re.compile(r"[ \t]*([^ \t=]+)([ \t]*)=([ \t]*)(.*)", re.DOTALL).fullmatch
_NAMED = re.compile(r"[ \t]*([a-z][a-z0-9_]*)[ \t]*=").match
_NAME = re.compile(r"[a-z][a-z0-9_]*").fullmatch


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A mistake in a file.

    file    path from the site's folder
    line    from 1; 0: the whole file
    what    one sentence without a full stop
    hint    what to do, if that is not obvious
    reason  a short stable identifier, for programs
    """

    file: str
    line: int
    what: str
    hint: str = ""
    reason: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}{'; ' if self.hint else ''}{self.hint}"


def quoted(text: str) -> str:
    """A value in quotes, for a message; a long one is shortened and its length added."""
    return repr(text) if len(text) <= 60 else f"{text[:40] + '…'!r} ({len(text)} characters)"


@dataclass(frozen=True, slots=True)
class Conf:
    """The assignments of a file, by name: value, and line from 1; `lines` has invalid ones, too."""

    file: str
    values: dict[str, str]
    lines: dict[str, int]

    def line(self, name: str) -> int:
        """The line that sets a name; 0 if there is none."""
        return self.lines.get(name, 0)


def parse(data: bytes, file: str, problems: list[Problem]) -> Conf:
    """The assignments of a file; invalid lines are added to `problems`."""
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    conf = Conf(file, values, lines)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file, line, "is not UTF-8 text", reason="syntax"))
        return conf
    clean = not _CONTROL(text)
    for number, words in enumerate(text.split("\n"), 1):
        found = _LINE(words) if clean or not _CONTROL(words) else None
        if found is None:
            what, hint = _diagnosis(words)
            problems.append(Problem(file, number, what, hint, "syntax"))
            named = _NAMED(words)
            if named:
                lines.setdefault(named[1], number)
            continue
        if found[1] is None:
            continue
        name, single, double, bare = found.groups()
        if name in values:
            problems.append(
                Problem(
                    file,
                    number,
                    f"{name} is already set in line {lines[name]}",
                    "keep one of them",
                    "twice",
                )
            )
        values[name] = single if single is not None else double if double is not None else bare
        lines[name] = number
    return conf


def _diagnosis(line: str) -> tuple[str, str]:
    """The mistake in a line that is not an assignment, and what to do."""
    control = _CONTROL(line)
    if control:
        return (
            f"has the control character {control[0]!r}",
            "save it with Unix line ends" if control[0] == "\r" else "",
        )
    found = _LOOSE(line)
    if not found:
        return "is neither name=value nor a comment", ""
    name, before, after, value = found.groups()
    if before or after:
        return "has blanks around the =", f"write {name}=…"
    if not _NAME(name):
        return f"{name!r} is not a valid name: use a-z, 0-9 and _, beginning with a letter", ""
    is_quoted = value[:1] in {"'", '"'}
    return _in_quotes(name, value[1:], value[0]) if is_quoted else _bare(name, value)


def _bare(name: str, value: str) -> tuple[str, str]:
    wrong = _NOT_BARE(value)
    char = wrong[0] if wrong else value
    if char in " \t":
        return f"{name}: a second word after the value", f'write {name}="…"'
    if not char.isascii():
        return f"{name}: {char!r} is not ASCII", ""
    return f"{name}: {char!r} has a meaning for the shell", f"write {name}='…'"


def _in_quotes(name: str, rest: str, quote: str) -> tuple[str, str]:
    inside, closed, after = rest.partition(quote)
    foreign = next((char for char in inside if not char.isascii()), None)
    if not closed:
        return f"{name}: {quote} is not closed on this line", ""
    if foreign:
        return f"{name}: {foreign!r} is not ASCII", ""
    live = next((char for char in inside if char in "$`\\"), None)
    if quote == '"' and live:
        return (
            f"{name}: {live!r} has a meaning for the shell, even in double quotes",
            "use single quotes",
        )
    if after[:1] in {" ", "\t"}:
        return f"{name}: a second word after the value", "put both into one pair of quotes"
    return f"{name}: text right after the closing quote", ""
