"""The metadata of one binary package: the members whose names start with `+`.

A package is an archive that begins with its metadata in a fixed order, followed by the files of its
packing list in the order of the list. This module converts the metadata into a Package; reading the
archive is done elsewhere. Source: pkg_install, add/perform.c and lib/lib.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from buildlib.model.errors import SourceError
from buildlib.model.numbers import whole_number
from buildlib.pkgsrc.plist import Kind, Plist, parse_plist
from buildlib.pkgsrc.summary import Summary, parse


@dataclass(frozen=True, slots=True)
class MetaFile:
    """A metadata member: its name, its mode in the package database, whether it is required."""

    name: str
    mode: int
    required: bool = False


META_FILES = (
    MetaFile("+CONTENTS", 0o644, required=True),
    MetaFile("+COMMENT", 0o444, required=True),
    MetaFile("+DESC", 0o444, required=True),
    MetaFile("+INSTALL", 0o555),
    MetaFile("+DEINSTALL", 0o555),
    MetaFile("+DISPLAY", 0o444),
    MetaFile("+MTREE_DIRS", 0o444),
    MetaFile("+BUILD_VERSION", 0o444),
    MetaFile("+BUILD_INFO", 0o444),
    MetaFile("+SIZE_PKG", 0o444),
    MetaFile("+SIZE_ALL", 0o444),
    MetaFile("+PRESERVE", 0o444),
    MetaFile("+VIEWS", 0o444),
    MetaFile("+REQUIRED_BY", 0o644),
    MetaFile("+INSTALLED_INFO", 0o644),
)
"""In the order of an archive; pkg_add rejects any other order."""

META_MODES: Mapping[str, int] = MappingProxyType({meta.name: meta.mode for meta in META_FILES})

_INFO_MAX = 1 << 20  # bytes of +BUILD_INFO; the longest have a tenth of this
_PLATFORM = ("OPSYS", "MACHINE_ARCH", "OS_VERSION")
# variables that pkg_info -X copies from +BUILD_INFO
_SUMMARIZED = frozenset(
    {
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
    }
)


@dataclass(frozen=True, slots=True)
class Package:
    """A package as described by its metadata.

    `meta` has all members as bytes; `build_info` maps a variable to its values; sizes are in bytes,
    None if the package does not have them.
    """

    plist: Plist
    comment: str
    description: str
    build_info: Mapping[str, tuple[str, ...]]
    size_pkg: int | None
    size_all: int | None
    meta: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """PKGNAME."""
        return self.plist.name

    @property
    def prefix(self) -> str:
        """The folder of its files, such as `/usr/pkg`."""
        return self.plist.prefix

    @property
    def depends(self) -> tuple[str, ...]:
        """Patterns of the packages it needs to run."""
        return self.plist.arguments(Kind.PKGDEP)

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Patterns of the packages it cannot be installed with."""
        return self.plist.arguments(Kind.PKGCFL)

    @property
    def install(self) -> bytes | None:
        """The install script."""
        return self.meta.get("+INSTALL")


def read_package(meta: Mapping[str, bytes], *, where: str, expected: str | None = None) -> Package:
    """The package whose metadata members are `meta`, in the order of the archive.

    `expected` is the PKGNAME it must have. Raises SourceError: `pkg-meta` for a member that is
    missing, unknown or out of order, `pkg-name`, `plist`.
    """
    _check_members(tuple(meta), where)
    plist = parse_plist(meta["+CONTENTS"], where=f"{where}: +CONTENTS")
    if expected is not None and plist.name != expected:
        raise SourceError(
            f"the package is {plist.name}, not {expected}", where=where, reason="pkg-name"
        )
    return Package(
        plist=plist,
        comment=_text(meta["+COMMENT"]),
        description=_text(meta["+DESC"]),
        build_info=_variables(meta.get("+BUILD_INFO", b""), f"{where}: +BUILD_INFO"),
        size_pkg=_size(meta.get("+SIZE_PKG"), f"{where}: +SIZE_PKG"),
        size_all=_size(meta.get("+SIZE_ALL"), f"{where}: +SIZE_ALL"),
        meta=dict(meta),
    )


