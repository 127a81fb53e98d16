"""Storage servers for a simulated domU: iSCSI volumes that can be lost, late, empty or damaged.

/sim/storage holds

    up/SERVER               exists if it answers
    late/SERVER             number of unanswered requests before
    volumes/SERVER,TARGET/  `label`, RAIDframe's component label; `data/`, its content; `state`,
                            what fsck will find
    first                   the number of the next disk
    slow                    while it exists, rebuilding does not finish
    breaks                  while it exists, rebuilding starts and fails
"""

from __future__ import annotations

import shutil
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
        disks = [
            f"{raw}{name}{letter}"
            for raw in ("", "r")
            for letter in "dp"
            for name in (*(f"sd{n}" for n in range(16)), RAID)
        ]
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
        """Set the minimum number of the next disk."""
        (self.folder / "first").write_text(f"{first}\n")

    def mirror(
        self,
        *,
        a: int = 10,
        b: int = 10,
        clean: bool = True,
        state: str = "clean",
        serial: int = SERIAL,
    ) -> None:
        """Set labels with these counters, and data that identifies its volume."""
        for column, (name, counter) in enumerate((("a", a), ("b", b))):
            folder = self.volume(name)
            shutil.rmtree(folder / "data", ignore_errors=True)
            (folder / "data").mkdir()
            (folder / "data/counter").write_text(f"{counter}\n")
            (folder / "state").write_text(f"{state}\n")
            (folder / "label").write_text(f"2 {serial} {counter} 0 {column} 1 2 {clean:d} 0\n")

    def counter(self, server: str) -> int:
        """The counter in the label of its volume."""
        return int((self.volume(server) / "label").read_text().split()[2])

    def sessions(self) -> list[str]:
        """Live sessions: server and target."""
        ended = {path.name for path in (self.folder / "ended").iterdir()}
        return [
            path.read_text().rsplit(maxsplit=2)[0]
            for path in sorted((self.folder / "sessions").iterdir())
            if path.name not in ended
        ]

    def is_configured(self) -> bool:
        """Whether RAIDframe has configured the device."""
        return (self.folder / "raid/0").exists()

    def lose(self, *servers: str) -> None:
        """Stop servers: RAIDframe fails their halves and continues with the rest.

        The kernel drops their sessions, and iscsid does not notice.
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
        """Let servers answer again."""
        for server in servers:
            self._up(server).touch()

    def finish(self) -> None:
        """Finish rebuilding."""
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
        """Let rebuilding last until `finish`."""
        (self.folder / "slow").touch()

    def move_to(self, other: Storage, *, up: str = "ab") -> None:
        """The same volumes for a domU that starts on another host; only these servers answer."""
        shutil.rmtree(other.folder / "volumes")
        shutil.copytree(self.folder / "volumes", other.folder / "volumes")
        for name in set("ab") - set(up):
            other._up(name).unlink()

    def _run(self, script: str) -> None:
        done = self._server.run("/bin/sh", "-c", _SYNC + script)
        assert done.returncode == 0, done.stdout
