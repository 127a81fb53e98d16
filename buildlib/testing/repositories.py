"""Generates repositories of binary packages of any size; the same Shape gives the same repository.

They resemble those of pkgsrc: a few packages that many depend on, libraries in PROVIDES and
REQUIRES, dependency patterns of all forms, many small files and a few large ones. Every package can
be installed: `resolve` finds a set for any selection.

    shape = Shape(packages=200, files=20, size=10_000_000)
    write_repository(folder, package_sources(shape))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from buildlib.model.tree import Entry
from buildlib.pkgsrc.summary import Summary, format_summary
from buildlib.pkgsrc.version import split_pkgname
from buildlib.pkgsrc.writer import Member, PackageSource, SourceFile, make_package
from buildlib.sources.archive.pack import gzip_stored, tar
from buildlib.testing.chance import Chance

Pack: TypeAlias = Callable[[Iterable[bytes]], Iterable[bytes]]

TIME = 1_735_689_600  # 2025-01-01
SYSTEM_LIBRARIES = (
    "/usr/lib/libc.so.12",
    "/usr/lib/libm.so.0",
    "/usr/lib/libpthread.so.1",
    "/usr/lib/libz.so.1",
)
OLDER = "0.1"  # the older version, for packages with two versions

_SYLLABLES = (
    "an",
    "bel",
    "cor",
    "dan",
    "el",
    "fer",
    "gra",
    "hol",
    "is",
    "jun",
    "kal",
    "lim",
    "mor",
    "ned",
    "or",
    "pol",
    "qua",
    "ras",
    "sol",
    "tan",
    "ul",
    "ver",
    "wil",
    "xen",
    "yar",
    "zet",
)
_FIRST = ("", "", "", "lib", "lib", "p5-", "py312-", "ruby33-", "R-", "tex-", "go-")
_CATEGORIES = (
    "archivers",
    "audio",
    "databases",
    "devel",
    "graphics",
    "lang",
    "mail",
    "math",
    "net",
    "security",
    "sysutils",
    "textproc",
    "www",
    "x11",
)
_LICENSES = ("gnu-gpl-v2", "gnu-lgpl-v2.1", "modified-bsd", "mit", "apache-2.0", "isc")
_WORDS = (
    "a",
    "and",
    "the",
    "of",
    "to",
    "in",
    "for",
    "with",
    "it",
    "is",
    "that",
    "can",
    "be",
    "used",
    "from",
    "as",
    "library",
    "program",
    "files",
    "reads",
    "writes",
    "data",
    "format",
    "server",
    "client",
    "network",
    "text",
    "small",
    "fast",
    "tools",
    "functions",
    "support",
    "interface",
    "supports",
    "language",
    "module",
    "provides",
    "other",
    "which",
    "many",
)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The properties of a repository.

    packages     how many; `older` percent of them exist in a second, older version
    depends      maximum number of dependencies of a package; half as many on average
    circles      number of rings of three packages that depend on each other
    files        number of files per package; `size`: total bytes in all files
    description  number of lines in a package's description
    system       libraries of the base system, which some packages require
    """

    packages: int
    seed: int = 0
    depends: int = 10
    older: int = 5
    circles: int = 0
    files: int = 4
    size: int = 0
    description: int = 6
    system: tuple[str, ...] = SYSTEM_LIBRARIES
    machine_arch: str = "x86_64"
    os_version: str = "10.1"


@dataclass(frozen=True, slots=True)
class _Made:
    """The properties of a package that later packages use."""

    base: str
    version: str
    library: str


