"""A domU for each role, and the programs that it starts."""

from __future__ import annotations

from collections.abc import Callable

from support.simulator import Boot, Server

Make = Callable[..., Server]


SOURCES = ". /etc/defaults/rc.conf\n. /etc/defaults/rc.image.conf\ncron=NO inetd=NO syslogd=NO\n"
# Programs that a role starts; these stand-ins record the call.
PROGRAMS = (
    "usr/sbin/rpcbind",
    "usr/sbin/mountd",
    "usr/sbin/nfsd",
    "usr/sbin/rpc.statd",
    "usr/sbin/rpc.lockd",
    "usr/sbin/iscsi-target",
    "usr/sbin/ypserv",
    "usr/sbin/ypbind",
    "usr/sbin/cron",
    "usr/sbin/inetd",
    "usr/sbin/syslogd",
    "usr/pkg/bin/pg_ctl",
    "usr/libexec/httpd",
    "usr/sbin/makedbm",
)
PROGRAM = '#!/bin/sh\n. /sim/common.sh\nlog "$@"\n'
# su -m USER -c COMMAND
SU = '#!/bin/sh\n. /sim/common.sh\nlog "$1" "$2"\nexec /bin/sh -c "$4"\n'


def start(server: Server) -> Boot:
    boot = server.boot("autoboot")
    assert boot.status == 0, boot.console
    assert "is not set properly" not in boot.console, "rc.subr, of a script that no rc.conf knows"
    return boot


def log(server: Server) -> list[str]:
    return (server.sim / "log").read_text().splitlines()


def ran(boot: Boot, *programs: str) -> list[str]:
    return [call.split()[0] for call in boot.calls_of(*programs)]


NIS = {
    "local/etc/defaultdomain": "example\n",
    "local/etc/ypservers": "packages\n",
    "global/nis/passwd": "web:*:2001:2001:web:/home/web:/bin/sh\nbackup:*:2002:2002:b:/:/bin/sh\n",
    "global/nis/group": "web:*:2001:\n",
}


PKGCHK_CONF = """\
# of the fleet
web = alpha beta
graphical=/usr/X11R7/bin/X
mail/hub=alpha beta
net/rsync
www/apache24   web   # for some
databases/postgresql17-server sql -nfs
"""
