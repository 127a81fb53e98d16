"""What a package needs besides Python: recipes, sets and kernel configurations of a new project.

They go in as one archive: a wheel knows no symbolic links, and a source archive no absolute ones.
It is the same for the same files.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("kernel-configs", "recipes", "sets")


class StarterHook(BuildHookInterface):  # type: ignore[misc]  # hatchling is there while it builds
    """Adds buildlib/starter.tar.gz to a wheel."""

    PLUGIN_NAME = "custom"
    _folder = ""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is made. One that leads to the checkout needs no archive."""
        if version == "editable" or not (Path(self.root) / FOLDERS[0]).is_dir():
            return  # a source archive has the archive already
        self._folder = tempfile.mkdtemp()
        path = Path(self._folder) / "starter.tar.gz"
        with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(
                fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(_files(Path(self.root))):
                archive.add(Path(self.root) / name, name, recursive=False, filter=_plain)
        build_data["force_include"][str(path)] = "buildlib/starter.tar.gz"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when it is made."""
        del version, build_data, artifact_path
        if self._folder:
            shutil.rmtree(self._folder)


def _files(root: Path) -> list[str]:
    found = []
    for folder in FOLDERS:
        for place, folders, names in os.walk(root / folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            links = [name for name in folders if (Path(place) / name).is_symlink()]
            found += [os.path.relpath(Path(place) / name, root) for name in [*names, *links]]
    return found


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of the host that packs it."""
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.issym() or member.mode & 0o100 else 0o644
    return member
