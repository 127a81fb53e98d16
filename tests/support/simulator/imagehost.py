"""A booted dom0 with a store for images and the programs that `goldmaster-images` needs.

ftp(1) is NetBSD's own tnftp; openssl, rsync and flock(1) are real too. Every program is called
through a step counter, which can simulate a power cut: at a step, the whole command is killed.
"""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.servers.image_server import Files, public_key
from support.simulator import Server

STORE = "/store"
TOOLS = {
    "bin": ("cat", "chmod", "cp", "date", "df", "ln", "mkdir", "mv", "rm", "sync"),
    "usr/bin": ("cmp", "flock", "ftp", "openssl", "printf", "rsync", "sort", "touch", "wc"),
}
# Names of programs on the host that differ from NetBSD's.
NAMES = {"ftp": "tnftp"}
WRAPPED = """\
#!/bin/sh
. /sim/step.sh
exec /host/bin/{name} "$@"{more}
"""
# Messages of these programs without /proc, which they do not print on NetBSD.
MORE = {"df": " 2>/dev/null"}
# NetBSD's cksum(1) prints only the digest for standard input: usr.bin/cksum/cksum.c 1.47 of
# 2014-10-03.
CKSUM = """\
#!/bin/sh
. /sim/step.sh
case "$*" in
'-a sha256')\t;;
*)\techo "cksum: $*" >&2
\texit 1 ;;
esac
sum=$(/host/bin/sha256sum) && echo "${sum%% *}"
"""
# Adds a line to /sim/steps; the whole command is killed before the step in /sim/kill.
STEP = """\
echo "${0##*/} $*" >>/sim/steps
if [ -f /sim/kill ]; then
\tread -r at </sim/kill
\tsteps=0
\twhile read -r _; do
\t\tsteps=$((steps + 1))
\tdone </sim/steps
\t[ $steps -lt "$at" ] || kill -KILL 0
fi
"""


@dataclass(frozen=True)
class Said:
    """The exit status and output of a command, and the programs it called."""

    status: int
    text: str
    steps: tuple[str, ...]


class ImageHost(Server):
    """A dom0 that gets images from `url`; the CD's are in /images. Use it as a context manager."""

    def __init__(self, folder: Path, *, shell: str = "dash", size: str = "32m") -> None:
        super().__init__(folder, shell=shell)
        self._size = size
        for place, names in TOOLS.items():
            for name in names:
                self._program(
                    f"{place}/{name}",
                    WRAPPED.format(name=NAMES.get(name, name), more=MORE.get(name, "")),
                )
        self._program("usr/bin/cksum", CKSUM)
        self.write("step.sh", STEP)
        for name in (STORE, "config/local/domUs", "images", "etc/goldmaster"):
            (self.root / name.lstrip("/")).mkdir(parents=True, exist_ok=True)
        (self.root / "etc/goldmaster/images.pem").write_text(public_key())
        (self.root / "images/base.ffs").write_text("that of the CD\n")

    def _program(self, path: str, text: str) -> None:
        file = self.root / path
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def host_conf(self, **values: str) -> None:
        """Add settings to the required ones of the host."""
        values = {
            "memory": "8192",
            "dom0_memory": "1024",
            "address": "10.0.0.11",
            "image_store": STORE,
            **values,
        }
        text = "".join(f"{key}={value}\n" for key, value in values.items() if value)
        (self.sim / "conf" / "host.conf").write_text(text)

    def domu(self, name: str, image: str = "base.ffs") -> None:
        """Add a domU that this host may run."""
        (self.sim / "conf" / "domUs" / name).write_text(
            f"image={image}\nmemory=256\nmac=00:16:3e:00:00:01\nconfig_disk=/dev/wd0e\n"
        )

    def start(self, url: str = "") -> None:
        """Boot without configuration, then add it."""
        (self.sim / "conf" / "domUs").mkdir(parents=True)
        self.flags(0x80000000)
        boot = self.boot()
        assert boot.status == 0, boot.console
        self._run("/bin/mount", "--bind", "sim/conf", "root/config/local", check=True)
        self.mount_store()
        self.host_conf(image_url=url)

    def mount_store(self) -> None:
        """Mount a separate disk for the store."""
        self._run(
            "/bin/mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={self._size}",
            "tmpfs",
            f"root{STORE}",
            check=True,
        )

    @property
    def store(self) -> Path:
        """The store of images."""
        return self.root / STORE.lstrip("/")

    def versions(self) -> set[str]:
        """Names of complete versions."""
        return {
            path.name
            for path in self.store.iterdir()
            if path.is_dir() and not path.name.startswith(".") and path.name != "pins"
        }

    def content(self, version: str) -> Files:
        """The files of a version."""
        return {path.name: path.read_bytes() for path in (self.store / version).iterdir()}

    def slot(self, name: str = "current") -> list[str]:
        """The lines of a slot."""
        path = self.store / name
        return path.read_text().splitlines() if path.exists() else []

    def attach(self, unit: int, path: str, *domus: str) -> None:
        """The state that rc.d/domus leaves after attaching an image and starting domUs from it."""
        state = self.root / "var/run/goldmaster"
        for name in ("vnd", "domUs"):
            (state / name).mkdir(parents=True, exist_ok=True)
        (state / "vnd" / str(unit)).write_text(f"{path} {' '.join(domus)}\n")
        for domu in domus:
            (state / "domUs" / f"{domu}.state").write_text(
                f"state_image={path}\nstate_order=50\nstate_version=any\n"
            )

    def detach(self, unit: int, *domus: str) -> None:
        """Set the state after stopping the domUs."""
        state = self.root / "var/run/goldmaster"
        (state / "vnd" / str(unit)).unlink()
        for domu in domus:
            (state / "domUs" / f"{domu}.state").unlink()

    def images(self, *words: str, kill: int = 0, status: int | None = 0) -> Said:
        """Run `goldmaster-images`; it must exit with `status` (None: any).

        kill  the step at which it and its children are killed; 0: never
        """
        self.write("steps", "")
        (self.sim / "kill").unlink(missing_ok=True)
        if kill:
            self.write("kill", f"{kill}\n")
        process = self.background(*words)
        text, _ = process.communicate(timeout=60)
        killed = process.returncode == -signal.SIGKILL
        said = Said(
            -1 if killed else process.returncode,
            text,
            tuple((self.sim / "steps").read_text().splitlines()),
        )
        assert status is None or said.status == status, said
        return said

    def background(self, *words: str) -> subprocess.Popen[str]:
        """Likewise, in the background in a new session."""
        return subprocess.Popen(
            [*self._namespace.wrap, "chroot", "root", "/usr/sbin/goldmaster-images", *words],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
