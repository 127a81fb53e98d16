"""Independent readers of ISO 9660: libarchive, xorriso, isoinfo and pycdlib."""

from __future__ import annotations

import calendar
import io
import os
import re
import stat
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pycdlib

from buildlib.model.mtree import decode
from buildlib.model.tree import ROOT
from support.readers.format_readers import KINDS, Found, mode_of, relative, tool


def bsdtar_spec(iso: Path) -> bytes:
    """libarchive's spec of a disc, without devices, whose numbers it misreads."""
    spec = tool(
        "bsdtar",
        "-cf",
        "-",
        "--format=mtree",
        "--options=!all,type,mode,uid,gid,time,size,link,sha256,nlink",
        f"@{iso}",
    )
    lines = [
        # further hard links have no content
        re.sub(rb" (nlink|size|sha256digest)=\S+", b"", line) if b" nlink=" in line else line
        for line in spec.splitlines()
    ]
    return b"\n".join([*lines, b""])


def bsdtar(iso: Path) -> dict[str, Found]:
    """libarchive's results as an mtree spec. It counts links itself; empty files have one."""
    spec = tool(
        "bsdtar",
        "-cf",
        "-",
        "--format=mtree",
        "--options=!all,type,mode,uid,gid,time,size,link,device,sha256,nlink",
        f"@{iso}",
    )
    found = {}
    for line in spec.splitlines()[1:]:
        path, *words = line.split(b" ")
        keys = {
            key.decode(): decode(value)
            for key, _, value in (word.partition(b"=") for word in words)
        }
        linked = "nlink" in keys  # further hard links have no content
        found[relative(decode(path).removeprefix("."))] = Found(
            keys["type"],
            int(keys["mode"], 8),
            None,
            int(keys["uid"]),
            int(keys["gid"]),
            int(keys["time"].partition(".")[0]),
            int(keys["size"]) if "size" in keys and not linked else None,
            keys.get("sha256digest") if not linked else None,
            keys.get("link"),
            _from_glibc(keys["device"]) if "device" in keys else None,
            int(keys["nlink"]) if linked else None,
        )
    return found


def _from_glibc(text: str) -> tuple[int, int]:
    """NetBSD's numbers from PN, which libarchive reads as glibc's `high << 32 | low`."""
    major, minor = map(int, text.split(",")[1:])
    number = minor & 0xFF | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32
    high, low = number >> 32, number & 0xFFFFFFFF
    return high, (low & 0xFFF00000) >> 12 | low & 0xFF


def bsdtar_contents(iso: Path) -> tuple[dict[str, bytes], set[frozenset[str]]]:
    """libarchive: content of every file, and the names that it considers hard links."""
    archive = tool("bsdtar", "-cf", "-", "--format=pax", f"@{iso}")
    contents: dict[str, bytes] = {}
    links: dict[str, set[str]] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), errors="surrogateescape") as members:
        for member in members:
            if member.islnk():
                links.setdefault(member.linkname, {member.linkname}).add(member.name)
                contents[member.name] = contents[member.linkname]
            elif member.isfile():
                file = members.extractfile(member)
                assert file is not None
                contents[member.name] = file.read()
    return contents, set(map(frozenset, links.values()))


_XORRISO = re.compile(
    r"^([dlcbpe-])([-rwxsStT]{9})  +\d+ (\d+) +(\d+) +(?:\d+,)?(\d+) "
    r"\w{3} [ \d]\d  ?[\d:]{4,5} ('.*?')(?: -> ('.*'))?$",
    re.MULTILINE,
)


def xorriso(iso: Path) -> dict[str, Found]:
    """libisofs. It does not report link counts, and cannot list names with line ends."""
    text = tool(
        "xorriso", "-indev", iso, "-find", "/", "-exec", "lsdl", "--", locale="C.UTF-8"
    ).decode(errors="surrogateescape")
    found = {}
    for match in _XORRISO.finditer(text):
        kind, mode, uid, gid, size, name, target = match.groups()
        found[relative(_unquoted(name))] = Found(
            KINDS[kind],
            mode_of(mode),
            None,
            int(uid),
            int(gid),
            size=int(size) if kind in "-e" else None,
            link=_unquoted(target) if target else None,
        )
    return found


def _unquoted(text: str) -> str:
    return text[1:-1].replace("'\"'\"'", "'")


