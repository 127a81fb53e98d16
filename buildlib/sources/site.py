"""Reading a site: the folder that holds a fleet's configuration, as checked out.

    pservers/HOST/host.conf, etc/…, domUs/NAME        hosts
    vservers/NAME/server.conf, storage.conf, etc/…    domUs, from within
    global/…                                          what all share

Every file is read once. What cannot be read, and what does not belong, is a problem like any
other; nothing here stops at the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from buildlib.sources.tomlfile import read_toml
from buildlib.words.errors import ConfigError
from buildlib.words.schema import nearest
from buildlib.words.shconf import Conf, Problem, parse
from buildlib.words.site import Folder, Known, Site, is_server_name

HOSTS, SERVERS, SHARED, DOMUS, ETC = "pservers", "vservers", "global", "domUs", "etc"
_CHECKOUT = frozenset({".svn", ".git"})
_LONGEST = 1 << 16  # bytes; rc reads such a file at every boot


def read_site(root: Path, problems: list[Problem]) -> Site:
    """The site at `root`; what is wrong adds to `problems`. Raises ConfigError where it is none."""
    reader = _Reader(str(root), problems)
    if not root.is_dir():
        raise ConfigError(f"there is no folder {root}", hint="name the folder of a site",
                          reason="no-site")
    there = [name for name in sorted(os.listdir(root)) if (root / name).is_dir()]
    if not {HOSTS, SERVERS} & set(there):
        raise ConfigError(
            f"{root} is no site", why=f"it has neither {HOSTS} nor {SERVERS}",
            hint="doit site-init FOLDER writes an example", reason="no-site")
    problems.extend(Problem(name, 0, "there is no such folder",
                            nearest(name, there).removeprefix("; "), "missing-folder")
                    for name in (HOSTS, SERVERS, SHARED) if name not in there)
    shared = Folder(SHARED, {}, {}, set(), {})
    if SHARED in there:
        reader.descend(SHARED, "", shared)
    return Site(reader.folders(HOSTS, "host.conf", ()) if HOSTS in there else {},
                reader.folders(SERVERS, "server.conf", ("storage.conf",))
                if SERVERS in there else {},
                shared)


def known_names(project: Path) -> Known:
    """The domU recipes of the checkout, and their kernels: no other one is beside the images."""
    recipes = {path.stem: path for path in (project / "recipes/domu").glob("*.toml")}
    return Known(frozenset(recipes), frozenset(filter(None, map(_kernel, recipes.values()))))


def _kernel(recipe: Path) -> str:
    """What a recipe says; what is wrong with one is told where it is built."""
    try:
        return str(read_toml(recipe, name=recipe.name).get("kernel", ""))
    except ConfigError:
        return ""


class _Reader:
    """Walks one site. Paths are strings from the site's folder."""

    def __init__(self, root: str, problems: list[Problem]) -> None:
        self._root = root
        self._problems = problems

    def folders(self, place: str, needed: str, others: tuple[str, ...]) -> dict[str, Folder]:
        """The folders of all hosts or servers, by name."""
        found = {}
        for entry in self._entries(place):
            at = f"{place}/{entry.name}"
            if entry.is_symlink() or not entry.is_dir():
                self._tell(at, "is no folder", reason="not-a-folder")
            elif not is_server_name(entry.name):
                self._tell(at, "is no name for a server: small letters, digits and -, at most 63",
                           reason="name")
            else:
                found[entry.name] = self._folder(at, needed, others)
        return found

    def _folder(self, place: str, needed: str, others: tuple[str, ...]) -> Folder:
        folder = Folder(place, {}, {}, set(), {})
        folders = (ETC, DOMUS) if place.startswith(HOSTS) else (ETC,)
        seen = []
        for entry in self._entries(place):
            name = entry.name
            seen.append(name)
            if name == needed or name in others:
                conf = self._conf(f"{place}/{name}", entry)
                if conf is not None:
                    folder.confs[name] = conf
            elif name in folders and entry.is_dir(follow_symlinks=False):
                if name == DOMUS:
                    self._domus(f"{place}/{name}", folder)
                else:
                    self.descend(place, name, folder)
            elif name in folders:
                self._tell(f"{place}/{name}", "is no folder", reason="not-a-folder")
            else:
                self._unknown(f"{place}/{name}", name, (needed, *others, *folders))
        if needed not in seen:
            self._tell(f"{place}/{needed}", "is missing", reason="missing-file")
        return folder

    def _unknown(self, place: str, name: str, known: tuple[str, ...]) -> None:
        """A file that means nothing is no harm, unless it was to be another."""
        hint = nearest(name.lower(), known).removeprefix("; ")
        if hint or name.endswith(".conf"):
            self._tell(place, "nothing reads this", hint, "unknown-file")

    def _domus(self, place: str, folder: Folder) -> None:
        for entry in self._entries(place):
            at = f"{place}/{entry.name}"
            if not is_server_name(entry.name):
                self._tell(at, "is no name for a domU: small letters, digits and -, at most 63",
                           "what lies in domUs is started", "name")
                continue
            conf = self._conf(at, entry)
            if conf is not None:
                folder.domus[entry.name] = conf

    def _conf(self, place: str, entry: os.DirEntry[str]) -> Conf | None:
        if not entry.is_file(follow_symlinks=False):
            self._tell(place, "is no plain file", reason="not-a-file")
            return None
        try:
            descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                data = os.read(descriptor, _LONGEST)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._unreadable(place, error)
            return None
        if len(data) == _LONGEST:
            self._tell(place, f"is longer than {_LONGEST >> 10} KiB", reason="unreadable")
            return None
        return parse(data, place, self._problems)

    def descend(self, place: str, below: str, folder: Folder) -> None:
        """Note all names below `place`/`below`, and what its links hold."""
        if below:
            folder.paths.add(below)
        for entry in self._entries(f"{place}/{below}" if below else place):
            path = f"{below}/{entry.name}" if below else entry.name
            folder.paths.add(path)
            if entry.is_symlink():
                try:
                    folder.links[path] = os.readlink(entry.path)
                except OSError as error:
                    self._unreadable(f"{place}/{path}", error)
            elif entry.is_dir(follow_symlinks=False):
                self.descend(place, path, folder)
            elif not entry.is_file(follow_symlinks=False):
                self._tell(f"{place}/{path}", "is no file, folder or link", reason="not-a-file")
            elif not os.access(entry.path, os.R_OK):
                self._tell(f"{place}/{path}", "cannot be read", reason="unreadable")

    def _entries(self, place: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._root}/{place}") as entries:
                yield from sorted((entry for entry in entries if entry.name not in _CHECKOUT),
                                  key=_name)
        except OSError as error:
            self._unreadable(place, error)

    def _unreadable(self, place: str, error: OSError) -> None:
        self._tell(place, f"cannot be read: {error.strerror}", reason="unreadable")

    def _tell(self, place: str, what: str, hint: str = "", reason: str = "") -> None:
        self._problems.append(Problem(place, 0, what, hint, reason))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