@dataclass(slots=True)
class _Maker:
    shape: Shape
    made: list[_Made] = field(default_factory=list)
    bases: set[str] = field(default_factory=set)
    block: bytes = b""

    def all(self) -> Iterator[PackageSource]:
        """All packages, dependencies first, except in circles."""
        chance = Chance("names", self.shape.seed)
        for _ in range(self.shape.packages):
            base = self._base(chance)
            library = f"lib{base}.so.{chance.below(9)}" if self._is_library(chance) else ""
            self.made.append(_Made(base, _version(chance), library))
        for number, made in enumerate(self.made):
            chance = Chance("package", self.shape.seed, number)
            source = self._source(number, made, chance)
            yield source
            if chance.below(100) < self.shape.older:
                yield replace(source, pkgname=f"{made.base}-{OLDER}")

    def _is_library(self, chance: Chance) -> bool:
        return chance.one_in(2 if len(self.made) < self.shape.packages // 8 else 10)

    def _base(self, chance: Chance) -> str:
        while True:
            base = chance.pick(_FIRST) + "".join(
                chance.pick(_SYLLABLES) for _ in range(2 + chance.below(3))
            )
            if base not in self.bases:
                self.bases.add(base)
                return base

    def _source(self, number: int, made: _Made, chance: Chance) -> PackageSource:
        needed = self._needed(number, chance)
        category = chance.pick(_CATEGORIES)
        libraries = sorted(
            {f"/usr/pkg/lib/{other.library}" for other, _ in needed if other.library}
        )
        system = self.shape.system[: chance.below(len(self.shape.system) + 1)]
        return PackageSource(
            pkgname=f"{made.base}-{made.version}",
            pkgpath=f"{category}/{made.base}",
            comment=_sentence(chance).removesuffix("."),
            description="\n".join(_sentence(chance) for _ in range(self.shape.description)),
            depends=tuple(dict.fromkeys(pattern for _, pattern in needed)),
            conflicts=(f"{made.base}-devel-[0-9]*",) if chance.one_in(12) else (),
            provides=(f"/usr/pkg/lib/{made.library}",) if made.library else (),
            requires=(*system, *libraries),
            categories=category,
            homepage=f"https://{made.base}.example.org/",
            license=chance.pick(_LICENSES),
            files=tuple(self._files(made, chance)),
            machine_arch=self.shape.machine_arch,
            os_version=self.shape.os_version,
            build_date="2025-01-01 00:00:00 +0000",
        )

    def _needed(self, number: int, chance: Chance) -> list[tuple[_Made, str]]:
        """Dependencies with their patterns; earlier packages are chosen more often."""
        needed = []
        for _ in range(chance.below(self.shape.depends + 1) if number else 0):
            other = self.made[int(number * chance.share() ** 6)]
            needed.append((other, self._pattern(other, number, chance)))
        ring, place = divmod(number, 3)
        if ring < self.shape.circles:
            other = self.made[3 * ring + (place + 2) % 3]
            needed.append((other, f"{other.base}-[0-9]*"))
        return needed

    def _pattern(self, other: _Made, number: int, chance: Chance) -> str:
        kind = chance.below(20)
        if kind < 9:
            return f"{other.base}>={other.version}"
        if kind < 11:
            return f"{other.base}>={other.version}<{int(other.version.partition('.')[0]) + 1}"
        if kind < 12 and not other.library:
            return f"{{{other.base},{self.made[chance.below(number)].base}}}-[0-9]*"
        return f"{other.base}-[0-9]*"

    def _files(self, made: _Made, chance: Chance) -> Iterator[SourceFile]:
        """A program, a library with its link, and documents."""
        shape = self.shape
        if not self.block:
            self.block = _block(Chance("text", shape.seed))
        count = shape.files
        weights = [min((1 - chance.share()) ** -0.9, 300.0) for _ in range(count)]
        scale = shape.size / shape.packages / sum(weights) if count else 0.0
        for number, weight in enumerate(weights):
            content = self._content(int(weight * scale), chance)
            if number == 0:
                yield SourceFile(path=f"bin/{made.base}", content=content, mode=0o755)
            elif number == 1 and made.library:
                yield SourceFile(path=f"lib/{made.library}.0", content=content, mode=0o755)
                yield SourceFile(path=f"lib/{made.library}", symlink=f"{made.library}.0")
            else:
                folder = f"share/{made.base}/{number // 40:02d}"
                yield SourceFile(path=f"{folder}/file-{number:04d}", content=content)

    def _content(self, size: int, chance: Chance) -> bytes:
        start = chance.below(_BLOCK // 2)
        piece = self.block[start : start + size]
        return piece if len(piece) == size else (piece * (size // len(piece) + 1))[:size]


def package_sources(shape: Shape) -> Iterator[PackageSource]:
    """The packages of a repository, generated one at a time to save memory."""
    return _Maker(shape).all()


def summaries(shape: Shape) -> Iterator[Summary]:
    """The summaries of `package_sources(shape)`, without making archives."""
    return (make_package(source)[1] for source in package_sources(replace(shape, files=0, size=0)))


def write_repository(
    folder: Path, sources: Iterable[PackageSource], *, pack: Pack = gzip_stored
) -> list[Summary]:
    """Write archives and `pkg_summary.gz` to `folder`, which is created if necessary.

    `pack` compresses an archive. The default does not compress, so that the same sources give the
    same bytes with every version of zlib. Raises SourceError as `make_package` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for source in sources:
        members, summary = make_package(source)
        with (folder / summary.archive).open("wb") as file:
            file.writelines(pack(archive(members)))
            size = file.tell()
        listed.append(replace(summary, file_size=size))
    with (folder / "pkg_summary.gz").open("wb") as file:
        file.writelines(pack([format_summary(listed)]))
    return listed


def archive(members: Iterable[Member]) -> Iterator[bytes]:
    """The tar archive of a package, in pieces: its members in order, without directories."""
    contents: dict[str, bytes] = {}
    entries = []
    for member in members:
        contents[member.name] = member.content
        entries.append(
            Entry(
                member.name,
                "link" if member.symlink else "file",
                member.mode,
                time=TIME,
                size=len(member.content),
                link=member.symlink,
            )
        )
    return tar(entries, lambda entry: contents[entry.path], dot=False)


def base_of(summary: Summary) -> str:
    """The package's name in a recipe."""
    return split_pkgname(summary.pkgname)[0]


def _version(chance: Chance) -> str:
    """A version above OLDER; for each package, its first number is unique."""
    text = f"{1 + chance.below(12)}.{chance.below(30)}"
    kind = chance.below(8)
    if kind < 3:
        text += f".{chance.below(20)}"
    elif kind == 3:
        text += chance.pick(("a", "b", "rc1", "beta2", "pl3"))
    return text if chance.below(3) else f"{text}nb{1 + chance.below(15)}"


def _sentence(chance: Chance) -> str:
    words = [chance.pick(_WORDS) for _ in range(7 + chance.below(6))]
    return " ".join(words).capitalize() + "."


def _block(chance: Chance) -> bytes:
    """One and a half megabytes with a compression ratio of about 3:1."""
    text = " ".join(chance.pick(_WORDS) for _ in range(_BLOCK // 8)).encode()
    noise = chance.noise(_BLOCK)
    pieces = [
        text[at * 97 % (len(text) - 3000) :][:3000] + noise[at % (_BLOCK - 1000) :][:1000]
        for at in range(0, _BLOCK + _BLOCK // 2, 4000)
    ]
    return b"".join(pieces)
