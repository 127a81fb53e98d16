"""The mirrors of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from buildlib.config.release import Release
from buildlib.model.errors import SourceError
from buildlib.sources.web.limits import Patience


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The places where a path is searched for, in order.

    roots     URLs or folders of complete mirrors
    archives  path, from a mirror's root, to the URL or folder with the files below that path;
              tried after all roots, because old releases are moved to archives
    offline   contact no server; use only folders and file://
    patience  timeouts and tries for servers
    """

    roots: tuple[str, ...] = ()
    archives: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    patience: Patience = field(default_factory=Patience)

    def urls(self, path: str) -> list[str]:
        """The possible URLs of the file at `path` (from a mirror's root), in the order to try.

        Raises SourceError (`offline`) if only servers have it and none may be contacted.
        """
        found = [f"{root.rstrip('/')}/{path}" for root in self.roots]
        found += [
            f"{url.rstrip('/')}/{path.removeprefix(prefix).lstrip('/')}"
            for prefix, url in self.archives.items()
            if path.startswith(f"{prefix.rstrip('/')}/")
        ]
        usable = [url for url in found if not (self.offline and _is_server(url))]
        if found and not usable:
            raise offline(path.rpartition("/")[2], where=found[0])
        return usable


def mirrors_of(release: Release, *, mirror: str = "", offline: bool = False) -> Mirrors:
    """The mirrors of a release; `mirror`, if given, replaces all of them."""
    if mirror:
        return Mirrors((mirror,), offline=offline)
    return Mirrors(release.mirrors, release.archives, offline)


def offline(what: str, *, where: str) -> SourceError:
    """The error for a file that only a server has, if fetching is disabled."""
    return SourceError(
        f"{what} is not in the store, and fetching is disabled",
        where=where,
        why="the setting offline=yes",
        hint="run once with `offline=no`, or name a folder that has it (`mirror=FOLDER`)",
        reason="offline",
    )


def _is_server(url: str) -> bool:
    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return False  # an invalid URL, which is reported when it is used
