"""Which files a kernel configuration makes config(1) and the compiler read.

config(1) takes what `include` names from the kernel sources, from beside the including file (`./`),
or from anywhere on the host. The sources are what the release's sets are; what lies beside the
configuration is part of the kernel's key; from anywhere else nothing may come, since nobody would
see it change. So all that names a file is looked at here, before anything is built.

Sources: config(5); usr.bin/config, scan.l and gram.y. `ifdef` is not looked at: what a branch could
read counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import join, normpath
from typing import Protocol

from buildlib.host.reading import read_small
from buildlib.model.errors import ConfigError
from buildlib.model.text import BOM

SOURCES = "sys"  # where config(1) looks, from the top of the sources
_TOKEN = re.compile(rb'"(?P<string>(?:\\"|[^"\n])*)"?|(?P<word>[^\s"=,#]+)'
                    rb"|(?P<end>\n(?![ \t]))|#[^\n]*|[\s=,]")
_READS = frozenset({"include", "cinclude", "package"})  # wherever they stand
_NAMES = frozenset({"prefix", "file", "object", "source", "build"})  # at the beginning
_FLAGS = frozenset({"makeoptions", "appendmakeoptions"})
_COMMAND = re.compile(r"\$[{(][^})]*:(?:!|sh\b)|`|\$\$\(")  # what make(1) or sh(1) would run
_ABOVE = re.compile(r"\$[{(][^})]*:H")
_VARIABLE = re.compile(r"\$\{(?P<long>[^}]*)\}|\$\((?P<round>[^)]*)\)|\$(?P<short>\w)")
_READS_NOTHING = re.compile(r"-(?:[DU]|f\w+-prefix-map=)")
_OPTION = re.compile(r"[-@<]+[A-Za-z-]*")
_TITLES = ("the kernel configuration names files that are not part of its key",
           "config(1) does not take the kernel configuration")
_HINT = ("put the file beside the configuration, and say include \"NAME\": so it is part of the "
         "kernel's key")


class Files(Protocol):
    """The files of a project, as `Project` knows them."""

    def name_of(self, path: Path) -> str:
        """How errors call a file."""

    def has_file(self, path: Path) -> bool:
        """Whether it is there; the next run looks again."""


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a statement: where it begins and ends in the text, quotes among it."""

    text: str
    line: int
    start: int
    end: int
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class _Named:
    """A file that a configuration names: by the word `how`, counting from `base`."""

    how: str
    word: _Word
    base: str


def pieces(config: Path, project: Files) -> tuple[Path, ...]:
    """The files beside a configuration that it includes, directly or not, by name.

    Raises ConfigError for all that leads out of the sources and of the configuration's folder, and
    for text that config(1) does not take: it is asked when all that it needs is compiled.
    """
    folder, problems, faults = config.parent, [], []
    found: dict[Path, set[Path]] = {}
    pending = [config]
    while pending:
        path = pending.pop()
        if path in found:
            continue
        text, name, found[path] = _read(path, project), project.name_of(path), set()
        named, wrong = _looked_at(text)
        problems += [f"{name}:{word.line}: {why}" for word, why in wrong]
        faults += [f"{name}:{line}: {why}" for line, why in _faults(text)]
        for item in named:
            beside = _beside(item, path.relative_to(folder).parent.as_posix())
            if beside and _is_there(folder / beside, project):
                found[path].add(folder / beside)
                pending.append(folder / beside)
    faults += [f"{project.name_of(path)}: includes itself" for path in found
               if path in _reached(path, found)]
    if problems or faults:
        raise ConfigError(
            _TITLES[not problems], where=(problems + faults)[0].partition(": ")[0],
            why="\n".join(problems + faults), hint=_HINT if problems else None,
            reason="kernel-config-path" if problems else "kernel-config-text")
    return tuple(sorted({*found} - {config}))


def _reached(path: Path, found: Mapping[Path, set[Path]]) -> set[Path]:
    """The pieces that a file includes, directly or not."""
    reached: set[Path] = set()
    pending = [path]
    while pending:
        more = found[pending.pop()] - reached
        reached |= more
        pending += more
    return reached


def _faults(text: bytes) -> Iterator[tuple[int, str]]:
    """What editors leave in a text and config(1) does not take, with its line."""
    if text.startswith(BOM):
        yield 1, "begins with a byte order mark; save it as UTF-8 without one"
    if b"\0" in text:
        yield text.count(b"\n", 0, text.index(b"\0")) + 1, "has a NUL"
    line, is_told = 1, False
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "string" and match.end("string") == match.end():
            yield line, '" is not closed'
        elif match[0] == b"\r" and not is_told:
            is_told = True
            yield line, "the line ends in CR LF, as on Windows; save it with Unix line ends"
        line += match[0].count(b"\n")
    if text and not text.endswith(b"\n"):
        yield line, "the last line has no end; end it with a line feed"


