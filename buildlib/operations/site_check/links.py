"""Checks where a site's symbolic links lead on the servers that have it checked out.

There `global` is /config/global, a server's folder is /config/local, and its `etc` is laid over
/etc. A link may lead into the system (`/usr/share/zoneinfo/UTC`), to an existing file in `global`,
or into the server's own folder. It must not lead to other parts of the site, nor in a circle.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import Folder, Hints, Site

_GLOBAL, _LOCAL = "/config/global/", "/config/local/"
_ELSEWHERE = ("/config/", "/global/", "/pservers/", "/vservers/", "/docs/")
_DEEPEST = 32  # links followed in one lookup, as in NetBSD's kernel (MAXSYMLINKS)


def check_links(site: Site) -> Iterator[Problem]:
    """Report every link that leads nowhere, out of the site, or in a circle."""
    paths = {_GLOBAL + path for path in site.shared.paths}
    links = {_GLOBAL + path: target for path, target in site.shared.links.items()}
    shared = _Shared(paths, links, Hints(sorted(paths)))
    for path, target in site.shared.links.items():
        yield from shared.check(site.shared, path, target, _GLOBAL + path)
    good: set[str] = set()  # most servers link to the same few files
    for folder in (*site.hosts.values(), *site.servers.values()):
        for path, target in folder.links.items():
            if target in good:
                continue
            # files are laid over /etc, so relative links start there
            found = list(shared.check(folder, path, target, f"/{path}"))
            if not found and target.startswith(_GLOBAL):
                good.add(target)
            yield from found


@dataclass(frozen=True, slots=True)
class _Shared:
    """The content of /config/global: all paths, and where its links lead."""

    paths: set[str]
    links: Mapping[str, str]
    hints: Hints

    def check(self, folder: Folder, path: str, target: str, seen_at: str) -> Iterator[Problem]:
        """Check one link; `seen_at` is its path on a server."""
        way, circle = self._follow(_absolute(seen_at, target))
        wrong, reason, hint = "", "", ""
        if circle:
            wrong, reason = "in a circle", "link-circle"
        elif way.startswith(_GLOBAL):
            if way not in self.paths:
                wrong = f"nowhere: {way[len('/config/') :]} does not exist"
                reason = "link-nowhere"
                hint = self.hints.nearest(way)
        elif way.startswith(_LOCAL):
            name = way.removeprefix(_LOCAL)
            if folder.place != "global" and name not in _all_paths(folder):
                wrong = f"nowhere: {folder.place}/{name} does not exist"
                reason = "link-nowhere"
        elif f"{way}/".startswith(_ELSEWHERE) and f"{way}/" not in {_GLOBAL, _LOCAL}:
            wrong, reason = f"out of the site, to {way}", "link-out"
            hint = "on a server, shared files are in /config/global"
        if wrong:
            yield Problem(
                f"{folder.place}/{path}", 0, f"the link to {target} leads {wrong}", hint, reason
            )

    def _follow(self, way: str) -> tuple[str, bool]:
        """Resolve the links of `global` in a path; return the result and whether it is a circle."""
        for _ in range(_DEEPEST):
            parts = way.split("/")
            heads = ("/".join(parts[:count]) for count in range(3, len(parts) + 1))
            link = next((head for head in heads if head in self.links), None)
            if link is None or not way.startswith(_GLOBAL):
                return way, False
            way = posixpath.normpath(_absolute(link, self.links[link]) + way[len(link) :])
        return way, True


def _absolute(link: str, target: str) -> str:
    way = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
    return way[1:] if way.startswith("//") else way


def _all_paths(folder: Folder) -> set[str]:
    return {
        *folder.paths,
        *folder.confs,
        *(f"domUs/{name}" for name in folder.domus),
        *(("domUs",) if folder.domus else ()),
    }
