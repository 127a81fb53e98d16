"""A simulated server: the CD's own /etc/rc runs in a mount namespace.

The root is composed as in the recipe, from mini's set `etc` and the recipe's overlays, and is
read-only. NetBSD's programs are replaced by stand-ins (`sbin`, `bin`), which emulate them with
Linux's means, keep the state of disks in /sim, and record their calls: overlayfs emulates union
mounts, bind mounts of folders emulate FFS. They are at least as strict as the originals; comments
on NetBSD's rules name the file and revision of their source. The PATH of the scripts has no
programs of the host.
"""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from support.checkouts.scratch import PROJECT
from support.machines.namespace import Namespace
from support.simulator import shells

HERE = Path(__file__).parent
RECIPES = PROJECT / "recipes"
MARKER = "GOLDMASTER"
# NetBSD's /bin, as far as scripts need it; the shell is added separately.
BIN = (
    "cat",
    "chmod",
    "cp",
    "date",
    "echo",
    "expr",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "pwd",
    "rm",
    "rmdir",
    "sleep",
    "sync",
    "test",
)
# /usr/bin likewise; cksum is a stand-in in /bin.
USR_BIN = ("cmp", "find", "od", "printf", "readlink", "sort", "timeout", "tr")
RC_D = "share/examples/rc.d"
PARTITIONS = "abcdefghijklmnop"
# Of the state of the machine, beside what is mounted.
IN_MEMORY = (
    *("copies", "mounts", "shadows", "swap", "vnd", "xl", "xl-last-id"),
    *(f"storage/{name}" for name in ("portals", "sessions", "ended", "disks", "raid")),
)
LIMIT_SECONDS = 120
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# Files of a file system: path to text.
Files = Mapping[str, str]

# What the kernel and init do before /etc/rc: mount a read-only root, and /dev.
_POWER_ON = """
set -e
mount --bind root root
mount --rbind /usr root/host
for name in lib lib64; do
    [ ! -d root/$name ] || [ -L root/$name ] || mount --rbind /$name root/$name
done
mount --bind sim root/sim
mount --bind /dev/null root/sim/null
if [ -e sim/dev-on-cd ]; then
    mount --bind root/sim/null root/dev/null
else
    mount -t tmpfs -o mode=755 tmpfs root/dev
    cp sim/MAKEDEV root/dev
    : >root/dev/null
    mount --bind /dev/null root/dev/null
fi
mount -o remount,bind,ro root
"""


@dataclass(frozen=True)
class Boot:
    """How /etc/rc ended.

    status   0: multi-user; 1: init starts a single-user shell
    console  its output
    calls    calls of the stand-ins, one per line
    """

    status: int
    console: str
    calls: tuple[str, ...]

    def calls_of(self, *programs: str) -> list[str]:
        """The calls of some programs, in order."""
        return [call for call in self.calls if call.split()[0] in programs]