_ISOINFO = re.compile(
    r"^([dlcbf-])([-rwxsStT]{9}) +(\d+) +(\d[\d ]*\d) +(\d+) +\w+ +\d+ +\d+ "
    r"\[ *\d+ \d\d\]  (.*)$"
)


def isoinfo(iso: Path) -> dict[str, Found]:
    """cdrtools' reader. It shows no special modes, and owners in octal as far as they fit."""
    text = tool("isoinfo", "-R", "-l", "-i", iso).decode(errors="surrogateescape")
    found, folder = {}, ""
    for line in text.split("\n"):
        if line.startswith("Directory listing of "):
            folder = line.removeprefix("Directory listing of ").strip()
        elif match := _ISOINFO.match(line):
            kind, mode, links, owners, size, name = match.groups()
            uid, gid = _owners(owners)
            name, _, target = name.partition(" -> ")
            name = name if target or kind == "l" else name.removesuffix(" ")
            if name == ".." or (name == "." and folder != "/"):
                continue
            found[relative(folder + ("" if name == "." else name))] = Found(
                KINDS[kind],
                None,
                mode_of(mode),
                uid,
                gid,
                size=int(size) if kind == "-" else None,
                link=target or None,
                links=int(links),
            )
    return found


def _owners(text: str) -> tuple[int | None, int | None]:
    """Split the owners; large numbers are printed without a space between them."""
    numbers = text.split()
    if len(numbers) != 2 or max(map(len, numbers)) > 4:
        return None, None
    return int(numbers[0], 8), int(numbers[1], 8)


def isoinfo_plain(iso: Path) -> list[str]:
    """The ISO 9660 identifiers of every path, as a reader without Rock Ridge sees them."""
    return tool("isoinfo", "-f", "-i", iso).decode("ascii").splitlines()


def pycdlib_records(iso: Path) -> dict[str, Found]:
    """pycdlib: every record."""
    reader = pycdlib.PyCdlib()
    reader.open(str(iso))
    try:
        found: dict[str, Found] = {}
        root = reader.pvd.root_directory_record()
        pending: list[tuple[str, Any, Any]] = [(ROOT, root.children[0], root)]
        while pending:
            path, attributes, record = pending.pop()
            found[path] = _from_record(attributes.rock_ridge, record, reader)
            for child in record.children if record.is_dir() else ():
                if not (child.is_dot() or child.is_dotdot()):
                    name = os.fsdecode(child.rock_ridge.name())
                    below = name if path == ROOT else f"{path}/{name}"
                    pending.append((below, child, child))
    finally:
        reader.close()
    return found


def _from_record(ridge: Any, record: Any, reader: Any) -> Found:
    parts = [part for part in (ridge.dr_entries, ridge.ce_entries) if part]
    px = next(part.px_record for part in parts if part.px_record)
    pn = next((part.pn_record for part in parts if part.pn_record), None)
    tf = next(part.tf_record for part in parts if part.tf_record)
    kind = {
        stat.S_IFDIR: "dir",
        stat.S_IFREG: "file",
        stat.S_IFLNK: "link",
        stat.S_IFCHR: "char",
        stat.S_IFBLK: "block",
        stat.S_IFIFO: "fifo",
    }[stat.S_IFMT(px.posix_file_mode)]
    times = {
        _seconds(moment)
        for moment in (tf.modification_time, tf.access_time, tf.attribute_change_time, record.date)
    }
    assert len(times) == 1
    return Found(
        kind,
        stat.S_IMODE(px.posix_file_mode),
        None,
        px.posix_user_id,
        px.posix_group_id,
        times.pop(),
        record.data_length if kind == "file" else None,
        None,
        # pycdlib returns nothing for the link to the root
        (os.fsdecode(ridge.symlink_path()) or "/") if ridge.is_symlink() else None,
        (pn.dev_t_high, (pn.dev_t_low & 0xFFF00000) >> 12 | pn.dev_t_low & 0xFF) if pn else None,
        px.posix_file_links,
    )


def _seconds(moment: Any) -> int:
    assert moment.gmtoffset == 0
    return calendar.timegm(
        (
            moment.years_since_1900 + 1900,
            moment.month,
            moment.day_of_month,
            moment.hour,
            moment.minute,
            moment.second,
            0,
            0,
            0,
        )
    )


ISO_JUDGES: Mapping[str, Callable[[Path], dict[str, Found]]] = {
    "bsdtar": bsdtar,
    "xorriso": xorriso,
    "isoinfo": isoinfo,
    "pycdlib": pycdlib_records,
}