def check_platform(
    package: Package, *, machine_arch: str, os_version: str, opsys: str = "NetBSD"
) -> str | None:
    """A warning if the package was built for another version of the system, else None.

    Another minor version is not an error: packages for 10.0 also work on 10.1. Raises SourceError
    (`pkg-platform`) for another or unknown system, architecture or major version. pkg_add only
    warns of another major version, but then the package may not find its libraries.
    """
    built = {name: " ".join(package.build_info.get(name, ())) for name in _PLATFORM}
    missing = [name for name, value in built.items() if not value]
    wanted = (opsys, machine_arch, os_version)
    if missing or _abi(tuple(built.values())) != _abi(wanted):
        why = (
            f"built for {built['OPSYS']}/{built['MACHINE_ARCH']} {built['OS_VERSION']}, "
            f"wanted {opsys}/{machine_arch} {os_version}"
        )
        raise SourceError(
            f"{package.name} is not for this system",
            where=f"{package.name}: +BUILD_INFO",
            why=f"it lacks {', '.join(missing)}" if missing else why,
            hint="check `packages.path` in the release definition, the folder of the packages",
            reason="pkg-platform",
        )
    if built["OS_VERSION"] != os_version:
        return f"{package.name} was built for {opsys} {built['OS_VERSION']}, not {os_version}"
    return None


def _abi(platform: tuple[str, ...]) -> tuple[str, ...]:
    """System, architecture, and the part of the version that determines the ABI.

    This is the major version, except for NetBSD-current: 10.99.12 precedes 11 and is not a release
    of 10, and the next number may have another ABI. Source: NetBSD, sys/sys/param.h.
    """
    *both, version = platform
    major, _, minor = version.partition(".")
    return (*both, version if minor.startswith("99.") else major.partition("_")[0])


def summary_of(
    package: Package, *, file_name: str = "", file_size: int | None = None, file_cksum: str = ""
) -> Summary:
    """The package's entry in pkg_summary(5), as `pkg_info -X` writes it."""
    lines = [f"PKGNAME={package.name}"]
    lines += [f"DEPENDS={pattern}" for pattern in package.depends]
    lines += [f"CONFLICTS={pattern}" for pattern in package.conflicts]
    lines += [f"COMMENT={line}" for line in package.comment.splitlines()]
    if package.size_pkg is not None:
        lines.append(f"SIZE_PKG={package.size_pkg}")
    lines += [
        f"{name}={value}"
        for name, values in package.build_info.items()
        if name in _SUMMARIZED
        for value in values
    ]
    if file_name:
        lines.append(f"FILE_NAME={file_name}")
    if file_size is not None:
        lines.append(f"FILE_SIZE={file_size}")
    if file_cksum:
        lines.append(f"FILE_CKSUM={file_cksum}")
    lines += [f"DESCRIPTION={line}" for line in package.description.split("\n")]
    text = "\n".join(lines) + "\n"
    return next(parse([text.encode(errors="surrogateescape")], where=package.name))


def _check_members(names: tuple[str, ...], where: str) -> None:
    order = [meta.name for meta in META_FILES]
    problem = ""
    if unknown := [name for name in names if name not in order]:
        problem = f"{unknown[0]} is unknown"
    elif missing := [meta.name for meta in META_FILES if meta.required and meta.name not in names]:
        problem = f"{missing[0]} is missing"
    elif sorted(names, key=order.index) != list(names):
        problem = f"out of order: {' '.join(names)}"
    if problem:
        raise SourceError(
            "not the metadata of a package", where=where, why=problem, reason="pkg-meta"
        )


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape").rstrip("\n")


def _variables(data: bytes, where: str) -> dict[str, tuple[str, ...]]:
    """Parse `NAME=value` lines; one space after the sign is ignored (lib/var.c)."""
    if len(data) > _INFO_MAX:
        raise SourceError(
            "not the metadata of a package",
            where=where,
            reason="pkg-meta",
            why=f"it has {len(data)} bytes; at most {_INFO_MAX} are allowed",
        )
    values: dict[str, list[str]] = {}
    for line in data.decode(errors="surrogateescape").split("\n"):
        name, equals, value = line.partition("=")
        if equals:
            values.setdefault(name, []).append(value.removeprefix(" "))
    return {name: tuple(lines) for name, lines in values.items()}


def _size(data: bytes | None, where: str) -> int | None:
    if data is None:
        return None
    try:
        return whole_number(data[:80].strip())
    except ValueError as error:
        raise SourceError("not a size", where=where, why=str(error), reason="pkg-meta") from None
