"""The files that config(1) and the compiler read because of a kernel configuration.

config(1) reads files named by `include` from the kernel sources, from the folder of the including
file (`./`), or from anywhere on the host. The sources come from the release's sets, and files in
the configuration's folder are part of the kernel's key. Other files are not allowed, because
changes to them would not be noticed. So all statements that name files are checked here, before
anything is built.

Sources: config(5); usr.bin/config, scan.l and gram.y. `ifdef` is not evaluated: all branches count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import dirname, join, normpath
from typing import NamedTuple

from buildlib.model.names import SHIPPED, bare
from buildlib.model.text import BOM

SOURCES = "sys"  # where config(1) searches, relative to the top of the sources
_TOKEN = re.compile(
    rb'"(?P<string>(?:\\"|[^"\n])*)"?|(?P<word>[^\s"=,#]+)'
    rb"|(?P<end>\n(?![ \t]))|#[^\n]*|[\s=,]"
)
_INCLUDES = frozenset({"include", "cinclude"})
_READS = _INCLUDES | {"package"}  # anywhere in a statement
_NAMES = frozenset({"prefix", "file", "object", "source", "build"})  # at its beginning
_FLAGS = frozenset({"makeoptions", "appendmakeoptions"})
_COMMAND = re.compile(r"`|\$\$\(")  # run by sh(1)
_RUN, _ABOVE = re.compile(r":(?:!|sh\b)"), re.compile(":H")  # modifiers of make(1)'s variables
_VARIABLE = re.compile(
    r"\$\{(?P<long>[^}]*)(?:\}|\Z)|\$\((?P<round>[^)]*)(?:\)|\Z)|\$(?P<short>\w)"
)
_READS_NOTHING = re.compile(r"-(?:[DU]|f\w+-prefix-map=)")
_OPTION = re.compile(r"[-@<]+[A-Za-z-]*")
LARGEST = 1 << 20  # bytes of a configuration; GENERIC has 50,000
PATH_MAX = 4096  # bytes of a path


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a statement, with its start and end in the text, including quotes."""

    text: str
    line: int
    start: int
    end: int
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class _Named:
    """A file named in a configuration by the statement `how`, relative to `base`."""

    how: str
    word: _Word
    base: str


def _faults(text: bytes) -> Iterator[tuple[int, str]]:
    """Lines and problems of text that some editors write and config(1) does not accept."""
    if text.startswith(BOM):
        yield 1, "begins with a byte order mark; save it as UTF-8 without one"
    if b"\0" in text:
        yield text.count(b"\n", 0, text.index(b"\0")) + 1, "contains a NUL"
    line, is_reported = 1, False
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "string" and match.end("string") == match.end():
            yield line, '" is not closed'
        elif match[0] == b"\r" and not is_reported:
            is_reported = True
            yield line, "the line ends in CR LF, as on Windows; save it with Unix line ends"
        line += match[0].count(b"\n")
    if text and not text.endswith(b"\n"):
        yield line, "the last line is incomplete; end it with a line feed"


class Include(NamedTuple):
    """A file that may be included from beside a text, or from the package.

    name  relative to the folder of configurations
    """

    line: int
    how: str
    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """The files that a text makes others read.

    includes  files that may be beside it, or in the package
    abroad    (line, problem) of names of files that are not part of a key
    faults    (line, problem) of text that config(1) does not accept
    """

    includes: tuple[Include, ...]
    abroad: tuple[tuple[int, str], ...]
    faults: tuple[tuple[int, str], ...]


def look_at(text: bytes, piece: str) -> Text:
    """What the text of a piece of that name makes others read."""
    named, wrong = _looked_at(text)
    return Text(
        tuple(
            Include(item.word.line, item.how, name)
            for item in named
            if (name := _beside(item, piece))
        ),
        tuple((word.line, why) for word, why in wrong),
        tuple(_faults(text)),
    )


def placed(text: bytes, piece: str, places: Mapping[str, str]) -> bytes:
    """A configuration with the names of included pieces replaced.

    piece   its name, as in `Include`
    places  the name of a piece to its replacement
    """
    parts, at = [], 0
    for item in _looked_at(text)[0]:
        if place := places.get(_beside(item, piece)):
            parts += [text[at : item.word.start], b'"%b"' % place.encode()]
            at = item.word.end
    return b"".join((*parts, text[at:]))


def _beside(item: _Named, piece: str) -> str:
    """The name of a piece, or an empty text if it cannot be one.

    A name is relative to the folder of configurations, or with `./` before it, to the folder of the
    including file. Shipped files include only shipped files.
    """
    name = item.word.text
    if item.how not in _INCLUDES or item.base != SOURCES:
        return ""
    home = SHIPPED if SHIPPED in {name[: len(SHIPPED)], piece[: len(SHIPPED)]} else ""
    name = bare(name)
    path = normpath(join(dirname(bare(piece)), name) if name.startswith("./") else name)
    return "" if path.startswith(("..", "/")) else f"{home}{path}"