def _is_there(path: Path, project: Files) -> bool:
    """Whether there is such a file. The next run looks again, if it is not."""
    try:
        return project.has_file(path) and not path.is_dir()
    except OSError:  # no name that a file can have
        return False


def _read(path: Path, project: Files) -> bytes:
    try:
        return read_small(path)
    except OSError as error:
        raise ConfigError(f"{project.name_of(path)} cannot be read", where=path,
                          why=error.strerror, reason="file") from error


def placed(text: bytes, within: str, places: Mapping[str, str]) -> bytes:
    """A configuration with the names of the pieces it includes replaced.

    within  the folder that it lies in, from that of the configuration, or empty
    places  the path of a piece, from the folder of the configuration, to what is to be named
    """
    named, _ = _looked_at(text)
    for item in reversed(named):
        if place := places.get(_beside(item, within)):
            text = b"".join((text[: item.word.start], b'"%b"' % place.encode(),
                             text[item.word.end :]))
    return text


def _beside(item: _Named, within: str) -> str:
    """Where a piece of that name would lie, from the folder of the configuration; empty: nowhere.

    A name counts from there, and with `./` before it from the file that it stands in.
    """
    name = item.word.text
    if item.how not in {"include", "cinclude"} or item.base != SOURCES:
        return ""
    path = normpath(join(within, name) if name.startswith("./") else name)
    return "" if path.startswith(("..", "/")) else path


def _looked_at(text: bytes) -> tuple[list[_Named], list[tuple[_Word, str]]]:
    """The files that a text names inside of the sources or beside it, and words that are wrong."""
    named: list[_Named] = []
    wrong: list[tuple[_Word, str]] = []
    bases = [SOURCES]
    for words in _statements(text):
        for at, word in enumerate(words):
            if word.is_quoted or not (
                    word.text in _READS or (at == 0 and word.text in _NAMES)):
                continue
            if at + 1 == len(words):
                if word.text == "prefix" and len(bases) > 1:
                    bases.pop()
                continue
            item = _Named(word.text, words[at + 1], bases[-1])
            if why := _way_out(item):
                wrong.append((item.word, f"{item.how} \"{item.word.text}\": {why}"))
            elif word.text == "prefix":
                bases.append(normpath(join(bases[-1], item.word.text)))
            else:
                named.append(item)
        wrong += _wrong_words(words)
    return named, wrong


def _wrong_words(words: Sequence[_Word]) -> Iterator[tuple[_Word, str]]:
    """Names of machines that are paths, and flags of the compiler that name files elsewhere."""
    kind = next((word.text for word in words if word.text != "no"), "")
    for word in words[1:]:
        if kind == "machine" and "/" in word.text:
            yield word, f"machine {word.text}: that is a path"
        elif kind in _FLAGS and (why := _flag_leads_out(word.text)):
            yield word, f"{kind} \"{word.text}\": {why}"


def _way_out(item: _Named) -> str:
    """Why a name leads to what no key holds; empty where it does not."""
    name = item.word.text
    if "\\" in name or "\0" in name:
        return "no plain path"
    if name.startswith("/"):
        return "a path of this machine"
    if name.startswith("./") and item.how in {"include", "cinclude"}:
        return "it leads out of the folder" if ".." in name.split("/") else ""
    if normpath(join(item.base, name)).split("/")[0] == "..":
        return "it leads out of the sources"
    return ""


def _flag_leads_out(value: str) -> str:
    """Why flags for the compiler read what no key holds; empty where they do not.

    `$S` is the kernel's sources; of other variables is known that what they name is built here.
    """
    if _COMMAND.search(value):
        return "it runs a command"
    if _ABOVE.search(value):
        return "it may lead out of the sources"
    plain = _VARIABLE.sub(
        lambda found: "\0/S" if "S" in found.groups() else "\0", value)
    for word in re.split(r"[\s,;\"'()\\]+", plain):
        if _READS_NOTHING.match(word):
            continue
        for part in re.split(r"[=:]", word):
            path = _OPTION.sub("", part, count=1) if part[:1] in {"-", "@", "<"} else part
            head, variable, _ = path.partition("\0")
            if variable and "/" not in head:
                if not normpath(path[len(head) :]).startswith("\0"):
                    return "it leads out of the sources"
            elif path.startswith("/"):
                return "a path of this machine; `$S/` begins one in the kernel's sources"
            elif normpath(path).split("/")[0] == "..":
                return "it leads out of the sources"
    return ""


def _statements(text: bytes) -> Iterator[list[_Word]]:
    """The statements of a text: a line that begins with white space goes on with the one before."""
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
