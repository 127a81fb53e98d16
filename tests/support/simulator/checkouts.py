"""A simulated server with checkouts on /config, made from a real repository by the real svn."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from support.servers.repository import Repository, svn
from support.simulator import MARKER, Server

# Programs that change files; a test can kill the script at any of their calls.
STEPS = ("mv", "rm", "rmdir", "mkdir", "cp", "chmod")
# /sim/kill-at counts down; at 0 the script and its children are killed.
_STEP = """\
#!/bin/sh
if [ -e /sim/kill-at ]; then
	read -r left </sim/kill-at
	echo $((left - 1)) >/sim/kill-at
	[ "$left" -gt 0 ] || kill -9 0
fi
[ ! -x /sim/before-{name} ] || /sim/before-{name} "$@" || exit 1
exec /host/bin/{name} "$@"
"""
# NetBSD's stat(1), in the only form used: usr.bin/stat/stat.c 1.38 of 2013-10-24.
_STAT = """\
#!/bin/sh
[ "$1 $2" = "-f %Lp %u %g" ] || exit 64
exec /host/bin/stat -c '%a %u %g' "$3"
"""


def furnish(server: Server) -> None:
    """Install programs of NetBSD's base and pkgsrc; call it before boot."""
    (server.root / "usr/pkg/bin").mkdir(parents=True)
    (server.root / "usr/sbin/chown").symlink_to("/host/bin/chown")
    for name in STEPS:
        (server.root / "bin" / name).unlink()
        script(server.root / "bin" / name, _STEP.format(name=name))
    for name in ("svn", "svnversion"):
        script(server.root / "usr/pkg/bin" / name, _STEP.format(name=name))
    script(server.root / "usr/bin/stat", _STAT)
    keygen = (
        '#!/bin/sh\n. /sim/common.sh\nlog "$@"\nfor last; do :; done\n'
        'echo "a key" >"$last"; echo "its other half" >"$last.pub"\n'
    )
    script(server.root / "usr/bin/ssh-keygen", keygen)


def script(path: Path, text: str) -> None:
    """Write a program."""
    path.write_text(text)
    path.chmod(0o755)


def check_out(server: Server, repository: Repository, host: str) -> Path:
    """Create the configuration partition, `config`, on wd0a. Return its folder."""
    server.file_system("config", {MARKER: ""})
    folder = server.sim / "fs/config"
    for name, place in (("local", f"pservers/{host}"), ("global", "global")):
        fresh = repository.folder.parent / "checked-out" / name  # svn accepts no path below /proc
        svn("checkout", "-q", f"{repository.url}/{place}", fresh)
        shutil.copytree(fresh, folder / name, symlinks=True)
    server.disk("wd0", {"a": "config"})
    return folder


def run(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the server in a new session, which it can kill completely."""
    return server.run("/host/bin/setsid", "-w", *words)


def ask(server: Server, program: str, *words: str, status: int = 0) -> str:
    """The output of one of our programs on the server. It must exit with `status`."""
    done = run(server, "/bin/sh", f"/usr/sbin/{program}", *words)
    assert done.returncode == status, done.stdout
    return done.stdout


def ask_svn(server: Server, *words: str) -> str:
    """The output of Subversion's client on the server."""
    done = server.run("/usr/pkg/bin/svn", *words)
    assert done.returncode == 0, done.stdout
    return done.stdout


def shadows(folder: Path) -> set[str]:
    """Empty folders created by the union over /etc in a server's configuration."""
    listed = folder.parents[1] / "shadows/etc"
    lines = listed.read_text().splitlines() if listed.exists() else []
    return {
        f"local/etc/{line}"
        for line in lines
        if not any(path.is_file() for path in (folder / "local/etc" / line).rglob("*"))
    }


def state(folder: Path) -> dict[str, str]:
    """Path to content, without Subversion's own files and the union's empty folders."""
    found, left_out = {}, shadows(folder)
    for name in ("local", "global"):
        for path in sorted((folder / name).rglob("*")):
            if ".svn" in path.parts:
                continue
            status = path.lstat()
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            here = str(path.relative_to(folder))
            if path.is_symlink():
                found[here] = f"link {os.readlink(path)}"
            elif path.is_dir():
                if here not in left_out:
                    found[here] = "folder"
            else:
                found[here] = f"{mode} {path.read_text()}"
    return found
