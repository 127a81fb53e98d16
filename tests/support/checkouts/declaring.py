"""A package of our own whose script declares all that pkginstall knows, and does more than that.

No package that the roles use has all of it, and the miniature's have what pkgsrc's have.
"""

from __future__ import annotations

from support.checkouts.scratch import Scratch

NAME = "declares-1.0"
FOLDER = "sets/mini/packages/declares"
UNDONE = "${PKG_PREFIX}/bin/declares -f update"
UNDONE_LINE = 5
PKGREPO, ACCOUNTS = "recipes/domu/pkgrepo.toml", "recipes/accounts.toml"

_INSTALL = f"""\
#!/bin/sh
STAGE="$2"
case ${{STAGE}} in
POST-INSTALL)
	{UNDONE}
	;;
esac
exit 0

# GROUP: declarer
# USER: declarer:declarer::A user of its own:/var/declares:/sbin/nologin
# FILE: /etc/rc.d/declares cr share/examples/rc.d/declares 0755
# FILE: /var/declares/index.html c share/examples/declares/index.html 0644 declarer declarer
# DIR: /var/declares mo 0755 declarer declarer
# PERMS: libexec/declares 2555 root declarer
"""
_PACKAGE = f"""\
pkgname = "{NAME}"
pkgpath = "misc/declares"
comment = "of the tests"
owned = {{"share/examples/declares/secret" = "declarer:declarer"}}
"""
_FILES = {
    "libexec/declares": "a program\n",
    "share/examples/rc.d/declares": "# PROVIDE: declares\n",
    "share/examples/declares/index.html": "hello\n",
    "share/examples/declares/secret": "not for everybody\n",
}


def declare(scratch: Scratch) -> Scratch:
    """The checkout with this package in pkgrepo's image, in the lock, and with a number."""
    scratch.write(f"{FOLDER}/package.toml", _PACKAGE)
    scratch.write(f"{FOLDER}/INSTALL", _INSTALL)
    for path, text in _FILES.items():
        scratch.write(f"{FOLDER}/files/{path}", text)
    secret = "./share/examples/declares/secret type=file mode=0640\n"
    scratch.write(f"{FOLDER}/files.mtree", f"#mtree\n{secret}")
    scratch.edit(PKGREPO, "packages = [", 'packages = ["misc/declares", ')
    text = scratch.read(ACCOUNTS)
    for table in ("[users]\n", "[groups]\n"):
        text = text.replace(table, f"{table}declarer = 500\n")
    scratch.write(ACCOUNTS, text)
    scratch.doit("lock")
    return scratch
