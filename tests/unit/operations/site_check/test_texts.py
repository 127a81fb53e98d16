"""Traces of editors and other systems, and special files: reported with file and line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.machines.sites import ALPHA, NFS, check, link, remove, told, write

from buildlib.config.shconf import Problem
from buildlib.config.site.reader import read_site
from buildlib.model.errors import ConfigError

ETC = "vservers/nfs/etc"
FILES = (
    f"{ALPHA}/host.conf",
    f"{ALPHA}/domUs/nfs",
    NFS,
    "vservers/nfs/storage.conf",
    f"{ETC}/myname",
    f"{ETC}/mygate",
    f"{ETC}/ifconfig.xennet0",
    f"{ETC}/fstab",
    f"{ETC}/exports",
    "global/hosts",
    "global/resolv.conf",
    "global/pkgchk.conf",
    "global/nis/passwd",
)
RULED = tuple(
    file
    for file in FILES
    if file in {"global/hosts", "global/resolv.conf"} or ("etc/" in file and "exports" not in file)
)
END = "end it with a line feed, because some programs ignore it otherwise"
CR_LF = "the line ends in CR LF, as on Windows; save the file with Unix line ends"


def fifo(site: Path, file: str) -> None:
    os.mkfifo(site / file)


def data(site: Path, file: str, content: bytes) -> None:
    (site / file).write_bytes(content)


@pytest.mark.parametrize("file", FILES)
def test_line_ends_of_windows(site: Path, file: str) -> None:
    """Reported once per file, at the first line; the rest is still read."""
    data(
        site,
        file,
        b"# first\n" * file.endswith((".conf", "hosts", "nfs"))
        + (site / file).read_bytes().replace(b"\n", b"\r\n"),
    )
    line = 2 if file.endswith((".conf", "hosts", "nfs")) else 1
    assert told(site) == [f"{file}:{line}: {CR_LF}"]


@pytest.mark.parametrize("file", FILES)
def test_a_byte_order_mark(site: Path, file: str) -> None:
    data(site, file, b"\xef\xbb\xbf" + (site / file).read_bytes())
    assert told(site) == [f"{file}:1: begins with a byte order mark; save it as UTF-8 without one"]


@pytest.mark.parametrize("file", RULED)
def test_a_last_line_without_an_end(site: Path, file: str) -> None:
    content = (site / file).read_bytes()
    data(site, file, content[:-1])
    assert told(site) == [f"{file}:{content.count(10)}: the last line has no line end; {END}"]


@pytest.mark.parametrize(
    ("byte", "said"),
    [
        pytest.param(b"\0", "has the control character '\\x00'", id="NUL"),
        pytest.param(b"\x1b", "has the control character '\\x1b'", id="escape"),
        pytest.param(
            b"\r", "has the control character '\\r'; save it with Unix line ends", id="CR"
        ),
        pytest.param(b"\xe9", "byte 0xe9 is not UTF-8; save it as UTF-8", id="Latin-1"),
    ],
)
@pytest.mark.parametrize("file", ["global/hosts", f"{ETC}/fstab"])
def test_what_no_text_has(site: Path, file: str, byte: bytes, said: str) -> None:
    data(site, file, (site / file).read_bytes() + b"# x" + byte + b"y\n")
    assert told(site) == [f"{file}:{(site / file).read_bytes().count(10)}: {said}"]


def test_line_ends_of_an_old_mac(site: Path) -> None:
    """The whole file is one line."""
    for file in (NFS, "global/resolv.conf"):
        data(site, file, (site / file).read_bytes().replace(b"\n", b"\r"))
    lines = told(site)
    assert f"{NFS}:1: has the control character '\\r'; save it with Unix line ends" in lines
    assert (
        "global/resolv.conf:1: has the control character '\\r'; save it with Unix line ends"
        in lines
    )


def test_text_that_windows_calls_unicode(site: Path) -> None:
    data(site, f"{ETC}/motd", "Hello\n".encode("utf-16"))
    assert told(site) == [f"{ETC}/motd: is text in UTF-16; save it as UTF-8"]


def test_what_is_no_text_is_nobodys_business(site: Path) -> None:
    for name, content in {
        "keytab": b"\0\1\r\n\xff",
        "latin": b"# \xe9\n",
        "empty": b"",
        "no-end": b"x",
        "tabs": b"\ta\t\n",
    }.items():
        data(site, f"{ETC}/{name}", content)
    assert told(site) == []


ODD: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a FIFO": (lambda s: fifo(s, "global/pipe"), ["global/pipe: is not a file, folder or link"]),
    "a FIFO for a list": (
        lambda s: fifo(remove(s, f"{ETC}/hosts"), f"{ETC}/hosts"),
        [f"{ETC}/hosts: is not a file, folder or link"],
    ),
    "a very long list": (
        lambda s: write(s, "global/hosts", "#\n" * (1 << 20)),
        ["global/hosts: is longer than 1 MiB"],
    ),
    "a very long file": (lambda s: write(s, f"{ETC}/data", "\0" * (3 << 20)), []),
    "a very long line": (
        lambda s: write(s, f"{ETC}/mygate", "1" * 100_000 + "\n"),
        [
            (
                f"{ETC}/mygate:1: mygate: must be an IPv4 or IPv6 address such as 10.0.0.1 or "
                f"10.0.0.1/24, is '{'1' * 40}…' (100000 characters)"
            )
        ],
    ),
    "a folder for a file": (lambda s: (remove(s, f"{ETC}/myname") / ETC / "myname").mkdir(), []),
    "folders in folders": (
        lambda s: (s / ETC / "/".join("d" * 80)).mkdir(parents=True),
        [f"{ETC}/{'/'.join('d' * 64)}: is 64 folders deep; files of a server are not that deep"],
    ),
    "a link out of the site": (lambda s: link(s, f"{ETC}/motd", "../../../../secret"), []),
    "a link around": (lambda s: link(s, f"{ETC}/fstab", "fstab"), []),
    "a link to a folder": (lambda s: link(s, f"{ETC}/loop", "."), []),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_plain_file(site: Path, name: str) -> None:
    edit, expected = ODD[name]
    edit(site)
    assert told(site) == expected


def test_nothing_outside_of_the_site_is_read(site: Path) -> None:
    """A link's target is reported, but never opened."""
    outside = site.parent / "outside"
    outside.write_text("10.0.0.32 nfs\r\n")
    link(site, f"{ETC}/hosts", str(outside))
    link(site, "global/hosts", "../../outside")
    problems: list[Problem] = []
    read = read_site(site, problems)
    assert not problems
    assert all(
        "outside" not in " ".join(map(str, folder.texts.values()))
        for folder in (*read.servers.values(), read.shared)
    )


def test_a_part_of_the_site_that_lies_elsewhere(site: Path) -> None:
    (site / "vservers").rename(site.parent / "elsewhere")
    link(site, "vservers", "../elsewhere")
    what = "is a link that leads out of the site; put the folder itself there"
    assert told(site) == [f"vservers: {what}"]


def test_what_is_no_folder_at_all(tmp_path: Path) -> None:
    for path in (tmp_path / ("x" * 300), tmp_path / "a" / "b", Path("/proc/self/mem")):
        with pytest.raises(ConfigError):
            read_site(path, [])


def test_thousands_of_files_take_no_longer_each(site: Path) -> None:
    """Each file is read once, and files are not compared pairwise."""
    for number in range(1000):
        data(site, f"global/nis/{number}", b"x\n")
    write(site, "global/hosts", "".join(f"10.1.{n >> 8}.{n & 255} a{n}\n" for n in range(5_000)))
    reads = []
    real = os.read

    def counted(descriptor: int, length: int) -> bytes:
        reads.append(length)
        return real(descriptor, length)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "read", counted)
        assert check(site) == []
    assert len(reads) < 2 * 1200
