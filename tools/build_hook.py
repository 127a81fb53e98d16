"""Adds the files of a new project (recipes, sets, kernel configurations) to a package.

They are added as one archive, because wheels have no symbolic links and source archives no absolute
ones. The same files give the same archive.
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


class StarterHook(BuildHookInterface[Any]):
    """Adds buildlib/starter.tar.gz to a wheel."""

    PLUGIN_NAME = "custom"
    _folder = ""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is built. An editable install needs no archive."""
        if version == "editable" or not (Path(self.root) / FOLDERS[0]).is_dir():
            return  # a source archive already contains the archive
        self._folder = tempfile.mkdtemp()
        path = Path(self._folder) / "starter.tar.gz"
        with (
            gzip.GzipFile(path, "wb", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name in sorted(_files(Path(self.root))):
                archive.add(Path(self.root) / name, name, recursive=False, filter=_plain)
        build_data["force_include"][str(path)] = "buildlib/starter.tar.gz"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called after the wheel is built."""
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
    """Remove what depends on the host."""
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.issym() or member.mode & 0o100 else 0o644
    return member
