"""pkg_summary(5): the list of packages in a repository.

    PKGNAME=xz-5.4.6
    DEPENDS=gettext-lib>=0.22
    REQUIRES=/usr/lib/libc.so.12
    …
    (an empty line ends the package)

A variable with several lines repeats its name on each. The file is read as a stream, one package at
a time: a quarterly repository has 30,000 of them in 80 MB. Of the variables that pkg_summary(5)
calls required, only PKGNAME is necessary here: without the others, a package can still be
installed. Unknown variables are skipped.

FILE_NAME, FILE_SIZE and FILE_CKSUM are written by the repository's indexer, not by pkg_info; if
they are missing, the name is PKGNAME.tgz, and size and digest are unknown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import cast

from buildlib.model.errors import SourceError

_BLOCK = 1 << 18  # bytes; data that fits into the processor's cache is copied three times as fast
_RECORD_MAX = 16 << 20  # a package's summary has a few kilobytes
PACKAGES_MAX = 200_000  # the largest repository has 30,000
MEMORY_MAX = 240 << 20  # approximate bytes for all packages; those 30,000 take half of it
_EACH, _ITEM = 400, 60  # bytes of a package without its text, and of one of its dependencies
_BLANK = b"\n\n"
_LINES = re.compile(r"(?:\A|(?<=\n))[^\n]*")
_PKGNAME = re.compile(r"(?![!-~]{256})[!-.0-~]+-[!-.0-~]*\Z")
_FILE_NAME = re.compile(r"(?!\.|[!-~]{256})[!-.0-~]+\Z")
_Z = r"\Z"
_DIGITS = 18
_DESCRIPTION = "\nDESCRIPTION="
_END = "\n\n"


# not frozen, because creating 30,000 would take three times as long; treat it as immutable
@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Summary:
    """One package of a repository. Missing texts are empty; sizes are in bytes."""

    pkgname: str
    pkgpath: str = ""
    comment: str = ""
    depends: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()  # shared libraries, by full path
    requires: tuple[str, ...] = ()
    file_name: str = ""
    file_size: int | None = None
    file_cksum: str = ""  # "ALGORITHM HEX"
    size_pkg: int | None = None  # installed
    machine_arch: str = ""
    opsys: str = ""
    os_version: str = ""
    build_date: str = ""
    categories: str = ""
    homepage: str = ""
    license: str = ""
    pkg_options: str = ""
    pkgtools_version: str = ""
    prev_pkgpath: str = ""
    description: str = ""  # lines joined by newlines

    @property
    def archive(self) -> str:
        """The file name in the repository's folder."""
        return self.file_name or f"{self.pkgname}.tgz"


# pkg_info -X writes +CONTENTS, +COMMENT, +SIZE_PKG, the sorted +BUILD_INFO, the file and +DESC
_ORDER = (
    "PKGNAME",
    "DEPENDS",
    "CONFLICTS",
    "COMMENT",
    "SIZE_PKG",
    "BUILD_DATE",
    "CATEGORIES",
    "HOMEPAGE",
    "LICENSE",
    "MACHINE_ARCH",
    "OPSYS",
    "OS_VERSION",
    "PKGPATH",
    "PKGTOOLS_VERSION",
    "PKG_OPTIONS",
    "PREV_PKGPATH",
    "PROVIDES",
    "REQUIRES",
    "SUPERSEDES",
    "FILE_NAME",
    "FILE_SIZE",
    "FILE_CKSUM",
    "DESCRIPTION",
)
_VARIABLES = frozenset(_ORDER)
_TEXTS = frozenset({"COMMENT", "DESCRIPTION"})  # may have several lines
_LISTS = frozenset({"DEPENDS", "CONFLICTS", "PROVIDES", "REQUIRES", "SUPERSEDES"})


class _WrongLine(Exception):  # noqa: N818  internal: `parse` converts it into an error
    """Line `line` of a package, counted from 0, is invalid."""

    def __init__(self, what: str, line: int, why: str | None) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.why = why


def parse(stream: Iterable[bytes], *, where: str = "pkg_summary") -> Iterator[Summary]:
    """The packages in `stream` (a binary file, or its content in pieces of any size), in order.

    Raises SourceError (`summary`) with the number of an invalid line, for a package that does not
    end, and for more than PACKAGES_MAX or MEMORY_MAX; earlier packages have been yielded by then.
    """
    line = 1
    count, room = 0, MEMORY_MAX
    for text in _texts(stream, where):
        records = text.split("\n\n")
        for number, record in enumerate(records):
            body = record.lstrip("\n")
            if body:
                try:
                    summary = _summary(body)
                except _WrongLine as wrong:
                    line += sum(before.count("\n") + 2 for before in records[:number])
                    line += len(record) - len(body) + wrong.line
                    raise _bad(wrong.what, where, line, why=wrong.why) from None
                room -= _weight(summary, body)
                count += 1
                if room < 0 or count > PACKAGES_MAX:
                    raise _bad(
                        "more packages than any repository has",
                        where,
                        why=f"{count} packages; at most {PACKAGES_MAX} in "
                        f"{MEMORY_MAX >> 20} MiB of memory are allowed",
                    )
                yield summary
        line += text.count("\n") + 2


