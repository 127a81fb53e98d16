"""Arbitrary packages, and the limits of what a stage may do with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from buildlib.engine.stage import OutputRef, StageContext
from buildlib.model.digest import sha256
from buildlib.model.errors import GoldmasterError
from buildlib.model.tree import Tree
from buildlib.stages.system.packages import Packages
from buildlib.store.blobs import Blobs
from buildlib.store.packs import Packs, StoredTree, content_of, read_content
from support.readers.archives import END, member

DATABASE = "usr/pkg/pkgdb"
OUTSIDE = "var/games"
META = {
    "+CONTENTS": b"@name a-1.0\n@cwd /usr/pkg\nbin/a\n",
    "+COMMENT": b"A\n",
    "+DESC": b"A\n",
    "+BUILD_INFO": b"OPSYS=NetBSD\nOS_VERSION=10.1\nMACHINE_ARCH=x86_64\n",
}


class Stager:
    """Stages archives, each time with a new store below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0

    def stage(self, archives: Mapping[str, bytes]) -> tuple[Tree, Callable[[str], bytes]]:
        """The tree, and a function that reads one of its files. Raises GoldmasterError."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        packs = Packs(folder, Blobs(folder))
        refs = {name: OutputRef(f"fetch:{name}", "file") for name in archives}
        paths = {}
        for number, (name, data) in enumerate(archives.items()):
            paths[refs[name]] = folder / str(number)
            paths[refs[name]].write_bytes(data)
        job = SimpleNamespace(
            name="packages",
            path=paths.__getitem__,
            packs=packs,
            sink=lambda _event: None,
            tell=lambda *_: None,
            note=lambda _text: None,
        )
        stage = Packages(
            refs,
            automatic=(),
            database=DATABASE,
            machine_arch="x86_64",
            version="10.1",
            time=0,
            prefix="usr/pkg",
            outside=(OUTSIDE,),
        )
        stored = cast("StoredTree", stage.run(cast("StageContext", job))["tree"])
        places = packs.contents(stored)

        def content(path: str) -> bytes:
            return read_content(content_of(places, stored.tree.by_path[path]))

        return stored.tree, content


def tar_of(meta: Mapping[str, bytes], *members: bytes) -> bytes:
    head = b"".join(member(name.encode(), data) for name, data in meta.items())
    return head + b"".join(members) + END


def check(tree: Tree, content: Callable[[str], bytes]) -> None:
    """Nothing is outside of the places where packages may write, and every content is correct."""
    for entry in tree:
        parts = entry.path.split("/")
        assert entry.path == "." or not {"", ".", ".."} & set(parts)
        below = any(f"{entry.path}/".startswith(f"{top}/") for top in ("usr/pkg", OUTSIDE))
        above = any(f"{top}/".startswith(f"{entry.path}/") for top in ("usr/pkg", OUTSIDE))
        assert below or entry.path == "." or (above and entry.kind == "dir"), entry.path
        assert entry.kind in {"file", "link", "dir"}
        if entry.path.startswith(f"{DATABASE}/"):
            assert entry.origin == "pkgdb" or entry.kind == "dir"
        if entry.kind == "file":
            data = content(entry.path)
            assert (len(data), sha256(data)) == (entry.size, entry.sha256)


def check_error(error: GoldmasterError) -> None:
    """The error says what happened, and has a reason."""
    assert error.what
    assert error.reason
