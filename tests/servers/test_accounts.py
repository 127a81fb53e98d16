"""Users at boot: the databases are those of the list that the server has, and none is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.simulator import MARKER, Server
from support.simulator.shells import SHELLS, program

RC_CONF = ". /etc/defaults/rc.conf\nrc_configured=YES\n"
CONFIG = {MARKER: "", "local/etc/rc.conf": RC_CONF}
MASTER = "root:*:0:0::0:0:Charlie &:/root:/bin/sh\nown:*:900:900::0:0:Own:/:/bin/sh\n"
NEW = "/config/local/etc/.goldmaster.pwd"
CALL = f"pwd_mkdb -p -d {NEW} {NEW}/etc/master.passwd"
MADE = {"pwd.db", "spwd.db", ".pwd.db.sum"}


class Machines:
    """The same machine, from one time that its power is on to the next."""

    def __init__(self, folder: Path, shell: str, stack: ExitStack) -> None:
        self._folder, self._shell, self._stack = folder, shell, stack
        self._count = 0

    def on(self, before: Server | None = None) -> Server:
        """Its power is on; its disk is as it was left `before`."""
        self._count += 1
        server = self._stack.enter_context(
            Server(self._folder / str(self._count), shell=self._shell)
        )
        server.disk("wd0", {"a": "c"})
        if before is not None:
            server.file_system("c", {})
            shutil.copytree(before.sim / "fs/c", server.sim / "fs/c", dirs_exist_ok=True)
        return server


@pytest.fixture(params=SHELLS)
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machines]:
    assert shutil.which(program(request.param))
    with ExitStack() as stack:
        yield Machines(tmp_path, request.param, stack)


@pytest.fixture
def server(machines: Machines) -> Server:
    return machines.on()


def boots(server: Server) -> tuple[str, list[str]]:
    """What the console says, and the calls of pwd_mkdb."""
    boot = server.boot("autoboot")
    assert boot.status == 0, boot.console
    return boot.console, [call for call in boot.calls if call.startswith("pwd_mkdb")]


def config(server: Server) -> dict[str, str]:
    """Files of the server's /etc on its disk."""
    folder = server.sim / "fs/c/local/etc"
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def age(server: Server, path: Path, hours: int) -> None:
    """Make a file so much younger than the image's databases, or older."""
    then = (server.root / "etc/pwd.db").stat().st_mtime + 3600 * hours
    os.utime(path, (then, then))


def test_the_image_s_databases_are_used_as_they_are(server: Server) -> None:
    server.file_system("c", CONFIG)
    assert boots(server)[1] == []
    assert not MADE & set(config(server))


def test_an_image_whose_list_is_younger_than_its_databases(
    machines: Machines, server: Server
) -> None:
    """Packages have brought users, and the toolchain could make no databases."""
    server.file_system("c", CONFIG)
    age(server, server.root / "etc/master.passwd", 1)
    console, calls = boots(server)
    assert calls == [CALL]
    assert "goldmaster: users" not in console
    made = config(server)
    assert set(made) >= MADE
    assert "master.passwd" not in made, "it would hide the list of the next image"
    assert "passwd" not in made, "the image's says the same"
    assert "root\n" in made["pwd.db"]
    assert (server.sim / "fs/c/local/etc/spwd.db").stat().st_mode & 0o777 == 0o600
    assert not (server.sim / "fs/c/local/etc/.goldmaster.pwd").exists()
    again = machines.on(server)
    age(again, again.root / "etc/master.passwd", 1)
    assert boots(again)[1] == [], "once is enough"


def test_a_list_of_the_server_s_own(machines: Machines, server: Server) -> None:
    server.file_system("c", {**CONFIG, "local/etc/master.passwd": MASTER})
    age(server, server.sim / "fs/c/local/etc/master.passwd", -9)
    assert boots(server)[1] == [CALL], "the image's databases are of another list, however old"
    made = config(server)
    assert (made["pwd.db"], made["master.passwd"]) == ("root\nown\n", MASTER)
    mode = (server.sim / "fs/c/local/etc/master.passwd").stat().st_mode & 0o777
    assert mode == 0o600, "a checkout gives it 644"
    assert made["passwd"].splitlines()[1] == "own:*:900:900:Own:/:/bin/sh"
    again = machines.on(server)
    other = again.sim / "fs/c/local/etc/master.passwd"
    other.write_text(MASTER.replace("own", "other"))
    age(again, other, -9)
    assert boots(again)[1] == [CALL], "by its content, whatever its time"
    assert config(again)["pwd.db"] == "root\nother\n"


def test_what_the_server_lacks_of_the_packages_users_is_told(server: Server) -> None:
    line = "www:*:500:500::0:0:www user:/nonexistent:/sbin/nologin"
    place = server.root / "usr/share/goldmaster"
    place.mkdir(parents=True, exist_ok=True)
    (place / "accounts").write_text(f"group www www:*:500:\nuser www {line}\nuser root x\n")
    server.file_system(
        "c", {**CONFIG, "local/etc/master.passwd": MASTER, "local/etc/group": "www:*:500:\n"}
    )
    console, _ = boots(server)
    told = [text for text in console.splitlines() if " of a package: " in text]
    assert told == [f"goldmaster: /etc/master.passwd lacks the user www of a package: {line}"]


def test_a_list_that_cannot_be_read_does_not_stop_the_boot(
    machines: Machines, server: Server
) -> None:
    server.file_system("c", CONFIG)
    age(server, server.root / "etc/master.passwd", 1)
    (server.sim / "pwd_mkdb-fails").touch()
    console, calls = boots(server)
    assert calls == [CALL]
    assert "goldmaster: users may be missing: pwd_mkdb /etc/master.passwd failed." in console
    assert ".pwd.db.sum" not in config(server)
    again = machines.on(server)
    age(again, again.root / "etc/master.passwd", 1)
    assert boots(again)[1] == [CALL], "it is tried at the next boot"
    assert set(config(again)) >= MADE


def test_files_are_made_before_anything_lies_over_etc(server: Server) -> None:
    """Where a union lies, making them has brought a kernel to panic: seen on a running NetBSD."""
    server.file_system("c", CONFIG)
    age(server, server.root / "etc/master.passwd", 1)
    boot = server.boot("autoboot")
    assert boot.calls.index(CALL) < boot.calls.index("mount -t union /config/local/etc /etc")


def test_without_a_configuration_nothing_can_be_made(server: Server) -> None:
    age(server, server.root / "etc/master.passwd", 1)
    server.flags(0x80000000)
    console, calls = boots(server)
    assert calls == []
    assert "goldmaster: /etc cannot be written: users of packages are not known." in console
