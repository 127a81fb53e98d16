"""Reads a site: the folder with a fleet's configuration, as checked out.

    pservers/HOST/host.conf, etc/…, domUs/NAME        hosts
    vservers/NAME/server.conf, storage.conf, etc/…    domUs, from within
    global/…                                          shared files

Every file is read once. Unreadable files and files that do not belong there are problems like any
other; reading continues after each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from buildlib.config.shconf import Conf, Problem, parse
from buildlib.config.site.fleet import Folder, Known, Site, is_server_name
from buildlib.config.site.text import is_ruled, plain, read_text
from buildlib.config.site.xen_memory import Dom0Memory, dom0_memory
from buildlib.host.reading import is_folder, read_small, read_start
from buildlib.model import toml
from buildlib.model.errors import ConfigError
from buildlib.model.names import bare
from buildlib.model.schema import nearest

CD = "recipes/dom0.toml"
HOSTS, SERVERS, SHARED, DOMUS, ETC = "pservers", "vservers", "global", "domUs", "etc"
_CHECKOUT = frozenset({".svn", ".git"})
_LONGEST = 1 << 16  # bytes; rc reads these files at every boot
_DEEPEST = 64  # nested folders


def read_site(root: Path, problems: list[Problem]) -> Site:
    """The site at `root`; mistakes are added to `problems`. Raises ConfigError if it is not one."""
    reader = _Reader(str(root), problems)
    there = _folders(root, problems)
    if not {HOSTS, SERVERS} & set(there):
        raise ConfigError(
            f"{root} is not a site",
            why=f"it has neither {HOSTS} nor {SERVERS}",
            hint="doit site-init FOLDER writes an example",
            reason="no-site",
        )
    problems.extend(
        Problem(
            name,
            0,
            "this folder is missing",
            nearest(name, there).removeprefix("; "),
            "missing-folder",
        )
        for name in (HOSTS, SERVERS, SHARED)
        if name not in there
    )
    hosts = reader.folders(HOSTS, "host.conf", ()) if HOSTS in there else {}
    servers = reader.folders(SERVERS, "server.conf", ("storage.conf",)) if SERVERS in there else {}
    shared = Folder(SHARED, {}, {}, set(), {})
    if SHARED in there:  # read last, when all links to its files are known
        reader.descend(SHARED, "", shared)
    return Site(hosts, servers, shared)


def _folders(root: Path, problems: list[Problem]) -> list[str]:
    """Names of the site's folders, sorted; one that lies outside of the site is a problem."""
    try:
        if not root.is_dir():
            raise ConfigError(
                f"there is no folder {root}", hint="name the folder of a site", reason="no-site"
            )
        there = [name for name in sorted(os.listdir(root)) if is_folder(root / name)]
    except OSError as error:
        raise ConfigError(f"{root} cannot be read", why=error.strerror, reason="no-site") from error
    inside = os.path.realpath(root)
    problems.extend(
        Problem(
            name,
            0,
            "is a link that leads out of the site",
            "put the folder itself there",
            "link-out",
        )
        for name in there
        if name in {HOSTS, SERVERS, SHARED}
        and os.path.commonpath([inside, os.path.realpath(root / name)]) != inside
    )
    return there


def known_names(project: Path) -> Known:
    """What a site is compared with: the domU recipes of the checkout, their kernels (the only ones
    beside the images), and the memory that the CD's recipe gives dom0.
    """
    recipes = {path.stem: path for path in (project / "recipes/domu").glob("*.toml")}
    kernels = (bare(str(_toml(path)[1].get("kernel", ""))) for path in recipes.values())
    return Known(frozenset(recipes), frozenset(filter(None, kernels)), _dom0(project))


def _dom0(project: Path) -> Dom0Memory | None:
    """The CD's memory for dom0; None if there is no readable recipe for the CD."""
    text, recipe = _toml(project / CD)
    boot = recipe.get("boot")
    words = boot.get("xen", []) if isinstance(boot, dict) else []
    if not recipe or not isinstance(words, list):
        return None
    lines = [
        number
        for number, line in enumerate(text.split("\n"), 1)
        if "dom0_mem=" in line.partition("#")[0]
    ]
    return dom0_memory(tuple(map(str, words)), CD, lines[-1] if lines else 0)


def _toml(path: Path) -> tuple[str, dict[str, Any]]:
    """A recipe and its text, empty if unreadable; builds report its mistakes."""
    try:
        data = read_small(path)
        return data.decode(errors="replace"), toml.loads(data)
    except (ValueError, OSError):
        return "", {}


