"""Trees for tests: entries written in one line each, and trees made by hypothesis."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from buildlib.model.digest import sha256
from buildlib.model.mtree import format_tree
from buildlib.model.tree import Entry, tree_of

TIME = 1_700_000_000

Contents = dict[Entry, bytes]


def file(
    path: str, data: bytes = b"", mode: int = 0o644, *, uid: int = 0, gid: int = 0,
    time: int = TIME, inode: str = "",
) -> Contents:
    """A file and its content."""
    entry = Entry(path, "file", mode, uid, gid, time, len(data), sha256(data), inode=inode)
    return {entry: data}


def folder(path: str, mode: int = 0o755, *, uid: int = 0, gid: int = 0, time: int = TIME
           ) -> Contents:
    """A folder."""
    return {Entry(path, "dir", mode, uid, gid, time): b""}


def link(path: str, target: str, *, uid: int = 0, gid: int = 0, time: int = TIME) -> Contents:
    """A symbolic link."""
    return {Entry(path, "link", 0o755, uid, gid, time, link=target): b""}


def char(path: str, major: int, minor: int, mode: int = 0o600, *, time: int = TIME) -> Contents:
    """A character device."""
    return {Entry(path, "char", mode, 0, 0, time, device=(major, minor)): b""}


def block(path: str, major: int, minor: int, mode: int = 0o640, *, time: int = TIME) -> Contents:
    """A block device."""
    return {Entry(path, "block", mode, 0, 5, time, device=(major, minor)): b""}


def fifo(path: str, mode: int = 0o600, *, time: int = TIME) -> Contents:
    """A named pipe."""
    return {Entry(path, "fifo", mode, 0, 0, time): b""}


# trees made by hypothesis

_LETTERS = st.sampled_from("abcABC012._- ~é日")
_WORDS = st.text(_LETTERS, min_size=1, max_size=12).map(lambda text: text.encode())
_TWINS = st.sampled_from([b"Makefile", b"makefile", b"MAKEFILE", b"a.b.c", b"a_b.c", b"x;1",
                          b"'quote'", b"back\\slash", b"#hash", b"-dash", b"[*?]", b"a=b",
                          b"tab\t"])
_RAW = st.binary(min_size=1, max_size=20)
_LONG = st.integers(200, 255).flatmap(lambda size: st.binary(min_size=1, max_size=3).map(
    lambda piece: (piece * size)[:size]))
# what one of the judges cannot show: line ends, and blanks at the end of a name
_UNSHOWN = b"\n\r\0/"


def _fit(name: bytes) -> str:
    name = bytes(byte for byte in name if byte not in _UNSHOWN).rstrip(b" ")[:255]
    return (b"_" if name in {b"", b".", b".."} else name).decode(errors="surrogateescape")


NAMES = st.one_of(_WORDS, _WORDS, _TWINS, _RAW, _LONG).map(_fit)
TARGETS = st.tuples(
    st.sampled_from(["", "/"]),
    st.lists(st.one_of(NAMES, st.sampled_from([".", "..", "a", "bb", "x" * 247, "y" * 300])),
             min_size=1, max_size=60),
).map(lambda parts: parts[0] + "/".join(parts[1])[:340].strip("/")).filter(bool)
TIMES = st.one_of(st.just(TIME), st.integers(0, (1 << 31) - 1))
_MODES = st.integers(0, 0o7777)
_IDS = st.one_of(st.just(0), st.integers(0, 65535))
_CONTENTS = st.one_of(st.just(b""), st.binary(max_size=20), st.sampled_from(
    [b"same", bytes(2048), b"x" * 2047, b"y" * 2049, bytes(range(256)) * 33]))
_DRAWN_KINDS = ["file", "file", "dir", "link", "char", "block", "fifo", "hard"]
_DEVICES = st.tuples(st.integers(0, (1 << 12) - 1), st.integers(0, (1 << 20) - 1))


class Drawn(dict[Entry, bytes]):
    """Contents whose `repr` stays readable: the spec, as far as it is short."""

    def __repr__(self) -> str:
        text = format_tree(tree_of(self)).decode()
        return f"Drawn({text[:3000]!r}{'...' if len(text) > 3000 else ''})"


@st.composite
def trees(draw: st.DrawFn, *, max_size: int = 40) -> Contents:
    """Entries of every kind, with contents, in folders of the same tree."""
    folders = [""]
    result = folder(".", draw(_MODES), uid=draw(_IDS), time=draw(TIMES))
    taken = set()
    for number in range(draw(st.integers(1, max_size))):
        path = draw(st.sampled_from(folders)) + draw(NAMES)
        if path in taken:
            continue
        taken.add(path)
        kind = draw(st.sampled_from(_DRAWN_KINDS))
        entry = Entry(path, "file", draw(_MODES), draw(_IDS), draw(_IDS), draw(TIMES))
        if kind in {"file", "hard"}:
            data = draw(_CONTENTS)
            label = f"inode{number}" if kind == "hard" else ""
            entry = replace(entry, size=len(data), sha256=sha256(data), inode=label)
            result[entry] = data
            other = draw(st.sampled_from(folders)) + draw(NAMES)
            if kind == "hard" and other not in taken:
                taken.add(other)
                result[replace(entry, path=other)] = data
        elif kind == "dir":
            folders.append(f"{path}/")
            result[replace(entry, kind="dir")] = b""
        elif kind == "link":
            result[replace(entry, kind="link", link=draw(TARGETS))] = b""
        elif kind == "fifo":
            result[replace(entry, kind="fifo")] = b""
        else:
            device = draw(_DEVICES)
            result[replace(entry, kind="char" if kind == "char" else "block", device=device)] = b""
    return Drawn(result)
