"""The files that come with the package: recipes, overlays, kernel configurations, releases.

A checkout has them in its own folders. A wheel cannot contain symbolic links, so it has an archive,
which is unpacked into a work folder named by its content, and again if anything there changes.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from buildlib import __version__
from buildlib.store.store import Store

PACKAGE = f"goldmaster {__version__}"
_LIBRARY = Path(__file__).resolve().parents[2]
_ARCHIVE = _LIBRARY / "starter.tar.gz"
_FOLDERS = ("kernel-configs", "recipes", "sets")
_RECIPE = re.compile(r"recipes/(domu/)?[^/]+\.toml")
# Python before 3.11.4 has no filters; later versions warn if none is chosen.
_AS_IT_IS: Any = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}


def shipped_folder(store: Store, say: Callable[[str], None]) -> Path:
    """The folder with the package's `recipes`, `sets` and `kernel-configs`.

    say  receives a line when it waits for another run, or when the unpacked files were changed
    """
    store.seen.note(_ARCHIVE)
    if not _ARCHIVE.is_file():
        return _LIBRARY.parent
    key = store.seen.sha256(str(_ARCHIVE))
    folder = store.workspaces.find("shipped", key)
    if folder is None:
        with store.alone(waiting=say):
            folder = store.workspaces.get("shipped", key, copy_shipped, tell=say)
    return folder


def copy_shipped(folder: Path) -> None:
    """Copy or unpack the package's files into `folder`."""
    if _ARCHIVE.is_file():
        with tarfile.open(_ARCHIVE) as archive:  # our own archive, so any links in it are safe
            archive.extractall(folder, **_AS_IT_IS)  # noqa: S202  our own archive
        return
    for name in _FOLDERS:
        shutil.copytree(
            _LIBRARY.parent / name,
            folder / name,
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )


def shipped_recipes() -> dict[str, str]:
    """Path to text of every recipe in the package, and of the tables beside them."""
    return {name: text for name, text in _recipe_files() if name != "recipes/settings.toml"}


def _recipe_files() -> Iterator[tuple[str, str]]:
    if not _ARCHIVE.is_file():
        for path in sorted((_LIBRARY.parent / "recipes").rglob("*.toml")):
            name = path.relative_to(_LIBRARY.parent).as_posix()
            if _RECIPE.fullmatch(name):
                yield name, path.read_text()
        return
    with tarfile.open(_ARCHIVE) as archive:
        for member in archive:
            if _RECIPE.fullmatch(member.name) and (file := archive.extractfile(member)):
                yield member.name, file.read().decode()
