"""Independent readers of the images, each telling what it finds at every path.

A tool that is missing fails the test: what nobody judged has not been proved.
"""

from __future__ import annotations

import calendar
import io
import os
import re
import stat
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pycdlib

from buildlib.model.digest import sha256
from buildlib.model.mtree import decode, encode
from buildlib.model.tree import ROOT, Entry, Tree, path_order

_KINDS = {"d": "dir", "-": "file", "l": "link", "c": "char", "b": "block", "p": "fifo",
          "r": "file", "e": "file", "f": "fifo"}
_BITS = {"S": "-", "s": "x", "T": "-", "t": "x"}


@dataclass(frozen=True)
class Found:
    """What a reader says of one path; None where it cannot tell."""

    kind: str
    mode: int | None = None
    permissions: int | None = None
    uid: int | None = None
    gid: int | None = None
    time: int | None = None
    size: int | None = None
    sha256: str | None = None
    link: str | None = None
    device: tuple[int, int] | None = None
    links: int | None = None


def expected(tree: Tree) -> dict[str, Found]:
    """What a reader that knows all should find."""
    links = tree.links_of()
    folders = {entry.path: 2 for entry in tree if entry.kind == "dir"}
    for path in [path for path in folders if path != ROOT]:
        folders[path.rpartition("/")[0] or ROOT] += 1
    return {
        entry.path: Found(
            entry.kind, entry.mode, entry.mode & 0o777, entry.uid, entry.gid, entry.time,
            entry.size if entry.kind == "file" else None, entry.sha256 or None,
            entry.link or None, entry.device,
            folders.get(entry.path, links.get(entry.inode, 1)),
        )
        for entry in tree
    }


def differences(tree: Tree, found: Mapping[str, Found]) -> list[str]:
    """Where a reader finds something else than `tree` says, a line each; what it cannot tell is
    passed over.
    """
    wanted = expected(tree)
    lines = [f"{path!r}: not found" for path in wanted.keys() - found.keys()]
    lines += [f"{path!r}: not in the tree" for path in found.keys() - wanted.keys()]
    for path in wanted.keys() & found.keys():
        lines += [
            f"{path!r}: {field.name} {getattr(found[path], field.name)!r}, "
            f"not {getattr(wanted[path], field.name)!r}"
            for field in fields(Found)
            if getattr(found[path], field.name) not in {None, getattr(wanted[path], field.name)}
        ]
    return sorted(lines)


def tool(*argv: str | Path, locale: str = "C", cwd: Path | None = None, given: bytes = b""
         ) -> bytes:
    """What a tool prints when it is `given` that to read. Asserts that it ends well."""
    done = subprocess.run(
        [str(word) for word in argv], capture_output=True, input=given, cwd=cwd,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": locale, "TZ": "UTC"},
    )
    assert done.returncode == 0, (argv, done.stderr.decode(errors="replace"))
    return done.stdout


def _mode(text: str) -> int:
    """`rwxr-sr-t` as a number."""
    bits = "".join(_BITS.get(letter, letter) for letter in text)
    special = sum(bit for bit, at in ((0o4000, 2), (0o2000, 5), (0o1000, 8)) if text[at] in "sStT")
    return special | sum(0o400 >> at for at in range(9) if bits[at] != "-")


def _relative(path: str) -> str:
    return path.strip("/") or ROOT


# mtree specs


def spec_differences(wanted: bytes, found: bytes) -> list[str]:
    """Where two specs differ as NetBSD's mtree(8) reads them, a line each.

    As by `mtree -f SPEC1 -f SPEC2`, which not all versions have: what only one says is passed over.
    """
    ours, theirs = _as_mtree_reads(wanted), _as_mtree_reads(found)
    lines = [f"{path}: not found" for path in ours.keys() - theirs.keys()]
    lines += [f"{path}: not in the tree" for path in theirs.keys() - ours.keys()]
    for path in ours.keys() & theirs.keys():
        lines += [f"{path}: {key} {theirs[path][key]}, not {ours[path][key]}"
                  for key in ours[path].keys() & theirs[path].keys()
                  if theirs[path][key] != ours[path][key]]
    return sorted(lines)


def _as_mtree_reads(spec: bytes) -> dict[str, dict[str, str]]:
    """Path to keywords, in the one form that mtree(8) prints."""
    keywords = "type,mode,uid,gid,time,size,link,device,nlink,sha256"
    found = {}
    for line in tool("mtree", "-C", "-k", keywords, given=spec).decode().splitlines():
        path, *words = line.split()
        found[path] = dict(word.split("=", 1) for word in words)
    return found


