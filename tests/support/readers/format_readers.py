"""Independent readers of images, each of which reports what it finds at every path.

A missing tool fails the test, because then nothing is proved.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from buildlib.model.digest import sha256
from buildlib.model.mtree import encode
from buildlib.model.tree import ROOT, Entry, Tree, path_order

KINDS = {
    "d": "dir",
    "-": "file",
    "l": "link",
    "c": "char",
    "b": "block",
    "p": "fifo",
    "r": "file",
    "e": "file",
    "f": "fifo",
}
_BITS = {"S": "-", "s": "x", "T": "-", "t": "x"}


@dataclass(frozen=True)
class Found:
    """The attributes that a reader finds at a path; None if it cannot determine one."""

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
    """What a reader of all attributes should find."""
    links = tree.links_of()
    folders = {entry.path: 2 for entry in tree if entry.kind == "dir"}
    for path in [path for path in folders if path != ROOT]:
        folders[path.rpartition("/")[0] or ROOT] += 1
    return {
        entry.path: Found(
            entry.kind,
            entry.mode,
            entry.mode & 0o777,
            entry.uid,
            entry.gid,
            entry.time,
            entry.size if entry.kind == "file" else None,
            entry.sha256 or None,
            entry.link or None,
            entry.device,
            folders.get(entry.path, links.get(entry.inode, 1)),
        )
        for entry in tree
    }


def differences(tree: Tree, found: Mapping[str, Found]) -> list[str]:
    """Differences between a reader's results and `tree`, one line each; attributes that it cannot
    determine are skipped.
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


def tool(
    *argv: str | Path, locale: str = "C", cwd: Path | None = None, given: bytes = b""
) -> bytes:
    """The output of a tool with the input `given`. Asserts that it succeeds."""
    done = subprocess.run(
        [str(word) for word in argv],
        capture_output=True,
        input=given,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": locale, "TZ": "UTC"},
    )
    assert done.returncode == 0, (argv, done.stderr.decode(errors="replace"))
    return done.stdout


def mode_of(text: str) -> int:
    """`rwxr-sr-t` as a number."""
    bits = "".join(_BITS.get(letter, letter) for letter in text)
    special = sum(bit for bit, at in ((0o4000, 2), (0o2000, 5), (0o1000, 8)) if text[at] in "sStT")
    return special | sum(0o400 >> at for at in range(9) if bits[at] != "-")


def relative(path: str) -> str:
    """A path in the form used by trees."""
    return path.strip("/") or ROOT


# mtree specs


def spec_differences(wanted: bytes, found: bytes) -> list[str]:
    """Differences between two specs as read by NetBSD's mtree(8), one line each.

    Like `mtree -f SPEC1 -f SPEC2`, which some versions lack; keywords of only one are skipped.
    """
    ours, theirs = _as_mtree_reads(wanted), _as_mtree_reads(found)
    lines = [f"{path}: not found" for path in ours.keys() - theirs.keys()]
    lines += [f"{path}: not in the tree" for path in theirs.keys() - ours.keys()]
    for path in ours.keys() & theirs.keys():
        lines += [
            f"{path}: {key} {theirs[path][key]}, not {ours[path][key]}"
            for key in ours[path].keys() & theirs[path].keys()
            if theirs[path][key] != ours[path][key]
        ]
    return sorted(lines)


def _as_mtree_reads(spec: bytes) -> dict[str, dict[str, str]]:
    """Path to keywords, in the normal form printed by mtree(8)."""
    keywords = "type,mode,uid,gid,time,size,link,device,nlink,sha256"
    found = {}
    for line in tool("mtree", "-C", "-k", keywords, given=spec).decode().splitlines():
        path, *words = line.split()
        found[path] = dict(word.split("=", 1) for word in words)
    return found


def spec_of(found: Mapping[str, Found]) -> bytes:
    """The results of a reader as a spec."""
    lines = []
    for path, item in sorted(found.items(), key=lambda pair: path_order(pair[0])):
        device = "netbsd,{},{}".format(*item.device) if item.device else None
        words = {
            "type": item.kind,
            "mode": None if item.mode is None else f"{item.mode:o}",
            "uid": item.uid,
            "gid": item.gid,
            "size": item.size,
            "sha256": item.sha256,
            "time": None if item.time is None else f"{item.time}.0",
            "device": device,
            "nlink": item.links,
            "link": encode(item.link).decode() if item.link else None,
        }
        name = ROOT if path == ROOT else f"./{encode(path).decode()}"
        lines.append(
            " ".join(
                [name, *(f"{key}={value}" for key, value in words.items() if value is not None)]
            )
        )
    return "\n".join(["#mtree", *lines, ""]).encode()


def grub_reads(image: Path, entry: Entry) -> bytes:
    """The content of a file as read by GRUB's own reader."""
    return tool("grub-fstest", image, "cat", f"(loop0)/{entry.path}")


def grub_lists(image: Path, folder: str) -> str:
    """The listing of a folder by GRUB's own reader: names separated by spaces, folders with `/`."""
    path = "/" if folder == ROOT else f"/{folder}/"
    listed = tool("grub-fstest", image, "ls", "--", "-a", f"(loop0){path}")
    return listed.decode(errors="surrogateescape")


def grub_differences(image: Path, tree: Tree) -> list[str]:
    """Differences between GRUB's listing of a folder and the tree, one line each."""
    names: dict[str, list[str]] = {
        entry.path: ["./", "../"] for entry in tree if entry.kind == "dir"
    }
    for entry in tree:
        if entry.path != ROOT:
            names[entry.parent].append(entry.name + "/" * (entry.kind == "dir"))
    return [
        f"{folder!r}: {listed!r}"
        for folder in names
        for listed in [grub_lists(image, folder)]
        if sorted(listed.split(" ")) != sorted([*" ".join(names[folder]).split(" "), "\n"])
    ]


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file."""
    return sha256(path.read_bytes())
