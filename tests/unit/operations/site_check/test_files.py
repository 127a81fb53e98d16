"""Links and files: broken links, ignored files, unreadable files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.machines.sites import (
    ALPHA,
    BETA,
    NFS,
    copy,
    link,
    told,
    without_links,
    write,
)

Edit = Callable[[Path], object]

MISTAKES: dict[str, tuple[Edit, list[str]]] = {
    # links
    "link to nothing": (
        lambda s: link(s, "vservers/nfs/etc/hosts", "/config/global/host"),
        [
            (
                "vservers/nfs/etc/hosts: the link to /config/global/host leads nowhere: "
                "global/host does not exist; did you mean /config/global/hosts?"
            )
        ],
    ),
    "link out of the site": (
        lambda s: link(s, "vservers/nfs/etc/hosts", "../../../global/hosts"),
        [
            (
                "vservers/nfs/etc/hosts: the link to ../../../global/hosts leads out of the site, "
                "to /global/hosts; on a server, shared files are in /config/global"
            )
        ],
    ),
    "link over the top": (
        lambda s: link(s, "vservers/nfs/etc/hosts", "/config/global/../other"),
        [
            (
                "vservers/nfs/etc/hosts: the link to /config/global/../other leads out of the "
                "site, to /config/other; on a server, shared files are in /config/global"
            )
        ],
    ),
    "link in a circle": (
        lambda s: (
            link(s, "global/hosts", "b"),
            link(s, "global/b", "hosts"),
            link(s, "vservers/nfs/etc/hosts", "/config/global/resolv.conf"),
        ),
        [
            "global/b: the link to hosts leads in a circle",
            "global/hosts: the link to b leads in a circle",
            *(
                f"{place}/etc/hosts: the link to /config/global/hosts leads in a circle"
                for place in (
                    ALPHA,
                    BETA,
                    "vservers/packages",
                    "vservers/sql",
                    "vservers/storage-a",
                    "vservers/storage-b",
                )
            ),
        ],
    ),
    "link to nothing of its own": (
        lambda s: link(s, "vservers/nfs/etc/x", "/config/local/etc/y"),
        [
            (
                "vservers/nfs/etc/x: the link to /config/local/etc/y leads nowhere: "
                "vservers/nfs/etc/y does not exist"
            )
        ],
    ),
    "links that are good": (
        lambda s: (
            link(s, "vservers/nfs/etc/localtime", "/usr/share/zoneinfo/UTC"),
            link(s, "vservers/nfs/etc/time", "../usr/share/zoneinfo/UTC"),
            link(s, "vservers/nfs/etc/conf", "/config/local/storage.conf"),
            write(s, "global/ssl/a.pem", ""),
            link(s, "global/pki", "ssl"),
            link(s, "vservers/nfs/etc/a.pem", "/config/global/pki/a.pem"),
        ),
        [],
    ),
    # files and names
    "no host.conf": (
        lambda s: (s / BETA / "host.conf").rename(s / BETA / "hosts.conf"),
        [
            f"{BETA}/host.conf: is missing",
            f"{BETA}/hosts.conf: this file is ignored; did you mean host.conf?",
        ],
    ),
    "a folder's case": (
        lambda s: (s / "vservers/packages/etc").rename(s / "vservers/packages/ETC"),
        ["vservers/packages/ETC: this file is ignored; did you mean etc?"],
    ),
    "an editor's copy": (
        lambda s: copy(s, f"{ALPHA}/domUs/nfs", f"{ALPHA}/domUs/nfs~"),
        [
            (
                f"{ALPHA}/domUs/nfs~: is not a valid domU name: use at most 63 lower-case "
                f"letters, digits and -; every file in domUs is started"
            )
        ],
    ),
    "a bad name": (
        lambda s: (s / "vservers/Web_1").mkdir(),
        [
            (
                "vservers/Web_1: is not a valid server name: use at most 63 lower-case letters, "
                "digits and -"
            )
        ],
    ),
    "a file among servers": (
        lambda s: write(s, "vservers/notes", ""),
        ["vservers/notes: is not a folder"],
    ),
    "a link for a file": (
        lambda s: link(s, NFS, "../sql/server.conf"),
        [f"{NFS}: is not a regular file"],
    ),
    "certificates to trust": (
        lambda s: [
            write(s, f"{NFS.rpartition('/')[0]}/etc/openssl/trusted/{name}", "x\n")
            for name in ("fleet.pem", "a.crt", "b.cer", "fleet.key", ".c.pem", "readme")
        ],
        [
            (
                f"vservers/nfs/etc/openssl/trusted/{name}: this file is ignored: no certificate of "
                "this name is trusted; give it a name that ends in .pem, .cer, .crt, directly in "
                "etc/openssl/trusted/"
            )
            for name in (".c.pem", "fleet.key", "readme")
        ],
    ),
    "a FIFO": (
        lambda s: os.mkfifo(s / "vservers/nfs/etc/pipe"),
        ["vservers/nfs/etc/pipe: is not a file, folder or link"],
    ),
    "a very long file": (lambda s: write(s, NFS, "#" * 70_000), [f"{NFS}: is longer than 64 KiB"]),
    "no folder global": (
        lambda s: ((s / "global").rename(s / "globals"), without_links(s)),
        ["global: this folder is missing; did you mean globals?"],
    ),
    "a checkout's own": (
        lambda s: (write(s, "pservers/.svn/x", ""), write(s, f"{ALPHA}/.svn/x.conf", "$")),
        [],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_with_its_place(site: Path, name: str) -> None:
    edit, expected = MISTAKES[name]
    edit(site)
    assert told(site) == sorted(expected)


def test_what_may_not_be_read_is_reported(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an ordinary user: root can read everything."""
    real_open, real_scan = os.open, os.scandir

    def may_open(path: str, *rest: int) -> int:
        if str(path).endswith(NFS):
            raise PermissionError(13, "Permission denied", path)
        return real_open(path, *rest)

    def may_scan(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("vservers/sql/etc"):
            raise PermissionError(13, "Permission denied", path)
        return real_scan(path)

    monkeypatch.setattr(os, "open", may_open)
    monkeypatch.setattr(os, "scandir", may_scan)
    assert [line for line in told(site) if "cannot be read" in line] == [
        f"{NFS}: cannot be read: Permission denied",
        "vservers/sql/etc: cannot be read: Permission denied",
    ]


def test_a_link_that_is_too_long_is_none_of_the_folders(site: Path) -> None:
    before = told(site)
    (site / "old").symlink_to("x" * 1100)
    assert told(site) == before


def test_a_disk_error_is_reported(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int, length: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", fails)
    assert f"{NFS}: cannot be read: Input/output error" in told(site)