def _looked_at(text: bytes) -> tuple[list[_Named], list[tuple[_Word, str]]]:
    """The files that a text names in the sources or beside it, and wrong words with reasons."""
    named: list[_Named] = []
    wrong: list[tuple[_Word, str]] = []
    bases = [SOURCES]
    for words in _statements(text):
        for at, word in enumerate(words):
            if word.is_quoted or not (word.text in _READS or (at == 0 and word.text in _NAMES)):
                continue
            if at + 1 == len(words):
                if word.text == "prefix" and len(bases) > 1:
                    bases.pop()
                continue
            item = _Named(word.text, words[at + 1], bases[-1])
            if why := _way_out(item):
                wrong.append((item.word, f'{item.how} "{item.word.text}": {why}'))
            elif word.text == "prefix":
                bases.append(normpath(join(bases[-1], item.word.text)))
            else:
                named.append(item)
        wrong += _wrong_words(words)
    return named, wrong


def _wrong_words(words: Sequence[_Word]) -> Iterator[tuple[_Word, str]]:
    """Machine names that are paths, and compiler flags that name files elsewhere."""
    kind = next((word.text for word in words if word.text != "no"), "")
    for word in words[1:]:
        if kind == "machine" and "/" in word.text:
            yield word, f"machine {word.text}: it is a path"
        elif kind in _FLAGS and (why := _flag_leads_out(word.text)):
            yield word, f'{kind} "{word.text}": {why}'


def _way_out(item: _Named) -> str:
    """Why a name leads to a file that is not part of a key, or an empty text."""
    name = item.word.text
    if "\\" in name or "\0" in name:
        return "not a plain path"
    if name.startswith(SHIPPED):
        return _why_not_shipped(item)
    if name.startswith("/"):
        return "a path of this machine"
    if name.startswith("./") and item.how in _INCLUDES:
        return "it leads out of the folder" if ".." in name.split("/") else ""
    if normpath(join(item.base, name)).split("/")[0] == "..":
        return "it leads out of the sources"
    return "longer than a path can be" if len(item.base) + len(name) > PATH_MAX else ""


def _why_not_shipped(item: _Named) -> str:
    """Why this cannot name a file of the package, or an empty text."""
    name = bare(item.word.text)
    if item.how not in _INCLUDES or item.base != SOURCES:
        return "only `include` takes what comes with goldmaster, and not below a prefix"
    return "it leads out of the folder" if normpath(name).startswith(("..", "/")) else ""


def _flag_leads_out(value: str) -> str:
    """Why compiler flags read files that are not part of a key, or an empty text.

    `$S` is the kernel's sources; other variables are known to name only files that are built here.
    """
    if _COMMAND.search(value) or _is_modified(value, _RUN):
        return "it runs a command"
    if _is_modified(value, _ABOVE):
        return "it may lead out of the sources"
    for found in _VARIABLE.finditer(value):
        if found.lastgroup != "short" and found.end(found.lastgroup or 0) == found.end():
            return "a variable of make(1) is not closed"
    plain = _VARIABLE.sub(lambda found: "\0/S" if "S" in found.groups() else "\0", value)
    words = (word for word in re.split(r"[\s,;\"'()\\]+", plain) if not _READS_NOTHING.match(word))
    parts = (part for word in words for part in re.split(r"[=:]", word))
    return next(filter(None, map(_part_leads_out, parts)), "")


def _part_leads_out(part: str) -> str:
    """The same for one path in a flag, in which NUL stands for a variable."""
    path = _OPTION.sub("", part, count=1) if part[:1] in {"-", "@", "<"} else part
    head, variable, _ = path.partition("\0")
    if variable and "/" not in head:
        inside = normpath(path[len(head) :]).startswith("\0")
    elif path.startswith("/"):
        return "a path of this machine; for the kernel's sources, write `$S/`"
    else:
        inside = normpath(path).split("/")[0] != ".."
    return "" if inside else "it leads out of the sources"


def _is_modified(value: str, modifier: re.Pattern[str]) -> bool:
    """Whether a variable of make(1) has the modifier.

    Only the first bracket before it is searched for, so the time is linear.
    """
    for part in re.split("[})]", value):
        begun = re.search(r"\$[{(]", part)
        if begun and modifier.search(part, begun.end()):
            return True
    return False


def _statements(text: bytes) -> Iterator[list[_Word]]:
    """The statements of a text; a line that begins with white space continues the previous one."""
    words: list[_Word] = []
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "end":
            if words:
                yield words
            words = []
        elif kind in {"string", "word"}:
            found = match[kind].decode("utf-8", "surrogateescape")
            words.append(_Word(found, line, match.start(), match.end(), kind == "string"))
        line += match[0].count(b"\n")
    if words:
        yield words