class Server:
    """A server that is switched off. Plug in disks, then `boot`. Use it as a context manager."""

    def __init__(self, folder: Path, *, recipe: str = "dom0", shell: str = "dash") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._namespace = Namespace(folder)
        self._on = False
        self._disks: list[str] = []
        try:
            self._namespace.tmpfs(folder, "size=64m,mode=755")
            self._home = self._namespace.inside(folder)
            self._furnish(recipe, shell)
        except BaseException:
            self._namespace.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._namespace.__exit__()

    # parts

    @property
    def root(self) -> Path:
        """The root folder, with everything mounted in it."""
        return self._home / "root"

    @property
    def sim(self) -> Path:
        """The state of the machine."""
        return self._home / "sim"

    def _furnish(self, recipe_name: str, shell: str) -> None:
        for name in ("sysctl", "partitions", "nodes", "fs", "state", "mounted", "shadows"):
            (self.sim / name).mkdir(parents=True)
        for name in ("common.sh", "MAKEDEV"):
            shutil.copy2(HERE / name, self.sim)
        for name in ("log", "null", "sysctl/hw.disknames", "nodes/init"):
            (self.sim / name).touch()
        self.write("sysctl/kern.root_device", "cd0\n")
        self.flags(0)
        self._compose(recipe_name)
        for name in ("host", "sim", "dev", "tmp", "var/run", "var/log", "kern"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        shutil.copy2(self.sim / "MAKEDEV", self.root / "dev")
        (self.root / "dev" / "null").touch()
        for name in ("bin", "sbin"):
            shutil.copytree(HERE / name, self.root / name)
        for name in BIN:
            (self.root / "bin" / name).symlink_to(f"/host/bin/{name}")
        shells.install(shell, self.root)
        (self.root / "usr/bin").mkdir(parents=True)
        self.programs(*USR_BIN)
        (self.root / "usr/bin/cksum").symlink_to("../../bin/cksum")
        for name in ("lib", "lib64"):
            if Path("/", name).is_symlink():
                (self.root / name).symlink_to(f"host/{name}")
            elif Path("/", name).is_dir():
                (self.root / name).mkdir()

    def _compose(self, recipe_name: str) -> None:
        file = RECIPES / f"{recipe_name}.toml"
        recipe = tomllib.loads(file.read_text())
        shutil.copytree(PROJECT / "sets/mini/binary/etc", self.root, symlinks=True)
        for old, new in recipe.get("keep", {}).items():
            (self.root / old).rename(self.root / new)
        for name in ("pwd.db", "spwd.db"):  # NetBSD's set has them, newer than master.passwd
            (self.root / "etc" / name).touch()
        for package in recipe.get("packages", ()):
            self._package(package)
        for overlay in recipe["overlays"]:
            shutil.copytree(RECIPES / overlay, self.root, symlinks=True, dirs_exist_ok=True)
            spec = RECIPES / f"{overlay}.mtree"
            for line in spec.read_text().splitlines() if spec.exists() else ():
                if line.startswith("./") and "type=dir" in line:
                    (self.root / line.split()[0]).mkdir(parents=True, exist_ok=True)

    def _package(self, pkgpath: str) -> None:
        """Install a package's rc.d scripts where root stages copy them, like its own script."""
        name = pkgpath.rpartition("/")[2]
        scripts = PROJECT / "sets/mini/packages" / name / "files" / RC_D
        if scripts.is_dir():
            shutil.copytree(scripts, self.root / "etc/rc.d", dirs_exist_ok=True)

    def programs(self, *names: str) -> None:
        """Add the host's programs with these names to /usr/bin, unless they exist."""
        for name in names:
            if not (self.root / "usr/bin" / name).is_symlink():
                (self.root / "usr/bin" / name).symlink_to(f"/host/bin/{name}")

    # disks and flags

    def disk(
        self, name: str, partitions: Mapping[str, str] | None = None, *, nodes: bool = True
    ) -> None:
        """Plug in a disk.

        partitions  letter to file system; a wedge has a single partition ``
        nodes       whether /dev has its nodes from the start
        """
        self._disks.append(name)
        self.write("sysctl/hw.disknames", " ".join(self._disks) + "\n")
        letters = ("",) if name.startswith("dk") else tuple(PARTITIONS)
        devices = "".join(f"{raw}{name}{letter}\n" for letter in letters for raw in ("", "r"))
        self.write(f"nodes/{name}", devices)
        if nodes:
            self.write("nodes/init", (self.sim / "nodes/init").read_text() + devices)
        for letter, file_system in (partitions or {}).items():
            self.write(f"partitions/{name}{letter}", file_system)

    def file_system(self, name: str, files: Files, *, state: str = "clean") -> None:
        """Create a file system; `state` is what fsck_ffs will find."""
        (self.sim / "fs" / name).mkdir()
        for path, text in files.items():
            self.write(f"fs/{name}/{path}", text)
        self.write(f"state/{name}", f"{state}\n")

    def flags(self, value: int) -> None:
        """Set the boot flags that sysctl(8) shows."""
        self.write("sysctl/kern.boothowto", f"{value:#x}\n" if value else "0\n")

    def write(self, name: str, text: str) -> None:
        """Write a file of the machine's state."""
        path = self.sim / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    # power

    def boot(self, *words: str) -> Boot:
        """Run /etc/rc like init; again after the single-user shell has ended."""
        if not self._on:
            self._on = True
            self._run("/bin/sh", "-c", _POWER_ON, check=True)
            if not (self.sim / "dev-on-cd").exists():
                for node in (self.sim / "nodes/init").read_text().split():
                    (self.root / "dev" / node).touch()
        self.write("log", "")
        done = self.run("/bin/sh", "/etc/rc", *words)
        calls = tuple((self.sim / "log").read_text().splitlines())
        return Boot(done.returncode, done.stdout, calls)

    def power_off(self) -> None:
        """All that was in memory is lost: /dev, /tmp, /var, and who had what open or attached."""
        self._run("umount", "--lazy", "root", check=True)  # with all that is mounted below
        for path in (self.sim / name for name in IN_MEMORY):
            if path.is_dir():
                shutil.rmtree(path)
                path.mkdir()
            else:
                path.unlink(missing_ok=True)
        for path in (self.sim / "mounted").iterdir():
            if path.read_text() != "/\n":  # the root, which the kernel mounts
                path.unlink()
        self._on = False

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the server."""
        return self._run("chroot", "root", *words)

    def _run(self, *words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._namespace.wrap, *words],
            env={"PATH": _PATH},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
            check=check,
        )
