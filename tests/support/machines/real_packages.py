"""The packages that the recipes name, in the shape that pkgsrc gives them.

PKGPATHs, dependencies and names of libraries are pkgsrc's; contents are not. What else packages
have stands in tests/servers/roles/packages.toml, which test_real_packages.py compares. Read on
2026-11-29 from NetBSD/pkgsrc:

- sysutils/xentools420: Makefile 1.1 and PLIST 1.1 (2025-08-22), version.mk 1.5 (2026-06-10)
- sysutils/xenkernel420: Makefile 1.1.2.1 (2025-10-21), PLIST 1.1 (2025-08-22)
- security/sudo: Makefile 1.170 (2019-10-31), PLIST 1.25 (2023-11-09)
- misc/screen: Makefile 1.84 (2012-09-15), PLIST 1.14 (2014-09-19)
- devel/subversion-base: Makefile 1.110 (2017-09-18), PLIST 1.25 (2015-08-14)
- most of what these depend on: Makefile, PLIST and buildlink3.mk of 2017-10-20

Not confirmed: versions other than Xen's, numbers in names of libraries where the PLIST has a `.la`
(it stands for the names of one library), what a program is linked with, the libraries of base, and
packages that are younger than 2017 (python313, utf8proc, xxhash, postgresql17).
"""

from __future__ import annotations

from collections.abc import Iterator

from buildlib.pkgsrc.repository import is_in_provides
from buildlib.pkgsrc.writer import PackageSource, SourceFile
from support.machines.packages import source

PREFIX = "/usr/pkg"

# of the set base; X11 is in none of the recipes' sets
BASE = tuple(
    f"/usr/lib/lib{name}"
    for name in (
        "c.so.12", "pthread.so.1", "m.so.0", "util.so.7", "z.so.1", "crypt.so.1", "pam.so.4",
        "ssl.so.15", "crypto.so.15", "curses.so.9", "terminfo.so.2", "intl.so.1", "bz2.so.1",
        "lzma.so.2", "expat.so.2", "gcc_s.so.1", "rt.so.1", "edit.so.3", "pci.so.3",
    )
)  # fmt: skip

