"""A domU with storage servers; its data is a mirror of two volumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support import waiting
from support.simulator import MARKER, Boot, Server
from support.simulator.storage import SERIAL, Storage

RC_CONF = """\
. /etc/defaults/rc.conf
rc_configured=YES
hostname=nfs
cron=NO inetd=NO syslogd=NO
mirror_wait={wait} mirror_patience={patience} mirror_interval=0.05 mirror_poll=0.02
"""
STORAGE_CONF = f"""\
volume1="a t"
volume2="b t"
raid=raid0
mount=/export
serial={SERIAL}
"""
HELLO = """\
#!/bin/sh
# PROVIDE: hello
# REQUIRE: DAEMON
. /etc/rc.subr
name=hello
rcvar=hello
start_cmd=greet
greet() { echo "hello with $(cat /export/counter)" >>/dev/console; }
hello=YES
load_rc_config $name
run_rc_command "$1"
"""
GUARD = ". /libexec/goldmaster/mirrored.sh\nneeds_data hello || hello=NO\n"
RUN = "var/run/goldmaster/mirror"


def until(done: Callable[[], bool]) -> None:
    """Wait long enough: each check of the watcher starts dozens of processes."""
    waiting.until(done)


class Machine:
    """A domU with its storage servers."""

    def __init__(
        self,
        server: Server,
        *,
        wait: int = 8,
        patience: int = 0,
        note: str = "",
        storage_conf: str = STORAGE_CONF,
    ) -> None:
        self.server = server
        (server.root / "export").mkdir()
        files = {
            MARKER: "",
            "local/etc/rc.conf": RC_CONF.format(wait=wait, patience=patience),
            "local/storage.conf": storage_conf,
            "local/etc/rc.d/hello": HELLO,
            "local/etc/rc.conf.d/hello": GUARD,
        }
        if note:
            files["mirror/raid0"] = note
        server.file_system("c", files)
        (server.sim / "fs/c/local/etc/rc.d/hello").chmod(0o755)
        server.file_system("root", {})
        server.disk("xbd0", {"a": "root"})
        server.disk("xbd1", {"a": "c"})
        self.storage = Storage(server)

    def boot(self) -> Boot:
        boot = self.server.boot("autoboot")
        assert boot.status == 0, boot.console
        return boot

    @property
    def console(self) -> str:
        """Console output after that of rc."""
        return (self.server.root / "dev/console").read_text()

    def status(self) -> dict[str, str]:
        file = self.server.root / RUN / "status"
        text = file.read_text() if file.exists() else ""
        return dict(line.split("=", 1) for line in text.splitlines())

    def reaches(self, state: str) -> None:
        """Wait until the watcher reports `text`."""
        until(lambda: self.status().get("state") == state)

    def is_up(self) -> None:
        """Wait until the data is available."""
        until((self.server.root / RUN / "mounted").exists)

    def says(self, text: str) -> None:
        until(lambda: text in self.console)

    def note(self) -> dict[str, str]:
        text = (self.server.sim / "fs/c/mirror/raid0").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def command(self, *words: str) -> tuple[int, str]:
        done = self.server.run("/bin/sh", "/usr/sbin/goldmaster-mirror", *words)
        return done.returncode, done.stdout

    def data(self) -> str:
        self.is_up()
        return self.server.run("/bin/cat", "/export/counter").stdout


def note(counter: int, half1: str = "good", half2: str = "good", lost: str = "") -> str:
    return f"noted={SERIAL}\ncounter={counter}\nhalf1={half1}\nhalf2={half2}\nlost={lost}\n"


class Machines:
    """Creates machines, and disposes of them."""

    def __init__(self, folder: Path, shell: str) -> None:
        self._folder, self._shell = folder, shell
        self._made: list[Machine] = []

    def __call__(
        self, *, wait: int = 8, patience: int = 0, note: str = "", storage_conf: str = STORAGE_CONF
    ) -> Machine:
        server = Server(
            self._folder / f"server{len(self._made)}", recipe="domu/base", shell=self._shell
        )
        self._made.append(
            Machine(server, wait=wait, patience=patience, note=note, storage_conf=storage_conf)
        )
        return self._made[-1]

    def whole(self) -> Machine:
        """A machine that has come up with both halves of its mirror."""
        machine = self()
        machine.storage.mirror()
        machine.boot()
        machine.reaches("whole")
        return machine

    def close(self) -> None:
        for machine in self._made:
            machine.server.__exit__()
