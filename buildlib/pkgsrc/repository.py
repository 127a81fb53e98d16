"""A repository: summaries indexed by name, base, PKGPATH, pattern and library.

The indexes are created on first use, because reading a summary of 30,000 packages takes longer than
all searches in it.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from buildlib.model.errors import SourceError
from buildlib.model.nearness import near
from buildlib.pkgsrc.pattern import (
    Alternative,
    AnyVersion,
    Glob,
    Range,
    compile_pattern,
    newest_first,
    unusable,
)
from buildlib.pkgsrc.summary import Summary

TRIES_MAX = 1_000_000  # limit of comparisons with patterns; a set of 1,000 packages needs 100,000
_NEAREST = 3
_SO_END = re.compile(r"\.so(?:\.[0-9]+)*\Z")


class NameIndex:
    """Package names that can be searched by pattern without trying every one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(set(names))
        self._found: dict[str, tuple[str, ...]] = {}
        self._tries = 0

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        at = bisect_left(self._names, name)
        return at < len(self._names) and self._names[at] == name

    @cached_property
    def bases(self) -> Mapping[str, tuple[str, ...]]:
        """Base to its names, newest version first."""
        bases: dict[str, list[str]] = {}
        for name in self._names:
            bases.setdefault(name.rpartition("-")[0], []).append(name)
        return {
            base: tuple(names if len(names) == 1 else newest_first(names))
            for base, names in bases.items()
        }

    def matching(self, text: str) -> tuple[str, ...]:
        """All names that match the pattern `text`, best first. Raises as compile_pattern."""
        found = self._found.get(text)
        if found is None:
            names = {
                name
                for alternative in compile_pattern(text).alternatives
                for name in self._tried(alternative, text)
                if alternative.matches(name)
            }
            found = self._found[text] = tuple(names if len(names) == 1 else newest_first(names))
        return found

    def _tried(self, alternative: Alternative, text: str) -> Iterator[str]:
        """The names that it may match. Their number over all patterns is limited."""
        for name in self._candidates(alternative):
            self._tries += 1
            if self._tries > TRIES_MAX:
                raise unusable(
                    text,
                    f"after {TRIES_MAX:,} comparisons of names with patterns, more than any "
                    "repository needs",
                )
            yield name

    def _candidates(self, alternative: Alternative) -> Iterable[str]:
        match alternative:
            case Range(base):
                return self.bases.get(base, ())
            case AnyVersion(stem) | Glob(stem):
                return self._starting(stem)

    def _starting(self, stem: str) -> Iterable[str]:
        at = bisect_left(self._names, stem)
        while at < len(self._names) and self._names[at].startswith(stem):
            yield self._names[at]
            at += 1