def _weight(summary: Summary, body: str) -> int:
    """The approximate memory of a package in bytes."""
    return (
        sys.getsizeof(body)
        + _EACH
        + _ITEM
        * (
            len(summary.depends)
            + len(summary.conflicts)
            + len(summary.requires)
            + len(summary.provides)
            + len(summary.supersedes)
        )
    )


def format_summary(summaries: Iterable[Summary]) -> bytes:
    """`summaries` as pkg_summary(5), sorted by name; the inverse of `parse`.

    Raises SourceError (`summary`) for an invalid name, and for a value with a newline in a variable
    of one line.
    """
    ordered = sorted(summaries, key=lambda summary: summary.pkgname)
    return "".join(_record(summary) for summary in ordered).encode(errors="surrogateescape")


def _texts(stream: Iterable[bytes], where: str) -> Iterator[str]:
    """The stream in pieces that each end at the end of a package, without the empty line."""
    rest = b""
    for block in _blocks(stream):
        joined = rest + block
        end = joined.rfind(_BLANK)
        if end < 0:
            rest = joined
        else:
            text = str(memoryview(joined)[:end], "utf-8", "surrogateescape")
            if sys.getsizeof(text) > 2 * _RECORD_MAX:  # with characters of four bytes each
                raise _bad("a package is too long", where, why="its text takes 32 MiB of memory")
            yield text
            rest = joined[end + len(_BLANK) :]
        if len(rest) > _RECORD_MAX:
            raise _bad("a package is too long", where, why="no empty line in 16 MiB")
    if rest:
        yield rest.decode(errors="surrogateescape").removesuffix("\n")


