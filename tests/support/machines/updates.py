"""A server with checkouts of a repository, and changes in it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from support.servers.repository import Repository, svn
from support.simulator import Server
from support.simulator.checkouts import ask, ask_svn, state

SITE = {
    "pservers/alpha/host.conf": "memory=1024\n",
    "pservers/alpha/domUs/sql": "memory=512\n",
    "pservers/alpha/etc/rc.conf": ". /etc/defaults/rc.conf\nrc_configured=YES\nhostname=alpha\n",
    "pservers/alpha/etc/syslog.conf": "old\n",
    "pservers/alpha/etc/ifconfig.wm0": "up\n",
    "pservers/alpha/etc/rc.d/mine": "#!/bin/sh\necho mine: $1\n",
    "pservers/alpha/etc/gone": "old\n",
    "pservers/alpha/etc/deep/er/gone": "old\n",
    "pservers/alpha/etc/file-then-folder": "old\n",
    "pservers/alpha/etc/secret": "old\n",
    "pservers/alpha/etc/a name": "old\n",
    "pservers/alpha/etc/same": "old\n",
    "global/hosts": "old\n",
    "global/inetd.conf": "old\n",
}
CHANGES: dict[str, str | None] = {
    "pservers/alpha/domUs/sql": "memory=1024\n",
    "pservers/alpha/etc/syslog.conf": "new\n",
    "pservers/alpha/etc/rc.d/mine": "#!/bin/sh\necho mine, newer: $1\n",
    "pservers/alpha/etc/gone": None,
    "pservers/alpha/etc/deep": None,
    "pservers/alpha/etc/secret": "new\n",
    "pservers/alpha/etc/a name": "new\n",
    "pservers/alpha/etc/new/er/file": "new\n",
    "global/hosts": "new\n",
    "global/inetd.conf": "new\n",
}


@dataclass
class Fleet:
    """A server, its partition, and the repository."""

    server: Server
    repository: Repository
    config: Path

    def update(self, *words: str, status: int = 0) -> str:
        """The output of goldmaster-update."""
        return ask(self.server, "goldmaster-update", *words, status=status)

    @property
    def state(self) -> dict[str, str]:
        """The content of the partition."""
        return state(self.config)

    def is_clean(self, revision: int) -> None:
        """Subversion reports no changes in both checkouts, and nothing is left over."""
        for name in ("local", "global"):
            assert ask_svn(self.server, "status", "-q", f"/config/{name}") == ""
            assert ask_svn(
                self.server, "info", "--show-item", "revision", "--no-newline", f"/config/{name}"
            ) == str(revision)
        assert not (self.config / ".update").exists()


def change(fleet: Fleet) -> None:
    """Commit revision 2."""
    work = fleet.repository.work / "pservers/alpha/etc"
    svn("propset", "-q", "svn:executable", "on", work / "same")
    svn("rm", "-q", work / "file-then-folder")
    svn("rm", "-q", work / "hosts")
    assert fleet.repository.commit(CHANGES) == 2


def expected(fleet: Fleet) -> dict[str, str]:
    """The state of a fresh checkout of HEAD, except for the mode of a file with a special one."""
    fresh = fleet.repository.folder.parent / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    for name, place in (("local", "pservers/alpha"), ("global", "global")):
        svn("checkout", "-q", f"{fleet.repository.url}/{place}", fresh / name)
    (fresh / "local/etc/secret").chmod(0o600)
    return state(fresh)
