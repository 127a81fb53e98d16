"""Users at boot: the databases are those of the list that the server has, and none is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.simulator import MARKER, Server

RC_CONF = ". /etc/defaults/rc.conf\nrc_configured=YES\n"
CONFIG = {MARKER: "", "local/etc/rc.conf": RC_CONF}
MASTER = "root:*:0:0::0:0:Charlie &:/root:/bin/sh\nown:*:900:900::0:0:Own:/:/bin/sh\n"
CALL = "pwd_mkdb -p -d /etc/.goldmaster.pwd /etc/.goldmaster.pwd/etc/master.passwd"
MADE = {"pwd.db", "spwd.db", ".pwd.db.sum"}


@pytest.fixture(params=["dash", "mksh"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    assert shutil.which(request.param)
    with Server(tmp_path / "server", shell=request.param) as made:
        made.disk("wd0", {"a": "c"})
        yield made


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


def test_an_image_whose_list_is_younger_than_its_databases(server: Server) -> None:
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
    assert boots(server)[1] == [], "once is enough"


def test_a_list_of_the_server_s_own(server: Server) -> None:
    server.file_system("c", {**CONFIG, "local/etc/master.passwd": MASTER,
                             "next": MASTER.replace("own", "other")})
    age(server, server.sim / "fs/c/local/etc/master.passwd", 1)
    assert boots(server)[1] == [CALL]
    made = config(server)
    assert (made["pwd.db"], made["master.passwd"]) == ("root\nown\n", MASTER)
    assert made["passwd"].splitlines()[1] == "own:*:900:900:Own:/:/bin/sh"
    age(server, server.sim / "fs/c/next", -9)
    server.run("/bin/cp", "-p", "/config/next", "/etc/master.passwd")
    assert boots(server)[1] == [CALL], "by its content, whatever its time"
    assert config(server)["pwd.db"] == "root\nother\n"


def test_what_the_server_lacks_of_the_packages_users_is_told(server: Server) -> None:
    line = "www:*:500:500::0:0:www user:/nonexistent:/sbin/nologin"
    place = server.root / "usr/share/goldmaster"
    place.mkdir(parents=True, exist_ok=True)
    (place / "accounts").write_text(f"group www www:*:500:\nuser www {line}\nuser root x\n")
    server.file_system("c", {**CONFIG, "local/etc/master.passwd": MASTER,
                             "local/etc/group": "www:*:500:\n"})
    console, _ = boots(server)
    told = [text for text in console.splitlines() if " of a package: " in text]
    assert told == [f"goldmaster: /etc/master.passwd lacks the user www of a package: {line}"]


def test_a_list_that_cannot_be_read_does_not_stop_the_boot(server: Server) -> None:
    server.file_system("c", CONFIG)
    age(server, server.root / "etc/master.passwd", 1)
    (server.sim / "pwd_mkdb-fails").touch()
    console, calls = boots(server)
    assert calls == [CALL]
    assert "goldmaster: users may be missing: pwd_mkdb /etc/master.passwd failed." in console
    assert ".pwd.db.sum" not in config(server)
    (server.sim / "pwd_mkdb-fails").unlink()
    assert boots(server)[1] == [CALL], "it is tried at the next boot"
    assert set(config(server)) >= MADE


def test_without_a_configuration_nothing_can_be_made(server: Server) -> None:
    age(server, server.root / "etc/master.passwd", 1)
    server.flags(0x80000000)
    console, calls = boots(server)
    assert calls == []
    assert "goldmaster: /etc cannot be written: users of packages are not known." in console
