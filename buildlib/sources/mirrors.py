"""Where a release's files are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from buildlib.config.recipe import Release
from buildlib.model.errors import SourceError
from buildlib.sources.web.limits import Patience


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The places a path is looked for at, in order.

    roots     URLs or folders that have everything below them
    archives  path, from a mirror's root, to the URL or folder that holds what is below that path;
              asked after all roots, which old releases leave in the end
    offline   no server is asked; folders and file:// are
    patience  how servers are asked
    """

    roots: tuple[str, ...] = ()
    archives: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False
    patience: Patience = field(default_factory=Patience)

    def urls(self, path: str) -> list[str]:
        """Where the file at `path` (from a mirror's root) may be, in the order to ask.

        Raises SourceError (`offline`) where only servers have it and none may be asked.
        """
        found = [f"{root.rstrip('/')}/{path}" for root in self.roots]
        found += [f"{url.rstrip('/')}/{path.removeprefix(prefix).lstrip('/')}"
                  for prefix, url in self.archives.items()
                  if path.startswith(f"{prefix.rstrip('/')}/")]
        usable = [url for url in found if not (self.offline and _is_server(url))]
        if found and not usable:
            raise offline(path.rpartition("/")[2], where=found[0])
        return usable


def mirrors_of(release: Release, *, mirror: str = "", offline: bool = False) -> Mirrors:
    """The mirrors of a release; `mirror`, if it is given, stands in place of all of them."""
    if mirror:
        return Mirrors((mirror,), offline=offline)
    return Mirrors(release.mirrors, release.archives, offline)


def offline(what: str, *, where: str) -> SourceError:
    """The error for something that only a server has while no server may be asked."""
    return SourceError(
        f"{what} is not in the store, and no server may be asked", where=where,
        why="the setting offline=yes",
        hint="run once with `offline=no`, or name a folder that has it (`mirror=FOLDER`)",
        reason="offline",
    )


def _is_server(url: str) -> bool:
    try:
        return urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return False  # it is no URL at all, which is told where it is used
