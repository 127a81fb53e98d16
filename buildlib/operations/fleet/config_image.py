"""Makes the configuration partition of a host or domU from the site.

A machine that starts with a wrong configuration can only be repaired at its console. So the site
is checked first, and an image is made only if this machine has no problems.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import Site
from buildlib.config.site.reader import HOSTS, SERVERS, SHARED, known_names, read_site
from buildlib.host.process import Runner
from buildlib.model.errors import ConfigError
from buildlib.model.schema import nearest
from buildlib.model.tree import Tree
from buildlib.operations.fleet.config_tree import Texts, checked_out, copied
from buildlib.operations.site_check.check import check_site
from buildlib.sources.subversion import Subversion, is_checkout
from buildlib.stages.images.config_partition import write_image

# 2000-01-01: the times in a checkout depend on when it was checked out
TIME = 946_684_800
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Machine:
    """A host or domU of a site.

    place   path of its folder, from the site's
    others  number of the site's problems that do not concern this machine
    """

    name: str
    site: Path
    place: str
    others: int

    @property
    def folders(self) -> tuple[Path, Path]:
        """Its own folder, and the shared one."""
        return self.site / self.place, self.site / SHARED


def find_machine(name: str, site: Path, project: Path) -> Machine:
    """A machine of the site, without problems. Raises ConfigError with every problem."""
    problems: list[Problem] = []
    read = read_site(site, problems)
    place = _place(name, read, site)
    found = sorted({*problems, *check_site(read, known_names(project))})
    is_placement = re.compile(rf"{HOSTS}/[^/]+/domUs/{re.escape(name)}").fullmatch
    mine = [
        problem
        for problem in found
        if is_placement(problem.file) or f"{problem.file}/".startswith((f"{place}/", f"{SHARED}/"))
    ]
    if mine:
        raise ConfigError(
            f"{name}: its configuration has {len(mine)} problem{'s' * (len(mine) > 1)}",
            where=site,
            problems=tuple(map(str, mine[:_SHOWN])),
            hint=f"doit site-check {site} shows all problems",
            reason="site-problems",
        )
    return Machine(name, site, place, len(found))


def _place(name: str, site: Site, folder: Path) -> str:
    places = [
        place for place, names in ((HOSTS, site.hosts), (SERVERS, site.servers)) if name in names
    ]
    if len(places) != 1:
        known = (*site.hosts, *site.servers)
        raise ConfigError(
            f"{name} is both a host and a server"
            if places
            else f"the site has no {name}{nearest(name, known)}",
            where=folder,
            why=None if places else f"neither {HOSTS}/{name} nor {SERVERS}/{name} exists",
            hint="rename one of them" if places else None,
            reason="no-machine",
        )
    return f"{places[0]}/{name}"


@dataclass(frozen=True, slots=True)
class Made:
    """A written image: its bytes, its number of files, and the checkout's URL and revision."""

    size: int
    files: int
    url: str = ""
    revision: int = 0


def write_copy(machine: Machine, path: Path, *, time: int, size: int) -> Made:
    """Write an image with a plain copy, identical on every machine. Raises GoldmasterError."""
    texts = Texts()
    tree = copied(*machine.folders, texts, time=time)
    return Made(write_image(path, tree, texts, time=time, size=size), _files(tree))


def write_checkout(
    machine: Machine, path: Path, *, time: int, size: int, url: str, runner: Runner, work: Path
) -> Made:
    """Write an image with checkouts, which the server can update.

    url   of the site; empty: the one that the folder was checked out from
    work  a folder for the checkouts, created and removed
    Raises ConfigError if the repository differs from the site; ToolError.
    """
    client = Subversion.found(runner)
    url = (url or client.url(machine.site.absolute())).rstrip("/")
    revision = client.revision(url)
    with _scratch(work.absolute() / f"{machine.name}.{os.getpid()}") as folder:
        checkouts = (folder / "local", folder / "global")
        for name, checkout in zip((machine.place, SHARED), checkouts, strict=True):
            client.check_out(f"{url}/{name}", revision, checkout)
        texts = Texts()
        here, there = (
            copied(*folders, texts, time=time) for folders in (machine.folders, checkouts)
        )
        differences = _differences(here, there)
        if differences:
            raise ConfigError(
                f"the site and the repository's revision {revision} differ",
                where=url,
                problems=tuple(differences[:_SHOWN]),
                hint="commit or update; checkout=no makes a plain copy of the local site",
                reason="not-committed",
            )
        texts = Texts()
        tree = checked_out(*checkouts, texts, time=time)
        return Made(
            write_image(path, tree, texts, time=time, size=size), _files(tree), url, revision
        )


def wants_checkout(site: Path, requested: str) -> bool:
    """Whether the image should have checkouts: a URL is given, or the site is a checkout."""
    return requested != "no" and (bool(requested) or is_checkout(site))


def _differences(here: Tree, there: Tree) -> Sequence[str]:
    paths = sorted({*here.by_path, *there.by_path})
    return [
        f"{path}: {_how(path, here, there)}"
        for path in paths
        if here.by_path.get(path) != there.by_path.get(path)
    ]


def _how(path: str, here: Tree, there: Tree) -> str:
    if path not in there.by_path:
        return "not in the repository"
    return "changed" if path in here.by_path else "only in the repository"


def _files(tree: Tree) -> int:
    return sum(entry.kind != "dir" for entry in tree)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed process with the same id
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