class Repository:
    """The packages of one or more summaries. If two have the same name, the first one counts."""

    def __init__(self, summaries: Iterable[Summary], *, where: str = "pkg_summary") -> None:
        self.where = where
        self._by_name: dict[str, Summary] = {}
        for summary in summaries:
            self._by_name.setdefault(summary.pkgname, summary)

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, pkgname: object) -> bool:
        return pkgname in self._by_name

    def __getitem__(self, pkgname: str) -> Summary:
        return self._by_name[pkgname]

    @cached_property
    def names(self) -> NameIndex:
        """The names of all packages."""
        return NameIndex(self._by_name)

    @cached_property
    def _by_path(self) -> Mapping[str, list[str]]:
        paths: dict[str, list[str]] = {}
        for name, summary in self._by_name.items():
            paths.setdefault(summary.pkgpath, []).append(name)
        return paths

    @cached_property
    def _by_library(self) -> Mapping[str, list[str]]:
        libraries: dict[str, list[str]] = {}
        for name, summary in self._by_name.items():
            for library in map(library_path, summary.provides):
                libraries.setdefault(library, []).append(name)
        return libraries

    def matching(self, pattern: str) -> tuple[str, ...]:
        """All packages that match `pattern`, best first. Raises as compile_pattern."""
        return self.names.matching(pattern)

    def at(self, pkgpath: str) -> tuple[str, ...]:
        """All packages built from a PKGPATH such as `sysutils/xentools420`, newest first."""
        return tuple(newest_first(self._by_path.get(pkgpath, ())))

    def of_base(self, base: str) -> tuple[str, ...]:
        """All packages with exactly this base, newest first."""
        return self.names.bases.get(base, ())

    def providing(self, library: str) -> tuple[str, ...]:
        """The packages that provide a shared library, given by full path, newest first."""
        return tuple(newest_first(self._by_library.get(library, ())))

    def instead_of(self, text: str) -> str | None:
        """A suggestion if nothing matches `text`, for a message: its new name, or similar names."""
        if now := self._renamed(text):
            return "\n".join(f"it is now {self[name].pkgpath or name} ({name})" for name in now)
        near = self.nearest(text)
        return f"there is {', '.join(near)}" if near else None

    def _renamed(self, text: str) -> list[str]:
        """The packages that replace `text`, according to PREV_PKGPATH or SUPERSEDES."""
        if "/" in text:
            names = [
                name
                for name, summary in self._by_name.items()
                if text in summary.prev_pkgpath.split()
            ]
        else:
            bases = {_base(alternative) for alternative in compile_pattern(text).alternatives}
            names = [
                name
                for name, summary in self._by_name.items()
                if not bases.isdisjoint(_superseded(summary))
            ]
        return newest_first(names)[:_NEAREST]

    def nearest(self, text: str) -> tuple[str, ...]:
        """Suggestions for `text`, which nothing matches: PKGPATHs if it is one, else names.

        If there are packages with its base, these; otherwise those with the most similar names.
        """
        if "/" in text:
            known = sorted(path for path in self._by_path if path)
            return tuple(near(text, known, most=_NEAREST))
        alternatives = compile_pattern(text).alternatives[:_NEAREST]
        bases = [_base(alternative) for alternative in alternatives]
        same = [name for base in bases for name in self.of_base(base)]
        if same:
            return tuple(same[:_NEAREST])
        known = sorted(self.names.bases)
        alike = [other for base in bases for other in near(base, known, most=_NEAREST)]
        return tuple(name for base in alike[:_NEAREST] for name in self.of_base(base)[:1])


def library_path(text: str) -> str:
    """A library's path without `.`, `..` and `//`. REQUIRES has the output of ldd(1), which
    contains the rpath unchanged. Source: pkgsrc, mk/pkgformat/pkg/metadata.mk 1.30.
    """
    if "/." not in text and "//" not in text:
        return text
    return posixpath.normpath("/" + text.lstrip("/"))


def is_in_provides(library: str, prefix: str) -> bool:
    r"""Whether a package that contains `library` (from `library_path`) lists it in PROVIDES.

    PROVIDES has only the files of a packing list that match awk's `/lib.*\.so(\.[0-9]+)*$`: not
    `lib/lua/5.4/lpeg.so`, and not `lib/libreadline.so.8.2a`. REQUIRES has everything that ldd(1)
    finds. Source: pkgsrc, mk/pkgformat/pkg/metadata.mk 1.30.
    """
    inside = prefix.rstrip("/") + "/"
    at = library.find("/lib", len(inside))
    return (
        library.startswith(inside)
        and at >= 0
        and _SO_END.search(library, at + len("/lib")) is not None
    )


def _superseded(summary: Summary) -> Iterator[str]:
    """The bases of the packages that it supersedes; invalid patterns are skipped.

    pkgsrc writes all patterns on one line: metadata.mk 1.30, `SUPERSEDES=${SUPERSEDES}`.
    """
    for text in " ".join(summary.supersedes).split():
        with contextlib.suppress(SourceError):
            yield from map(_base, compile_pattern(text).alternatives)


def _base(alternative: Alternative) -> str:
    """The base of an alternative, as far as it is known."""
    if isinstance(alternative, Range):
        return alternative.base
    stem = alternative.stem
    base, hyphen, version = stem.rpartition("-")
    return base if hyphen and not version.strip("0123456789.") else stem.rstrip("-")