class _Reader:
    """Reads one site. Paths are strings relative to the site's folder."""

    def __init__(self, root: str, problems: list[Problem]) -> None:
        self._root = root
        self._problems = problems
        self._linked: set[str] = set()

    def folders(self, place: str, needed: str, others: tuple[str, ...]) -> dict[str, Folder]:
        """The folders of all hosts or servers, by name."""
        found = {}
        for entry in self._entries(place):
            at = f"{place}/{entry.name}"
            if entry.is_symlink() or not entry.is_dir():
                self._report(at, "is not a folder", reason="not-a-folder")
            elif not is_server_name(entry.name):
                self._report(
                    at,
                    "is not a valid server name: use at most 63 lower-case letters, digits and -",
                    reason="name",
                )
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
                self._report(f"{place}/{name}", "is not a folder", reason="not-a-folder")
            else:
                self._unknown(f"{place}/{name}", name, (needed, *others, *folders))
        if needed not in seen:
            self._report(f"{place}/{needed}", "is missing", reason="missing-file")
        if ETC not in map(str.lower, seen):
            self._report(
                f"{place}/{ETC}",
                "is missing",
                "a server does not start without it; git does not record empty folders",
                "missing-file",
            )
        return folder

    def _unknown(self, place: str, name: str, known: tuple[str, ...]) -> None:
        """Report an unknown file if its name looks like a known one's."""
        hint = nearest(name.lower(), known).removeprefix("; ")
        if hint or name.endswith(".conf"):
            self._report(place, "this file is ignored", hint, "unknown-file")

    def _domus(self, place: str, folder: Folder) -> None:
        for entry in self._entries(place):
            at = f"{place}/{entry.name}"
            if not is_server_name(entry.name):
                self._report(
                    at,
                    "is not a valid domU name: use at most 63 lower-case letters, digits and -",
                    "every file in domUs is started",
                    "name",
                )
                continue
            conf = self._conf(at, entry)
            if conf is not None:
                folder.domus[entry.name] = conf

    def _conf(self, place: str, entry: os.DirEntry[str]) -> Conf | None:
        if not entry.is_file(follow_symlinks=False):
            self._report(place, "is not a regular file", reason="not-a-file")
            return None
        try:
            data = read_start(entry.path, most=_LONGEST)
        except OSError as error:
            self._unreadable(place, error)
            return None
        if len(data) == _LONGEST:
            self._report(place, f"is longer than {_LONGEST >> 10} KiB", reason="unreadable")
            return None
        return parse(plain(data, place, self._problems), place, self._problems)

    def descend(self, place: str, below: str, folder: Folder) -> None:
        """Record all names below `place`/`below`, targets of links, and files that rules check."""
        waiting = [below]
        while waiting:
            below = waiting.pop()
            if below:
                folder.paths.add(below)
            if below.count("/") >= _DEEPEST:
                self._report(
                    f"{place}/{below}",
                    f"is {_DEEPEST} folders deep",
                    "files of a server are not that deep",
                    "too-deep",
                )
                continue
            for entry in self._entries(f"{place}/{below}" if below else place):
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                    continue
                folder.paths.add(path)
                try:
                    self._note(f"{place}/{path}", path, entry, folder)
                except OSError as error:
                    self._unreadable(f"{place}/{path}", error)

    def _note(self, at: str, path: str, entry: os.DirEntry[str], folder: Folder) -> None:
        """Record a link or file. Raises OSError."""
        ruled = is_ruled(path.removeprefix(f"{ETC}/")) or at in self._linked
        if entry.is_symlink():
            target = folder.links[path] = os.readlink(entry.path)
            if ruled:
                self._linked.add(target.removeprefix("/config/"))
        elif not entry.is_file(follow_symlinks=False):
            self._report(at, "is not a file, folder or link", reason="not-a-file")
        else:
            lines = read_text(entry.path, at, self._problems, is_ruled=ruled)
            if ruled:
                folder.texts[path] = lines

    def _entries(self, place: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._root}/{place}") as entries:
                yield from sorted(
                    (entry for entry in entries if entry.name not in _CHECKOUT), key=_name
                )
        except OSError as error:
            self._unreadable(place, error)

    def _unreadable(self, place: str, error: OSError) -> None:
        self._report(place, f"cannot be read: {error.strerror}", reason="unreadable")

    def _report(self, place: str, what: str, hint: str = "", reason: str = "") -> None:
        self._problems.append(Problem(place, 0, what, hint, reason))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
