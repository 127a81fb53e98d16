r"""mtree(5) specs: the text form of a tree.

One line per entry, with the full path and every attribute, without `/set`:

    ./bin/sh type=file uid=0 gid=0 mode=0555 time=1700000000.0 size=12 sha256=… tags=origin:base

NetBSD's mtree(8) and makefs(8) read this format, so the file that describes an image can also be
used to build it and to check a running system. Attributes that mtree has no keyword for are stored
in `tags`: the origin, and a label shared by the files of one inode. Names are encoded as vis(3)
does with VIS_OCTAL.
Source: mtree(5), mtree(8) of NetBSD 10; `device` is `netbsd,major,minor`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from sys import intern
from typing import cast, get_args

from buildlib.model.digest import SHA256_HEX
from buildlib.model.errors import ConfigError
from buildlib.model.numbers import MOST, whole_number
from buildlib.model.schema import nearest
from buildlib.model.tree import ROOT, Entry, Kind, Tree, tree_of

SIGNATURE = b"#mtree\n"
PATH_MAX = 4096  # characters, PATH_MAX of Linux
LINES_MAX = 1_000_000
SPEC_MAX = 256 << 20  # bytes
_MODES = {f"{mode:04o}": mode for mode in range(0o10000)}
_LINES_AT_ONCE, _BYTES_AT_ONCE = 1000, 1 << 18
# mtree splits words at white space, `=` and `#`, and tags at commas; `\` starts an escape
_UNSAFE = re.compile(rb"[^!$%&'()+\-./0-9:;<>@A-Z^_`a-z{|}~]")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
KINDS = frozenset(get_args(Kind))
_DEVICES = frozenset({"char", "block"})
DEVICE = re.compile(r"netbsd,(\d{1,10}),(\d{1,10})", re.ASCII)
TAG_END = "\0"
TAGS = ("inode", "origin")
_TAGS = re.compile(rb" tags=[^ \n]*$", re.MULTILINE)
_PIECE = 1 << 20  # bytes of a spec processed at once
_SAFE = r"([!$%&'()+\-./0-9:;<>@A-Z^_`a-z{|}~]+)"
# matches most lines that `format_tree` writes; all other lines are parsed word by word
_PLAIN = re.compile(
    rf"\./{_SAFE} type=(dir|file|link) uid=([0-9]{{1,9}}) gid=([0-9]{{1,9}}) mode=([0-7]{{4}})"
    r" time=([0-9]{1,18})\.0(?: size=([0-9]{1,18}) sha256=([0-9a-f]{64})(?: nlink=[0-9]{1,9})?)?"
    rf"(?: link={_SAFE})?(?: tags=(?:origin:{_SAFE})?,?(?:inode:{_SAFE})?)?"
)
# Keywords in the order they are written, and the numeric ones with base and limit.
KEYWORDS = (
    "type",
    "uid",
    "gid",
    "mode",
    "time",
    "size",
    "sha256",
    "nlink",
    "link",
    "device",
    "tags",
)
_ID = (1 << 32) - 1
_NUMBERS = {
    "uid": (10, _ID),
    "gid": (10, _ID),
    "mode": (8, 0o7777),
    "size": (10, MOST),
    "nlink": (10, MOST),
}


def encode(text: str) -> bytes:
    """`text` with every byte that is special in a spec as a backslash and three octal digits."""
    data = text.encode(errors="surrogateescape")
    return _UNSAFE.sub(_octal, data) if _UNSAFE.search(data) else data


def _octal(match: re.Match[bytes]) -> bytes:
    return b"\\%03o" % match[0][0]


def decode(word: bytes) -> str:
    """The inverse of `encode`."""
    if b"\\" not in word:
        return word.decode(errors="surrogateescape")
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), word).decode(
        errors="surrogateescape"
    )


def format_tree(tree: Tree, *, tags: bool = True) -> bytes:
    """The spec of `tree`: `#mtree`, then one line per entry in tree order. `parse` is its inverse.

    With `tags` off only file system attributes are written, which are what mtree(8) compares.
    """
    return b"".join(format_pieces(tree, tags=tags))


def format_pieces(tree: Tree, *, tags: bool = True) -> Iterator[bytes]:
    """Like `format_tree`, but in pieces, because the spec of a large tree has 40 MB."""
    links = tree.links_of()
    yield SIGNATURE
    for start in range(0, len(tree), _LINES_AT_ONCE):
        entries = tree.entries[start : start + _LINES_AT_ONCE]
        yield b"".join([_line(entry, links, tags=tags) for entry in entries])


def without_tags(spec: bytes) -> bytes:
    """Output of `format_tree` as it would be with `tags` off."""
    pieces, start = [], 0
    while start < len(spec):  # in pieces: each line becomes two objects
        end = spec.find(b"\n", start + _PIECE) + 1 or len(spec)
        pieces.append(_TAGS.sub(b"", spec[start:end]))
        start = end
    return b"".join(pieces)


def _line(entry: Entry, links: dict[str, int], *, tags: bool) -> bytes:
    path = b"." if entry.path == ROOT else b"./" + encode(entry.path)
    words = [
        b"%b type=%b uid=%d gid=%d mode=%04o time=%d.0"
        % (path, entry.kind.encode(), entry.uid, entry.gid, entry.mode, entry.time)
    ]
    if entry.kind == "file":
        words.append(b"size=%d sha256=%b" % (entry.size, entry.sha256.encode()))
        if entry.inode:
            words.append(b"nlink=%d" % links[entry.inode])
    elif entry.kind == "link":
        words.append(b"link=" + encode(entry.link))
    elif entry.device is not None:
        words.append(b"device=netbsd,%d,%d" % entry.device)
    if tags and (entry.origin or entry.inode):
        words.append(
            b"tags="
            + b",".join(
                [b"origin:" + encode(entry.origin)] * bool(entry.origin)
                + [b"inode:" + encode(entry.inode)] * bool(entry.inode)
            )
        )
    return b" ".join(words) + b"\n"


def parse(spec: bytes, *, where: str = "mtree spec") -> Tree:
    """The tree a spec describes. Raises ConfigError with the line number, or as `tree_of`."""
    return tree_of(_entries(spec, where))


def _entries(spec: bytes, where: str) -> Iterator[Entry]:
    _check_size(spec, where)
    # one expression for a whole line is four times as fast as parsing its words
    for number, line in enumerate(_text_lines(spec), 1):
        match = _PLAIN.fullmatch(line)
        entry = _plain(match) if match else None
        if entry is not None:
            yield entry
        else:
            for _, words in _lines(line.encode("ascii", "surrogateescape")):
                yield _entry(words, f"{where}, line {number}")


def _plain(match: re.Match[str]) -> Entry | None:
    """The entry of a plain line, or None if the line needs the full parser."""
    path, kind, uid, gid, mode, time, size, sha256, link, origin, inode = match.groups()
    if (
        len(path) > PATH_MAX
        or path[0] in "./"
        or path[-1] == "/"
        or "/." in path
        or "//" in path
        or (sha256 is None) == (kind == "file")
        or (link is None) == (kind == "link")
    ):
        return None
    # share equal strings: most entries of a tree have the same ones
    return Entry(
        path,
        cast("Kind", intern(kind)),
        _MODES[mode],
        int(uid),
        int(gid),
        int(time),
        int(size or 0),
        sha256 or "",
        link or "",
        None,
        (inode or "") if kind == "file" else "",
        intern(origin) if origin else "",
    )


def _lines(spec: bytes) -> Iterator[tuple[int, list[bytes]]]:
    for number, line in enumerate(spec.split(b"\n"), 1):
        if line and not line.startswith(b"#") and (words := line.split()):
            yield number, words


def _text_lines(spec: bytes) -> Iterator[str]:
    """The lines of a spec, decoded a few thousand at a time to save memory."""
    at = 0
    while at <= len(spec):
        end = spec.find(b"\n", at + _BYTES_AT_ONCE)
        end = len(spec) if end < 0 else end
        yield from spec[at:end].decode("ascii", "surrogateescape").split("\n")
        at = end + 1


def _check_size(spec: bytes, where: str) -> None:
    """Reject a spec that is larger than any tree before using memory for it."""
    if len(spec) > SPEC_MAX or spec.count(b"\n") > LINES_MAX:
        raise ConfigError(
            "the spec is too large",
            where=where,
            reason="mtree",
            why=f"at most {LINES_MAX} lines and {SPEC_MAX} bytes are allowed",
        )


def _path(word: bytes, where: str) -> str:
    path = decode(word)
    if len(path) > PATH_MAX:
        raise ConfigError(
            f"{path[:80]!r}… is too long",
            where=where,
            reason="mtree",
            why=f"at most {PATH_MAX} characters are allowed",
        )
    path = ROOT if path == ROOT else path.removeprefix("./")
    names = path.split("/")
    if path != ROOT and any(name in {"", ".", ".."} for name in names):
        raise ConfigError(f"{path!r} is not a path below the root", where=where, reason="mtree")
    return path


def _keywords(words: list[bytes], where: str) -> dict[str, str]:
    keywords = {}
    for word in words:
        name, equals, value = word.partition(b"=")
        key = name.decode(errors="replace")
        if key not in KEYWORDS or not equals:
            raise ConfigError(
                f"{key}: "
                + (
                    "has no value"
                    if key in KEYWORDS
                    else f"unknown keyword{nearest(key, KEYWORDS)}"
                ),
                where=where,
                reason="mtree",
            )
        # split tags before decoding them: a comma inside a tag is escaped
        text = TAG_END.join(map(decode, value.split(b","))) if key == "tags" else decode(value)
        keywords[key] = text
    return keywords


def _entry(words: list[bytes], where: str) -> Entry:
    path = _path(words[0], where)
    try:
        return entry_from(path, _keywords(words[1:], where))
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"{path}: not a usable entry", where=where, why=reason_of(error), reason="mtree"
        ) from None


def reason_of(error: ValueError | KeyError) -> str:
    """The reason why `entry_from` rejected its input, as a sentence."""
    return f"keyword {error} is missing" if isinstance(error, KeyError) else str(error)


def entry_from(path: str, keywords: dict[str, str], base: Entry | None = None) -> Entry:
    """An entry from mtree keywords; attributes they do not set come from `base`.

    Attributes that do not apply to the kind (a link's size, a file's device) are dropped.
    Raises ValueError for an invalid value, KeyError for a missing keyword.
    """
    kind = keywords["type"] if base is None else keywords.get("type", base.kind)
    if kind not in KINDS:
        raise ValueError(f"type={kind} is not one of {', '.join(sorted(KINDS))}")
    number = {key: _number(key, keywords[key]) for key in _NUMBERS if key in keywords}
    tags = dict(tag.partition(":")[::2] for tag in keywords.get("tags", "").split(TAG_END) if tag)
    blank = base or Entry(path, "dir", 0o755)
    entry = Entry(
        path=path,
        kind=cast("Kind", kind),
        mode=number.get("mode", blank.mode),
        uid=number.get("uid", blank.uid),
        gid=number.get("gid", blank.gid),
        time=_time(keywords["time"]) if "time" in keywords else blank.time,
        size=number.get("size", blank.size) if kind == "file" else 0,
        sha256=keywords.get("sha256", blank.sha256) if kind == "file" else "",
        link=keywords.get("link", blank.link) if kind == "link" else "",
        device=_device(keywords.get("device"), blank.device) if kind in _DEVICES else None,
        inode=tags.get("inode", blank.inode) if kind == "file" else "",
        origin=tags.get("origin", blank.origin),
    )
    _check(entry)
    return entry


def _number(key: str, text: str) -> int:
    base, most = _NUMBERS[key]
    try:
        return whole_number(text, most=most, base=base)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _time(text: str) -> int:
    return whole_number(text.partition(".")[0], least=-MOST, signed=True)


def _device(value: str | None, blank: tuple[int, int] | None) -> tuple[int, int] | None:
    if value is None:
        return blank
    match = DEVICE.fullmatch(value)
    if match is None:
        raise ValueError(f"device={value}: only netbsd,major,minor is supported")
    return int(match[1]), int(match[2])


def _check(entry: Entry) -> None:
    if entry.kind == "file" and not entry.sha256:
        raise KeyError("sha256")
    if entry.kind == "file" and not SHA256_HEX.match(entry.sha256):
        raise ValueError(f"sha256={entry.sha256} is not 64 hexadecimal digits in lower case")
    if entry.kind == "link" and not entry.link:
        raise KeyError("link")
    if entry.kind in _DEVICES and entry.device is None:
        raise KeyError("device")
