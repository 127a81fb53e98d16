"""Storage servers for a simulated domU: iSCSI volumes that can be lost, late, empty or damaged.

/sim/storage holds

    up/SERVER               it answers
    late/SERVER             how many times it is asked in vain before
    volumes/SERVER,TARGET/  `label`, the words of RAIDframe's component label; `data/`, what is on
                            it; `state`, what fsck will find
    first                   the number of the next disk
    slow                    while it is there, nothing is rebuilt
    breaks                  while it is there, rebuilding begins and fails
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from support.simulator import HERE, Server

SERIAL = 4711
RAID = "raid0"
_SYNC = ". /sim/common.sh; . /sim/storage.sh; "


class Storage:
    """The storage servers of one domU, `a` with half 1 and `b` with half 2.

    a, b  their names and targets
    """

    def __init__(self, server: Server, *, a: str = "a,t", b: str = "b,t") -> None:
        self._server = server
        self._volumes = {"a": a, "b": b}
        self.folder = server.sim / "storage"
        for name in ("up", "late", "volumes", "portals", "sessions", "ended", "disks", "raid"):
            (self.folder / name).mkdir(parents=True)
        shutil.copy2(HERE / "storage.sh", server.sim)
        self.numbers_from(0)
        disks = [f"{raw}{name}{letter}" for raw in ("", "r") for letter in "dp"
                 for name in (*(f"sd{n}" for n in range(16)), RAID)]
        nodes = server.sim / "nodes/init"
        nodes.write_text(nodes.read_text() + "".join(f"{name}\n" for name in disks) + "console\n")
        for name in "ab":
            self.volume(name).mkdir()
        self.restore("a", "b")

    def _up(self, server: str) -> Path:
        return self.folder / "up" / self._volumes[server].partition(",")[0]

    def volume(self, server: str) -> Path:
        """The folder of its volume."""
        return self.folder / "volumes" / self._volumes[server]

    def numbers_from(self, first: int) -> None:
        """Which number the next disk gets, at the least."""
        (self.folder / "first").write_text(f"{first}\n")

    def mirror(self, *, a: int = 10, b: int = 10, clean: bool = True, state: str = "clean",
               serial: int = SERIAL) -> None:
        """Labels with these counters, and data that says whose it is."""
        for column, (name, counter) in enumerate((("a", a), ("b", b))):
            folder = self.volume(name)
            shutil.rmtree(folder / "data", ignore_errors=True)
            (folder / "data").mkdir()
            (folder / "data/counter").write_text(f"{counter}\n")
            (folder / "state").write_text(f"{state}\n")
            (folder / "label").write_text(f"2 {serial} {counter} 0 {column} 1 2 {clean:d} 0\n")

    def counter(self, server: str) -> int:
        """Of the label on its volume."""
        return int((self.volume(server) / "label").read_text().split()[2])

    def sessions(self) -> list[str]:
        """Those that live: server and target of each."""
        ended = {path.name for path in (self.folder / "ended").iterdir()}
        return [path.read_text().rsplit(maxsplit=2)[0]
                for path in sorted((self.folder / "sessions").iterdir()) if path.name not in ended]

    def is_configured(self) -> bool:
        """Whether RAIDframe has the device."""
        return (self.folder / "raid/0").exists()

    def lose(self, *servers: str) -> None:
        """They stop: RAIDframe fails their halves, and goes on with what is left.

        The kernel gives their sessions up, and iscsid does not notice.
        """
        running = self.is_configured()
        if running:
            self._run("write_data")
        for server in servers:
            self._up(server).unlink()
            if running:
                self._run(f"""
                    for column in 0 1; do
                        component $column
                        case $(take "$storage/disks/$c_disk") in
                        {self._volumes[server]}) set_component $column failed ;;
                        esac
                    done
                """)
            if any((self.folder / "sessions").iterdir()):
                self._run(f"end_sessions {self._volumes[server]}")
        if running:
            self._run("write_labels 0")

    def restore(self, *servers: str) -> None:
        """They answer again."""
        for server in servers:
            self._up(server).touch()

    def finish(self) -> None:
        """What is being rebuilt comes to its end."""
        (self.folder / "slow").unlink()
        self._run("""
            for column in 0 1; do
                component $column
                [ "$c_status" != reconstructing ] || set_component $column optimal
            done
            echo clean >$storage/raid/parity
            write_labels 0
        """)

    def slowly(self) -> None:
        """From now on rebuilding lasts until `finish`."""
        (self.folder / "slow").touch()

    def move_to(self, other: Storage, *, up: str = "ab") -> None:
        """The same volumes for a domU that starts elsewhere; of the servers these answer."""
        shutil.rmtree(other.folder / "volumes")
        shutil.copytree(self.folder / "volumes", other.folder / "volumes")
        for name in set("ab") - set(up):
            other._up(name).unlink()

    def close(self) -> None:
        """Nothing is left running that would hold on to the machine."""
        pid = self._server.root / "var/run/goldmaster/mirror/pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)

    def _run(self, script: str) -> None:
        done = self._server.run("/bin/sh", "-c", _SYNC + script)
        assert done.returncode == 0, done.stdout
