"""The package database of a system with a set of installed packages.

Every package has a folder `PKGDB/NAME` with the metadata from its archive, and two files that
depend on other packages: `+REQUIRED_BY` lists the packages that depend on it, one per line, as
pkg_add appends them; `+INSTALLED_INFO` says `automatic=yes` for a package that is only a
dependency. Sources: pkg_install, add/perform.c, lib/automatic.c, lib/var.c.

The index of files, `pkgdb.byfile.db`, is a Berkeley DB and is not created; run `pkg_admin rebuild`
on the system to create it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.package import Package
from buildlib.pkgsrc.repository import NameIndex

PKGDB = "/usr/pkg/pkgdb"


def register(
    packages: Sequence[Package], *, automatic: Collection[str] = (), pkgdb: str = PKGDB
) -> dict[str, bytes]:
    """Full path to content of every file in the database, sorted; modes are in META_MODES.

    `packages` are in the order of installation; `automatic` are the PKGNAMEs that are only
    dependencies. Raises SourceError: `pkg-missing` for a dependency that is not among them,
    `pkg-conflict` for two packages with the same base, `pattern`.
    """
    required_by = dependants(packages)
    files: dict[str, bytes] = {}
    for package in packages:
        folder = f"{pkgdb.rstrip('/')}/{package.name}"
        for name, data in package.meta.items():
            files[f"{folder}/{name}"] = data
        if required_by[package.name]:
            lines = "".join(f"{name}\n" for name in required_by[package.name])
            files[f"{folder}/+REQUIRED_BY"] = lines.encode(errors="surrogateescape")
        if package.name in automatic:
            files[f"{folder}/+INSTALLED_INFO"] = b"automatic=yes\n"
    return dict(sorted(files.items()))


def dependants(packages: Sequence[Package]) -> dict[str, tuple[str, ...]]:
    """PKGNAME to the packages that depend on it directly, in the order of `packages`.

    Raises SourceError as `register`.
    """
    _check_bases(packages)
    index = NameIndex(package.name for package in packages)
    required_by: dict[str, list[str]] = {package.name: [] for package in packages}
    for package in packages:
        needed: dict[str, None] = {}
        for pattern in package.depends:
            found = index.matching(pattern)
            if not found:
                raise SourceError(
                    f"{package.name} depends on {pattern}, which is not installed",
                    reason="pkg-missing",
                )
            needed[found[0]] = None
        for name in needed:
            required_by[name].append(package.name)
    return {name: tuple(names) for name, names in required_by.items()}


def in_order(packages: Sequence[Package], automatic: Collection[str] = ()) -> list[Package]:
    """The packages in the order in which pkg_add would install them.

    They are sorted by name, with automatic ones last, and each one is preceded by its dependencies
    in the order of its packing list. Missing or circular dependencies are not an error here.
    """
    by_name = {package.name: package for package in sorted(packages, key=lambda item: item.name)}
    index = NameIndex(by_name)

    def needs(name: str) -> Iterator[str]:
        for pattern in by_name[name].depends:
            yield from index.matching(pattern)[:1]

    order: dict[str, None] = {}
    seen: set[str] = set()
    for start in sorted(by_name, key=lambda name: (name in automatic, name)):
        stack = [] if start in seen else [(start, needs(start))]
        seen.add(start)
        while stack:
            name, rest = stack[-1]
            below = next((other for other in rest if other not in seen), None)
            if below is None:
                order[name] = None
                stack.pop()
            else:
                seen.add(below)
                stack.append((below, needs(below)))
    return [by_name[name] for name in order]


def owners(packages: Sequence[Package]) -> dict[str, str]:
    """Full path of every installed file to the PKGNAME it belongs to, sorted.

    Raises SourceError (`pkg-conflict`) if two packages have a file in common.
    """
    found: dict[str, str] = {}
    for package in packages:
        for file in package.plist.files:
            path = f"{package.prefix.rstrip('/')}/{file.path}"
            owner = found.setdefault(path, package.name)
            if owner != package.name:
                raise SourceError(
                    f"{owner} and {package.name} both install {path}",
                    hint="remove one of them from the recipe",
                    reason="pkg-conflict",
                )
    return dict(sorted(found.items()))


def _check_bases(packages: Sequence[Package]) -> None:
    bases: dict[str, str] = {}
    for package in packages:
        base = package.name.rpartition("-")[0]
        other = bases.setdefault(base, package.name)
        if other is not package.name:
            raise SourceError(
                f"{other} and {package.name} cannot be installed together",
                why=f"both are {base}",
                reason="pkg-conflict",
            )
