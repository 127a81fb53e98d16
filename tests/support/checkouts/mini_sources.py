"""The sources of the release mini in a folder of their own, and builds of them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
MINI = ROOT / "sets/mini"
CONFIGS = ROOT / "kernel-configs"
DOM0 = 'include "arch/amd64/conf/XEN3_DOM0"\n'
OBJECTS = 19  # objects of XEN3_DOM0: the files of conf/files and three made by config
SCREEN_OBJECTS = 1  # of them for the screen, which XEN3_DOMU has not
DISK_OBJECTS = 13  # and those that XEN3_DOMU has for its disks
COMPILED = re.compile(r"^# +compile  (\S+)$", re.MULTILINE)


def merge_sources(root: Path) -> Path:
    """The four source sets, unpacked over one another below `root`; returns usr/src."""
    for source_set in ("syssrc", "src", "sharesrc", "gnusrc"):
        shutil.copytree(MINI / "source" / source_set, root, dirs_exist_ok=True)
    return root / "usr/src"


@dataclass(frozen=True)
class Workspace:
    """A source tree and the folders that a build of it writes."""

    root: Path
    source: Path

    def kernel(self, conf: str) -> Path:
        return self.root / "obj/sys/arch/amd64/compile" / conf / "netbsd"

    def argv(self, *words: str, jobs: int = 2, update: bool = True) -> list[str]:
        return [
            str(self.source / "build.sh"), "-U", *(["-u"] if update else []), "-m", "amd64",
            "-a", "x86_64", "-O", f"{self.root}/obj", "-T", f"{self.root}/tools",
            "-D", f"{self.root}/dest", "-R", f"{self.root}/rel", "-j", str(jobs), "-N", "1", *words,
        ]  # fmt: skip

    def run(
        self,
        *words: str,
        jobs: int = 2,
        update: bool = True,
        umask: int = 0o022,
        environment: dict[str, str] | None = None,
        ok: bool = True,
    ) -> str:
        """Run build.sh; return what it printed, errors among it."""
        done = subprocess.run(
            self.argv(*words, jobs=jobs, update=update),
            env={"PATH": os.environ["PATH"], **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=umask,
            check=False,
        )
        assert (done.returncode == 0) is ok, done.stdout
        return done.stdout

    def build(self, conf: str | Path, *words: str, update: bool = True) -> str:
        """A reproducible kernel of `conf`."""
        return self.run("-V", "MKREPRO=yes", *words, f"kernel={conf}", update=update)

    def derive(self, name: str, text: str) -> Path:
        """A configuration file of that name and text, outside the sources."""
        folder = self.root / "conf"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return folder / name


def new_workspace(root: Path) -> Workspace:
    workspace = Workspace(root, merge_sources(root))
    workspace.run("tools")
    return workspace


def snapshot(tree: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(tree)): (
            path.lstat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(tree.rglob("*"))
    }


def workers_of(group: int) -> dict[int, int]:
    """make's workers, and their parent: make itself, whose parent is no make."""
    processes = group_of(group)
    makes = {pid: parent for pid, (parent, name) in processes.items() if name == "nbmake"}
    return {pid: parent for pid, parent in makes.items()
            if parent in makes and makes[parent] not in makes}


def group_of(group: int) -> dict[int, tuple[int, str]]:
    """(parent, name) of the processes of a group that have not ended."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(") ")
        except OSError:
            continue
        state, parent, its_group, *_ = rest.split()
        if int(its_group) == group and state != "Z":
            found[int(path.parent.name)] = (int(parent), name)
    return found