# PKGPATH, PKGNAME | DEPENDS | files; a file with NAME.la:N is one of libtool's | below the prefix,
# and in the base system, what its programs and libraries are linked with
_PACKAGES = """
sysutils/xentools420 xentools420-20260610
 yajl>=2.0 glib2>=2.4.0 libgcrypt>=1.2.0 pixman>=0.25.2 pciutils>=3.8 zstd>=1.4.0 argp>=1.3 python313>=3.13.0
 sbin/xl sbin/xenstored sbin/xenconsoled sbin/oxenstored libexec/xen/bin/qemu-system-i386 libexec/xen/boot/xen-shim lib/libxenctrl.so lib/libxenctrl.so.4.20 lib/libxenctrl.so.4.20.0 lib/libxenlight.so.4.20 lib/libxenlight.so.4.20.0 lib/libxenstore.so.4 lib/libxenguest.so.4.20 lib/xenfsimage/ufs/fsimage.so lib/python3.13/site-packages/xen/lowlevel/xc.so lib/ocaml/site-lib/xenctrl/dllxenctrl_stubs.so
 lib/libyajl.so.2 lib/libglib-2.0.so.0 lib/libgcrypt.so.20 lib/libpixman-1.so.0 lib/libzstd.so.1 lib/libpci.so.3 lib/libargp.so.0 lib/libgthread-2.0.so.0
 c pthread m util z lzma bz2 curses crypto
sysutils/xenkernel420 xenkernel420-20260610nb1

 xen420-kernel/xen.gz xen420-kernel/xen-debug.gz


security/sudo sudo-1.9.17p2

 bin/sudo bin/sudoreplay sbin/visudo lib/sudo/libsudo_util.la:0 lib/sudo/sudoers.la: lib/sudo/sudo_noexec.la: lib/sudo/group_file.la:

 c util z crypt pam intl crypto ssl
misc/screen screen-4.9.1nb1

 bin/screen bin/screen-4.9.1 share/screen/utf8encodings/01

 c curses terminfo crypt util
devel/subversion-base subversion-base-1.14.5nb4
 apr>=1.5.0 apr-util>=1.2.8 serf>=1.1.1 sqlite3>=3.8.11.1 utf8proc>=2.0 lz4>=1.7.3<100
 bin/svn bin/svnversion bin/svnserve lib/libsvn_client-1.la:0 lib/libsvn_subr-1.la:0 lib/libsvn_wc-1.la:0 lib/libsvn_ra_serf-1.la:0
 lib/libapr-1.so.0 lib/libaprutil-1.so.0 lib/libserf-1.so.1 lib/libsqlite3.so.0 lib/libutf8proc.so.3 lib/liblz4.so.1
 c pthread z expat intl crypto ssl
net/rsync rsync-3.4.1nb3
 popt>=1.7 xxhash>=0.8 lz4>=1.7.3<100 zstd>=1.4.0
 bin/rsync share/examples/rc.d/rsyncd
 lib/libpopt.so.0 lib/libxxhash.so.0 lib/liblz4.so.1 lib/libzstd.so.1
 c z crypto
pkgtools/pkg_chk pkg_chk-2.1.4

 sbin/pkg_chk


databases/postgresql17-client postgresql17-client-17.6
 readline>=6.0 lz4>=1.7.3<100 zstd>=1.4.0
 bin/psql lib/libpq.so.5 lib/libpq.so.5.17 lib/libecpg.so.6
 lib/libreadline.so.8 lib/liblz4.so.1 lib/libzstd.so.1
 c m z crypto ssl
databases/postgresql17-server postgresql17-server-17.6
 postgresql17-client>=17.6 icu>=77.1
 bin/postgres lib/postgresql/plpgsql.so lib/postgresql/libpqwalreceiver.so
 lib/libpq.so.5 lib/libicuuc.so.77 lib/libicui18n.so.77
 c m z pam crypto ssl
devel/yajl yajl-2.1.0nb3

 lib/libyajl.so lib/libyajl.so.2 lib/libyajl.so.2.1.0

 c
devel/glib2 glib2-2.84.4
 pcre2>=10.21 libffi>=3.3
 lib/libglib-2.0.so lib/libglib-2.0.so.0 lib/libgthread-2.0.so.0 lib/gio/modules/libdummy.so
 lib/libpcre2-8.so.0 lib/libffi.so.8
 c m pthread intl z
devel/pcre2 pcre2-10.45

 lib/libpcre2-8.la:0

 c
devel/libffi libffi-3.4.8

 lib/libffi.la:8

 c
security/libgcrypt libgcrypt-1.11.1
 libgpg-error>=1.27
 lib/libgcrypt.la:20
 lib/libgpg-error.so.0
 c
security/libgpg-error libgpg-error-1.55

 lib/libgpg-error.la:0

 c pthread intl
x11/pixman pixman-0.46.4

 lib/libpixman-1.so.0 lib/libpixman-1.so.0.46.4

 c m pthread
sysutils/pciutils pciutils-3.14.0

 lib/libpci.so.3 lib/libpci.so.3.14.0

 c z
archivers/zstd zstd-1.5.7

 bin/zstd lib/libzstd.so lib/libzstd.so.1 lib/libzstd.so.1.5.7

 c pthread
archivers/lz4 lz4-1.10.0

 bin/lz4 lib/liblz4.so lib/liblz4.so.1 lib/liblz4.so.1.10.0

 c
devel/argp argp-1.3nb1

 lib/libargp.la:0

 c
lang/python313 python313-3.13.7
 libffi>=3.3 libuuid>=2.18 readline>=6.0 sqlite3>=3.7.15
 bin/python3.13 lib/libpython3.13.so lib/libpython3.13.so.1.0 lib/python3.13/lib-dynload/zlib.so
 lib/libffi.so.8
 c m pthread util
devel/libuuid libuuid-2.41

 lib/libuuid.la:1

 c
devel/readline readline-8.3

 lib/libreadline.so.8 lib/libreadline.so.8.3

 c curses
devel/apr apr-1.7.6
 libuuid>=2.18
 lib/libapr-1.la:0
 lib/libuuid.so.1
 c pthread
devel/apr-util apr-util-1.6.3nb5
 apr>=1.5.0
 lib/libaprutil-1.la:0 lib/apr-util-1/apr_dbd_sqlite3.la:
 lib/libapr-1.so.0
 c expat
www/serf serf-1.3.10nb4
 apr>=1.5.0 apr-util>=1.2.8
 lib/libserf-1.so lib/libserf-1.so.1 lib/libserf-1.so.1.3.0
 lib/libapr-1.so.0 lib/libaprutil-1.so.0
 c z crypto ssl
databases/sqlite3 sqlite3-3.50.4

 bin/sqlite3 lib/libsqlite3.la:0

 c m z
textproc/utf8proc utf8proc-2.10.0

 lib/libutf8proc.so lib/libutf8proc.so.3

 c
devel/popt popt-1.19nb1

 lib/libpopt.la:0

 c
devel/xxhash xxhash-0.8.3

 lib/libxxhash.so lib/libxxhash.so.0

 c
textproc/icu icu-77.1

 lib/libicudata.so.77 lib/libicuuc.so.77 lib/libicui18n.so.77

 c m pthread gcc_s
"""  # noqa: E501  a row of the table is one line


def real_packages(os_version: str) -> list[PackageSource]:
    """All of them, as built for `os_version`."""
    rows = _PACKAGES.lstrip("\n").split("\n")
    return [_package(rows[at : at + 5], os_version) for at in range(0, len(rows) - 4, 5)]


def _package(rows: list[str], os_version: str) -> PackageSource:
    pkgpath, pkgname = rows[0].split()
    depends, files, own, base = (row.split() for row in rows[1:])
    paths = [path for file in files for path in _files(file)]
    return source(
        pkgname,
        pkgpath=pkgpath,
        os_version=os_version,
        depends=tuple(depends),
        files=tuple(SourceFile(path=path, content=b"x", mode=0o755) for path in paths),
        provides=tuple(f for path in paths if is_in_provides(f := f"{PREFIX}/{path}", PREFIX)),
        requires=(
            *(f"{PREFIX}/{path}" for path in own),
            *(path for name in base for path in BASE if path.startswith(f"/usr/lib/lib{name}.so")),
        ),
    )


def _files(text: str) -> Iterator[str]:
    """The file, or what a `.la` of a PLIST stands for; a module has no number."""
    name, is_libtool, number = text.partition(".la:")
    if not is_libtool:
        yield text
        return
    yield f"{name}.so"
    if number:
        yield from (f"{name}.so.{number}", f"{name}.so.{number}.0.0")