def _blocks(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The stream in pieces of about _BLOCK bytes; a file is read in blocks, not line by line."""
    read = getattr(stream, "read", None)
    if read is not None:
        yield from iter(lambda: cast("bytes", read(_BLOCK)), b"")
        return
    pieces: list[bytes] = []
    size = 0
    for piece in stream:
        pieces.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(pieces)
            pieces, size = [], 0
    yield b"".join(pieces)


@cache
def _usual() -> re.Pattern[str]:
    """Pattern of a package as written by pkg_info -X, with a group for each variable of _ORDER.

    Nearly all packages match, and one match takes a fifth of the time of parsing each line. Text
    that does not match may still be a package.
    """
    forms = {name: f"((?:{name}=.*\n)*+)" for name in _LISTS} | {
        "PKGNAME": f"PKGNAME=({_PKGNAME.pattern.removesuffix(_Z)})\n",
        "FILE_NAME": f"(?:FILE_NAME=({_FILE_NAME.pattern.removesuffix(_Z)})\n)?+",
        "DESCRIPTION": "DESCRIPTION=((?s:.*))",
    }
    for name in ("FILE_SIZE", "SIZE_PKG"):
        forms[name] = f"(?:{name}=([0-9]{{1,{_DIGITS}}})\n)?+"
    return re.compile("".join(forms.get(name, f"(?:{name}=(.*)\n)?+") for name in _ORDER))


def _summary(record: str) -> Summary:
    found = _usual().match(record)
    if found is not None:
        *parts, text = found.groups("")
        description = text.replace(_DESCRIPTION, "\n")
        lines = (len(text) - len(description)) // (len(_DESCRIPTION) - 1)
        if lines == text.count("\n"):  # no other variable among them
            return _made(*parts, description)
    values = _values(record)
    if wrong := _wrong(values):
        raise _wrong_value(record, *wrong)
    return _made(*(_part(values, name) for name in _ORDER))


def _part(values: dict[str, str], name: str) -> str:
    """A variable in the form found by `_usual`: all lines of a list, or else the value."""
    if name not in _LISTS or name not in values:
        return values.get(name, "")
    return "".join(f"{name}={item}\n" for item in values[name].split("\n"))


def _made(*parts: str) -> Summary:
    (
        pkgname, depends, conflicts, comment, size_pkg, build_date, categories, homepage, license_,
        machine_arch, opsys, os_version, pkgpath, pkgtools_version, pkg_options, prev_pkgpath,
        provides, requires, supersedes, file_name, file_size, file_cksum, description,
    ) = parts  # fmt: skip
    return Summary(
        pkgname=pkgname,
        pkgpath=pkgpath,
        comment=comment,
        depends=tuple(_many("DEPENDS", depends)) if depends else (),
        conflicts=tuple(_many("CONFLICTS", conflicts)) if conflicts else (),
        supersedes=tuple(_many("SUPERSEDES", supersedes)) if supersedes else (),
        provides=tuple(map(_shared, _many("PROVIDES", provides))) if provides else (),
        requires=tuple(map(_shared, _many("REQUIRES", requires))) if requires else (),
        file_name=file_name,
        file_size=int(file_size) if file_size else None,
        file_cksum=file_cksum,
        size_pkg=int(size_pkg) if size_pkg else None,
        machine_arch=_shared(machine_arch),
        opsys=_shared(opsys),
        os_version=_shared(os_version),
        build_date=build_date,
        categories=_shared(categories),
        homepage=homepage,
        license=_shared(license_),
        pkg_options=pkg_options,
        pkgtools_version=_shared(pkgtools_version),
        prev_pkgpath=prev_pkgpath,
        description=description,
    )


def _values(record: str) -> dict[str, str]:
    """Variable to value, the lines of one variable joined by newlines."""
    head, *description = record.split(_DESCRIPTION)
    values: dict[str, list[str]] = {}
    # descriptions are half of the file, and nearly always end their package: parse it as a whole
    if description and "\n" not in "".join(description):
        values["DESCRIPTION"] = description
        record = head
    for number, line in enumerate(_LINES.finditer(record)):
        text = line[0]
        name, equals, value = text.partition("=")
        if name in values:
            values[name].append(value)
        elif equals:
            if name in _VARIABLES:
                values[name] = [value]
        else:
            raise _WrongLine(f"{text[:60]!r} is not VARIABLE=VALUE", number, _likely(text))
    return {name: "\n".join(values.pop(name)) for name in list(values)}


def _many(name: str, lines: str) -> list[str]:
    return lines[len(name) + 1 : -1].split(f"\n{name}=")


# thousands of packages need the same libraries: sharing strings saves half of the memory
_shared = sys.intern


def _wrong(values: dict[str, str]) -> tuple[str, str] | None:
    """A variable whose value is wrong, and what it should be."""
    for name, text in values.items():
        if "\n" in text and name not in _TEXTS | _LISTS:
            return name, "on one line"
    if not _PKGNAME.match(values.get("PKGNAME", "")):
        return "PKGNAME", "the name of a package"
    if "FILE_NAME" in values and not _FILE_NAME.match(values["FILE_NAME"]):
        return "FILE_NAME", "the name of a file"
    for name in ("FILE_SIZE", "SIZE_PKG"):
        text = values.get(name, "0")
        if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
            return name, "a number"
    return None


def _wrong_value(record: str, name: str, expected: str) -> _WrongLine:
    """The error for a wrong value, with the line of the variable."""
    lines = record.split("\n")
    found = [(at, text) for at, text in enumerate(lines) if text.startswith(f"{name}=")]
    if not found:
        return _WrongLine("a package without a name", 0, f"{name} is missing")
    at, text = found[-1]  # if it is given twice, report the second line
    why = f"{name} is given {len(found)} times" if len(found) > 1 else f"{name} is not {expected}"
    return _WrongLine(f"{text[:60]!r} is invalid", at, why)


def _record(summary: Summary) -> str:
    if not _PKGNAME.match(summary.pkgname):
        raise _bad(f"{summary.pkgname!r} is not the name of a package", "pkg_summary")
    lines = []
    for variable in _ORDER:
        value = getattr(summary, variable.lower())
        if value is None or value in {"", ()}:
            continue
        if isinstance(value, tuple):
            lines += [f"{variable}={item}" for item in value]
            single = not any("\n" in item for item in value)
        else:
            text = str(value)
            single = variable in _TEXTS or "\n" not in text
            lines += [f"{variable}={part}" for part in text.split("\n")]
        if not single:
            raise _bad(f"{summary.pkgname}: {variable} contains a newline", "pkg_summary")
    return "\n".join(lines) + _END


def _likely(text: str) -> str | None:
    """The probable origin of a line that is not a variable."""
    return "this is a web page" if text.lstrip().startswith("<") else None


def _bad(what: str, where: str, line: int | None = None, *, why: str | None = None) -> SourceError:
    place = where if line is None else f"{where}, line {line}"
    return SourceError(what, where=place, why=why, reason="summary")
