"""Packing lists: the `+CONTENTS` of a package.

    @name xz-5.4.6
    @cwd /usr/pkg
    @pkgdep gettext-lib>=0.22
    bin/xz
    @comment MD5:0cc175b9c0f1b6a831c399e269772661
    bin/lzma
    @comment Symlink:xz
    @ignore
    +COMMENT

A line that starts with `@` is a directive, any other line the path of a file; trailing white space
and empty lines are ignored. A comment directly after a file contains its MD5 or the target of the
link. `@owner`, `@group` and `@mode` apply until the next of their kind, or one without an argument.
`@ignore` excludes the next line from the list: the package's own metadata.

pkg_add unpacks every file below the *first* `@cwd`, whatever later ones say; these only matter to
pkg_info (the last one, before the ignored files, is always wrong). This module does the same.
Sources: pkg_create(1); pkg_install, lib/plist.c, create/pl.c, add/perform.c.

Stricter than pkg_install, which compares only the beginning of a directive (`@cwdx` is `@cwd x`)
and skips unknown ones: here both are errors, and so are paths that lead out of the prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.modes import is_mode

LINES_MAX = 1_000_000  # the longest lists have a tenth of this
ITEMS_MAX = 300_000  # lines that are not empty; each takes memory

PATH_MAX = 1024  # PATH_MAX of NetBSD
_SPACE = " \t\n\v\f\r"
_MD5 = "MD5:"
_SYMLINK = "Symlink:"
_MD5_HEX = re.compile(r"[0-9a-f]{32}\Z")


class Kind(StrEnum):
    """The kind of a line in a packing list; the value is the directive's name, empty for a file."""

    FILE = ""
    BLDDEP = "blddep"
    COMMENT = "comment"
    CWD = "cwd"
    DIRRM = "dirrm"
    DISPLAY = "display"
    EXEC = "exec"
    GROUP = "group"
    IGNORE = "ignore"
    MODE = "mode"
    NAME = "name"
    OPTION = "option"
    OWNER = "owner"
    PKGCFL = "pkgcfl"
    PKGDEP = "pkgdep"
    PKGDIR = "pkgdir"
    SRC = "src"
    UNEXEC = "unexec"


_KINDS = {str(kind): kind for kind in Kind if kind} | {"cd": Kind.CWD}
_BARE = frozenset({Kind.IGNORE})
_OPTIONAL = frozenset({Kind.COMMENT, Kind.GROUP, Kind.MODE, Kind.OWNER})
_PATHS = frozenset({Kind.CWD, Kind.FILE, Kind.DIRRM, Kind.PKGDIR})


@dataclass(frozen=True, slots=True)
class Directive:
    """One line. `argument` is the path of a file, or the argument of a directive.

    `line` counts from 1; it is 0 for a directive that was not read from a file.
    """

    kind: Kind
    argument: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class PlistFile:
    """A file that the package installs, with its attributes.

    `path` is relative to the prefix. `md5` is hex, `symlink` the target; both are empty if the list
    does not have them. If owner, group or mode is empty, that of the archive applies.
    """

    path: str
    md5: str = ""
    symlink: str = ""
    owner: str = ""
    group: str = ""
    mode: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Plist:
    """A packing list: its lines in order, and its files in the order of the archive."""

    directives: tuple[Directive, ...]
    files: tuple[PlistFile, ...]
    name: str
    prefix: str

    def arguments(self, kind: Kind) -> tuple[str, ...]:
        """The arguments of all directives of one kind, in order, without ignored lines."""
        return tuple(item.argument for item in _counted(self.directives) if item.kind is kind)


def parse_plist(data: bytes, *, where: str = "+CONTENTS") -> Plist:
    """The packing list in `data`.

    Raises SourceError (`plist`) with the line: unknown directive, missing or surplus argument, path
    that leads out of the prefix, bad mode or digest, no `@name` or `@cwd`, too many lines.
    """
    if data.count(b"\n") > LINES_MAX:
        raise _bad(f"more than {LINES_MAX:,} lines, which no package has", where)
    lines = data.decode(errors="surrogateescape").split("\n")
    directives = (
        _directive(text, number, where)
        for number, line in enumerate(lines, 1)
        if (text := line.rstrip(_SPACE))
    )
    return plist_of(directives, where=where)


