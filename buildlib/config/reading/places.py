"""Finds the files that the configuration names, in the project or in the package.

A name refers to the project. With the prefix `goldmaster:` it refers to a checkout of goldmaster in
the installed version: `goldmaster:server/overlay` in the overlays of a recipe is its
`recipes/server/overlay`. Neither is a fallback for the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from buildlib.config.configuration import Place
from buildlib.config.reading.shipped import PACKAGE, shipped_folder
from buildlib.config.reading.toml_file import TomlFile
from buildlib.host.reading import is_file
from buildlib.model.errors import ConfigError
from buildlib.model.names import SHIPPED, bare
from buildlib.model.nearness import near
from buildlib.store.stat_cache import StatCache
from buildlib.store.store import Store


class Places:
    """The folders of the project at `root`; files that are examined are noted in `seen`.

    find_shipped  returns the folder of the package's files; called on demand
    """

    def __init__(self, root: Path, seen: StatCache, find_shipped: Callable[[], Path]) -> None:
        self.root = root
        self.seen = seen
        self._find_shipped = find_shipped
        self.package = ""  # name and version of the package, once one of its files was used
        self.documents: dict[str, TomlFile] = {}  # those that were read, by name

    @cached_property
    def _shipped(self) -> Path:
        self.package = PACKAGE
        return self._find_shipped()

    def base(self, folder: str, name: str) -> Place:
        """The folder in which such a name is searched."""
        if name.startswith(SHIPPED):
            return Place(self._shipped / folder, f"{PACKAGE}: {folder}")
        return Place(self.root / folder, folder)

    def place(self, folder: str, name: str) -> Place:
        """The place of `name` below `folder`: recipes, sets or kernel-configs."""
        path = self.base(folder, name).path / bare(name)
        return Place(path, name if name.startswith(SHIPPED) else f"{folder}/{name}")

    def named(self, path: Path) -> Place:
        """The place of a path."""
        try:
            return Place(path, path.relative_to(self.root).as_posix())
        except ValueError:
            return Place(path, path.name)

    def has_file(self, path: Path) -> bool:
        """Whether there is a regular file at `path`; the next run checks again."""
        self.seen.note(path)
        return path.is_file()

    def known(
        self, what: str, folder: str, name: str, suffix: str = "", *, may_ship: bool = True
    ) -> Place:
        """The file with that name and suffix. Raises ConfigError, which suggests a similar name.

        may_ship  whether names of this kind may have the prefix `goldmaster:`
        """
        place = self.place(folder, f"{name}{suffix}")
        self.seen.note(place.path)
        if "/" in name or not place.path.is_file():
            found = partial(files_in, suffix=suffix)
            raise self.unknown(what, folder, name, found, may_ship=may_ship)
        return place

    def unknown(
        self,
        what: str,
        folder: str,
        name: str,
        find: Callable[[Path], list[str]],
        *,
        may_ship: bool = True,
    ) -> ConfigError:
        """The error for an unknown name; `find` returns the names below a base folder."""
        base = self.base(folder, name)
        known = find(base.path)
        prefix = SHIPPED if name.startswith(SHIPPED) else ""
        meant = [f"{prefix}{other}" for other in near(bare(name), known)]
        if may_ship and not prefix:
            shipped = near(name, find(self._shipped / folder))
            # the same name, or the nearest one if the project has no similar name
            meant = [
                f"{SHIPPED}{other}" for other in shipped if other == name or not meant
            ] or meant
        return ConfigError(
            f"there is no {what} {name}" + (f"; did you mean {meant[0]}?" if meant else ""),
            where=base.name,
            why=f"known: {', '.join(known) or 'none'}",
            reason=f"unknown-{what}",
        )

    def beside(self, definition: Place, name: str) -> Place:
        """A file or folder beside a release definition: one that it names, or its lock.

        For a definition of the package, a file in the project's `sets` takes precedence, because
        `doit lock` writes there.
        """
        if not definition.name.startswith(SHIPPED):
            return self.named(definition.path.parent / name)
        own, shipped = self.place("sets", name), self.place("sets", f"{SHIPPED}{name}")
        self.seen.note(shipped.path)
        return own if self.has_file(own.path) or not shipped.path.exists() else shipped


def places_of(root: Path, store: Store, say: Callable[[str], None]) -> Places:
    """The places of the project at `root`; `say` is that of `shipped_folder`."""
    return Places(root, store.seen, partial(shipped_folder, store, say))


def files_in(folder: Path, suffix: str = "") -> list[str]:
    """Names of a folder's files with that suffix, without it, sorted."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.glob(f"*{suffix}") if is_file(path))
    return sorted(path.name.removesuffix(suffix) for path in found)