def spec_of(found: Mapping[str, Found]) -> bytes:
    """What a reader found, as a spec."""
    lines = []
    for path, item in sorted(found.items(), key=lambda pair: path_order(pair[0])):
        device = "netbsd,{},{}".format(*item.device) if item.device else None
        words = {"type": item.kind, "mode": None if item.mode is None else f"{item.mode:o}",
                 "uid": item.uid, "gid": item.gid, "size": item.size, "sha256": item.sha256,
                 "time": None if item.time is None else f"{item.time}.0", "device": device,
                 "nlink": item.links, "link": encode(item.link).decode() if item.link else None}
        name = ROOT if path == ROOT else f"./{encode(path).decode()}"
        lines.append(" ".join([name, *(f"{key}={value}" for key, value in words.items()
                                       if value is not None)]))
    return "\n".join(["#mtree", *lines, ""]).encode()


# ISO 9660


def bsdtar_spec(iso: Path) -> bytes:
    """The spec that libarchive makes of a disc; without devices, whose numbers it mistakes."""
    spec = tool("bsdtar", "-cf", "-", "--format=mtree",
                "--options=!all,type,mode,uid,gid,time,size,link,sha256,nlink", f"@{iso}")
    lines = [
        # a name after the first has no content of its own
        re.sub(rb" (nlink|size|sha256digest)=\S+", b"", line) if b" nlink=" in line else line
        for line in spec.splitlines()]
    return b"\n".join([*lines, b""])


def bsdtar(iso: Path) -> dict[str, Found]:
    """libarchive, as an mtree spec. It counts links itself, and empty files have one."""
    spec = tool("bsdtar", "-cf", "-", "--format=mtree",
                "--options=!all,type,mode,uid,gid,time,size,link,device,sha256,nlink", f"@{iso}")
    found = {}
    for line in spec.splitlines()[1:]:
        path, *words = line.split(b" ")
        keys = {key.decode(): decode(value) for key, _, value in
                (word.partition(b"=") for word in words)}
        linked = "nlink" in keys  # a name after the first has no content of its own
        found[_relative(decode(path).removeprefix("."))] = Found(
            keys["type"], int(keys["mode"], 8), None, int(keys["uid"]), int(keys["gid"]),
            int(keys["time"].partition(".")[0]),
            int(keys["size"]) if "size" in keys and not linked else None,
            keys.get("sha256digest") if not linked else None, keys.get("link"),
            _from_glibc(keys["device"]) if "device" in keys else None,
            int(keys["nlink"]) if linked else None,
        )
    return found


def _from_glibc(text: str) -> tuple[int, int]:
    """NetBSD's numbers from PN, which libarchive takes for glibc's `high << 32 | low`."""
    major, minor = map(int, text.split(",")[1:])
    number = minor & 0xFF | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32
    high, low = number >> 32, number & 0xFFFFFFFF
    return high, (low & 0xFFF00000) >> 12 | low & 0xFF


def bsdtar_contents(iso: Path) -> tuple[dict[str, bytes], set[frozenset[str]]]:
    """libarchive: content of every file, and the names that it takes for links to one file."""
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
    r"\w{3} [ \d]\d  ?[\d:]{4,5} ('.*?')(?: -> ('.*'))?$", re.MULTILINE)


def xorriso(iso: Path) -> dict[str, Found]:
    """libisofs. It does not tell link counts, and names with line ends are beyond its listing."""
    text = tool("xorriso", "-indev", iso, "-find", "/", "-exec", "lsdl", "--",
                locale="C.UTF-8").decode(errors="surrogateescape")
    found = {}
    for match in _XORRISO.finditer(text):
        kind, mode, uid, gid, size, name, target = match.groups()
        found[_relative(_unquoted(name))] = Found(
            _KINDS[kind], _mode(mode), None, int(uid), int(gid),
            size=int(size) if kind in "-e" else None,
            link=_unquoted(target) if target else None,
        )
    return found


def _unquoted(text: str) -> str:
    return text[1:-1].replace("'\"'\"'", "'")


_ISOINFO = re.compile(
    r"^([dlcbf-])([-rwxsStT]{9}) +(\d+) +(\d[\d ]*\d) +(\d+) +\w+ +\d+ +\d+ "
    r"\[ *\d+ \d\d\]  (.*)$")