def plist_of(directives: Iterable[Directive], *, where: str = "+CONTENTS") -> Plist:
    """The packing list made of `directives`, with the checks of `parse_plist`."""
    ordered = tuple(islice(directives, ITEMS_MAX + 1))
    if len(ordered) > ITEMS_MAX:
        raise _bad(f"more than {ITEMS_MAX:,} files and directives, which no package has", where)
    name = next((d.argument for d in ordered if d.kind is Kind.NAME), "")
    prefix = next((d.argument for d in ordered if d.kind is Kind.CWD), "")
    for value, word in ((name, "@name"), (prefix, "@cwd")):
        if not value:
            raise _bad(f"no {word} in the packing list", where)
    if ".." in prefix.split("/"):
        raise _bad(f"the prefix {prefix!r} contains `..`", where)
    return Plist(ordered, tuple(_files(ordered, where)), name, prefix)


def format_plist(plist: Plist) -> bytes:
    """`plist` as bytes; the inverse of `parse_plist`.

    Raises SourceError (`plist`) for a line that would be read as something else.
    """
    lines = []
    for item in plist.directives:
        text = item.argument if item.kind is Kind.FILE else f"@{item.kind} {item.argument}"
        line = text.rstrip(_SPACE)
        if "\n" in line or _directive(line, 0, "+CONTENTS") != item:
            raise _bad(f"{text!r} cannot be written in a packing list", "+CONTENTS")
        lines.append(line + "\n")
    return "".join(lines).encode(errors="surrogateescape")


def _directive(text: str, line: int, where: str) -> Directive:
    if "\0" in text:
        raise _bad("a NUL byte in the packing list", where, line)
    if not text.startswith("@"):
        kind, argument = Kind.FILE, text
        if not text:
            raise _bad("an empty path", where, line)
    else:
        word, _, rest = text[1:].replace("\t", " ").partition(" ")
        argument = text[len(text) - len(rest) :].strip(_SPACE)
        found = _KINDS.get(word)
        if found is None:
            raise _bad(f"unknown directive @{word}", where, line)
        kind = found
        if kind in _BARE and argument:
            raise _bad(f"@{word} takes no argument", where, line)
        if kind not in _BARE | _OPTIONAL and not argument:
            raise _bad(f"@{word} needs an argument", where, line)
    if kind in _PATHS and len(argument) > PATH_MAX:
        raise _bad(f"{argument[:80]!r}… is longer than {PATH_MAX} characters", where, line)
    if kind in _PATHS and not _inside(argument, kind):
        how = "contains `..`" if kind is Kind.CWD else "leads out of the prefix"
        raise _bad(f"{argument!r} {how}", where, line)
    if kind is Kind.MODE and argument and not is_mode(argument):
        raise _bad(f"{argument!r} is not a mode", where, line)
    return Directive(kind, argument, line)


def _inside(path: str, kind: Kind) -> bool:
    # old lists have full paths of managed directories
    return ".." not in path.split("/") and (kind is not Kind.FILE or not path.startswith("/"))


def _files(directives: tuple[Directive, ...], where: str) -> Iterator[PlistFile]:
    force = {Kind.OWNER: "", Kind.GROUP: "", Kind.MODE: ""}
    rooted = False
    following = iter((*directives[1:], Directive(Kind.COMMENT)))
    skip = False
    for item, after in zip(directives, following, strict=True):
        if skip:
            skip = False
        elif item.kind is Kind.IGNORE:
            skip = True
        elif item.kind in force:
            force[item.kind] = item.argument
        elif item.kind is Kind.CWD:
            rooted = True
        elif item.kind is Kind.FILE:
            if not rooted:
                raise _bad(f"{item.argument!r} comes before any @cwd", where, item.line)
            yield _file(item, after, force, where)


def _file(item: Directive, after: Directive, force: dict[Kind, str], where: str) -> PlistFile:
    comment = after.argument if after.kind is Kind.COMMENT else ""
    md5 = comment.removeprefix(_MD5) if comment.startswith(_MD5) else ""
    if comment.startswith(_MD5) and not _MD5_HEX.match(md5):
        raise _bad(f"{item.argument!r} has a bad MD5", where, after.line)
    return PlistFile(
        path=item.argument,
        md5=md5,
        symlink=comment.removeprefix(_SYMLINK) if comment.startswith(_SYMLINK) else "",
        owner=force[Kind.OWNER],
        group=force[Kind.GROUP],
        mode=force[Kind.MODE],
        line=item.line,
    )


def _counted(directives: tuple[Directive, ...]) -> Iterator[Directive]:
    """The lines that are not excluded by `@ignore`."""
    items = iter(directives)
    for item in items:
        if item.kind is Kind.IGNORE:
            next(items, None)
        else:
            yield item


def _bad(what: str, where: str, line: int = 0) -> SourceError:
    return SourceError(what, where=f"{where}, line {line}" if line else where, reason="plist")