def isoinfo(iso: Path) -> dict[str, Found]:
    """cdrtools' reader; it shows no special modes, and owners in octal, as far as they fit."""
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
            found[_relative(folder + ("" if name == "." else name))] = Found(
                _KINDS[kind], None, _mode(mode), uid, gid, size=int(size) if kind == "-" else None,
                link=target or None, links=int(links))
    return found


def _owners(text: str) -> tuple[int | None, int | None]:
    """Large numbers run into each other."""
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
    kind = {stat.S_IFDIR: "dir", stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFCHR: "char",
            stat.S_IFBLK: "block", stat.S_IFIFO: "fifo"}[stat.S_IFMT(px.posix_file_mode)]
    times = {_seconds(moment) for moment in (
        tf.modification_time, tf.access_time, tf.attribute_change_time, record.date)}
    assert len(times) == 1
    return Found(
        kind, stat.S_IMODE(px.posix_file_mode), None, px.posix_user_id, px.posix_group_id,
        times.pop(),
        record.data_length if kind == "file" else None, None,
        # pycdlib gives nothing for the link to the root
        (os.fsdecode(ridge.symlink_path()) or "/") if ridge.is_symlink() else None,
        (pn.dev_t_high, (pn.dev_t_low & 0xFFF00000) >> 12 | pn.dev_t_low & 0xFF) if pn else None,
        px.posix_file_links,
    )


def _seconds(moment: Any) -> int:
    assert moment.gmtoffset == 0
    return calendar.timegm((
        moment.years_since_1900 + 1900, moment.month, moment.day_of_month,
        moment.hour, moment.minute, moment.second, 0, 0, 0))


def grub_reads(image: Path, entry: Entry) -> bytes:
    """The content of a file as GRUB's own reader gives it."""
    return tool("grub-fstest", image, "cat", f"(loop0)/{entry.path}")


def grub_lists(image: Path, folder: str) -> str:
    """What GRUB's own reader lists in a folder, names parted by blanks, folders with a slash."""
    path = "/" if folder == ROOT else f"/{folder}/"
    listed = tool("grub-fstest", image, "ls", "--", "-a", f"(loop0){path}")
    return listed.decode(errors="surrogateescape")


def grub_differences(image: Path, tree: Tree) -> list[str]:
    """Where GRUB's own reader lists other names in a folder than the tree has, a line each."""
    names: dict[str, list[str]] = {entry.path: ["./", "../"] for entry in tree
                                   if entry.kind == "dir"}
    for entry in tree:
        if entry.path != ROOT:
            names[entry.parent].append(entry.name + "/" * (entry.kind == "dir"))
    return [f"{folder!r}: {listed!r}" for folder in names
            for listed in [grub_lists(image, folder)]
            if sorted(listed.split(" ")) != sorted([*" ".join(names[folder]).split(" "), "\n"])]


ISO_JUDGES: Mapping[str, Callable[[Path], dict[str, Found]]] = {
    "bsdtar": bsdtar, "xorriso": xorriso, "isoinfo": isoinfo, "pycdlib": pycdlib_records,
}


# FFS


def sleuthkit(image: Path) -> tuple[dict[str, Found], dict[str, str]]:
    """The Sleuth Kit's UFS1 reader; and path to inode number. It shows `^` for control characters,
    and takes times for later than 1970.
    """
    text = tool("fls", "-f", "ufs1", "-r", "-m", "/", image).decode(errors="surrogateescape")
    found, inodes = {}, {}
    for line in text.split("\n")[:-1]:
        name, inode, mode, uid, gid, size, _, mtime, _, _ = line.partition("|")[2].rsplit("|", 9)
        if name.startswith("/$OrphanFiles"):
            continue
        kind = _KINDS[mode[2]]
        name, _, target = name.partition(" -> ") if kind == "link" else (name, "", "")
        path = _relative(name)
        inodes[path] = inode
        found[path] = Found(
            kind, _mode(mode[3:]), None, int(uid), int(gid), int(mtime),
            int(size) if kind == "file" else None,
            link=target if target and "^" not in target else None)
    return found, inodes


def shown_by_sleuthkit(name: str) -> str:
    """A name as its listing has it."""
    return re.sub(r"[\x01-\x1f]", "^", name)


def sleuthkit_reads(image: Path, inode: str) -> bytes:
    """The content of an inode."""
    return tool("icat", "-f", "ufs1", image, inode)


def sleuthkit_links(image: Path, inode: str) -> int:
    """The link count of an inode."""
    match = re.search(rb"^num of links: (\d+)$", tool("istat", "-f", "ufs1", image, inode),
                      re.MULTILINE)
    assert match
    return int(match[1])


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file."""
    return sha256(path.read_bytes())
