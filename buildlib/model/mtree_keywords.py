"""The keywords of mtree(8) and their values. Each value is normalised or rejected.

Source: NetBSD's usr.sbin/mtree/misc.c 1.30.8.2 of 2013 (parsekey), spec.c 1.80.2.3 of 2014 (set);
unvis(3), setmode(3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from buildlib.model.mtree import DEVICE, KINDS, TAG_END, TAGS
from buildlib.model.names import PATH_LIMIT, shown
from buildlib.model.numbers import whole_number
from buildlib.model.schema import nearest

ID_LIMIT = (1 << 32) - 1
OPTIONAL, NOCHANGE = "optional", "nochange"
# Supported digests and their length in hexadecimal digits.
DIGESTS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
_OTHER_NAMES = {
    "ripemd160digest": "rmd160",
    **{f"{name}digest": name for name in (*DIGESTS, "rmd160")},
}
OWNERS = {"uid": "uname", "uname": "uid", "gid": "gname", "gname": "gid"}
_REFUSED = {
    "cksum": "not supported; use sha256",
    "rmd160": "not supported; use sha256",
    "ignore": "not supported: everything in the folder is used",
}
ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|M-(.)|M\^(.)|\^(.)|(.)|$)", re.DOTALL)
_LETTERS = dict(zip(b"nrbavtfsE", b"\n\r\b\a\v\t\f \033", strict=True))
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,31}\$?")
_MODE = re.compile(r"([ugoa]+)((?:[-+=](?:[rwxst]*|[ugo]))+)")
_CHANGE = re.compile(r"([-+=])([ugo]|[rwxst]*)")
_SHIFT = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}


def keywords_of(words: Iterable[bytes]) -> dict[str, str]:
    """Parse the words of a line into keyword to value. Raises ValueError."""
    keywords: dict[str, str] = {}
    for word in words:
        text, equals, value = word.partition(b"=")
        key = known(text.decode("ascii", "replace"))
        if key in {OPTIONAL, NOCHANGE}:
            if equals:
                raise ValueError(f"{key}: takes no value")
            keywords[key] = ""
            continue
        if not value:
            raise ValueError(f"{key}: has no value")
        if key in keywords or OWNERS.get(key) in keywords:
            raise ValueError(
                f"{key}: given twice, or together with {OWNERS[key]}"
                if key in OWNERS
                else f"{key}: given twice"
            )
        try:
            keywords[key] = _VALUES[key](value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return keywords


def known(name: str) -> str:
    """The keyword in its usual spelling. Raises ValueError for an unknown or rejected one."""
    name = _OTHER_NAMES.get(name, name)
    if name in _REFUSED:
        raise ValueError(f"{name}: {_REFUSED[name]}")
    if name not in _VALUES and name not in {OPTIONAL, NOCHANGE}:
        known = (*_VALUES, OPTIONAL, NOCHANGE)
        raise ValueError(f"{shown(name)}: unknown keyword{nearest(name[:40], known)}")
    return name


def shown_bytes(value: bytes) -> str:
    """`value` shortened for an error message."""
    return shown(value.decode(errors="surrogateescape"))


def decoded_name(word: bytes) -> str:
    """`word` as unvis(3) decodes it. Raises ValueError."""
    if b"\\" in word:
        word = ESCAPE.sub(_unescaped, word)
    if b"\0" in word:
        raise ValueError("a name cannot contain a NUL")
    return word.decode(errors="surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, digits, meta, meta_control, control, letter = match.groups()
    if octal or digits:
        number = int(octal, 8) if octal else int(digits, 16)
    elif meta:
        number = meta[0] | 0x80
    elif meta_control or control:
        number = (_control((meta_control or control)[0])) | (0x80 if meta_control else 0)
    elif letter and letter[0] in _LETTERS:
        number = _LETTERS[letter[0]]
    elif letter and 0x20 < letter[0] < 0x7F and not letter.isalnum():
        number = letter[0]
    else:
        number = -1
    if not 0 <= number <= 0xFF:
        raise ValueError(f"{shown_bytes(match[0])}: unvis(3) does not know this escape")
    return bytes([number])


def _control(letter: int) -> int:
    return 0x7F if letter == ord("?") else letter & 0x1F


def _kind(value: bytes) -> str:
    kind = shown_bytes(value)
    if kind == "socket":
        raise ValueError("sockets are not supported; the program that listens on one creates it")
    if kind not in KINDS:
        known = sorted(KINDS)
        raise ValueError(f"{kind!r} is not one of {', '.join(known)}{nearest(kind, known)}")
    return kind


def _mode(value: bytes) -> str:
    """An octal or symbolic mode as in setmode(3), starting from 0; u, g, o or a is required."""
    text = shown_bytes(value)
    if text[0] in "01234567":
        try:
            return f"{whole_number(text, base=8, most=0o7777):04o}"
        except ValueError:
            raise ValueError(f"{text!r} is not a mode: use at most four octal digits") from None
    mode = 0
    for clause in text.split(","):
        match = _MODE.fullmatch(clause)
        if match is None:
            raise ValueError(f"{text!r} is not a mode: write 0644 or u=rw,go=r")
        for sign, what in _CHANGE.findall(match[2]):
            mode = _changed(mode, "ugo" if "a" in match[1] else match[1], sign, what)
    return f"{mode:04o}"


def _changed(mode: int, who: str, sign: str, what: str) -> int:
    if what in _SHIFT:
        rwx = mode >> _SHIFT[what] & 7
    else:
        rwx = sum(_BITS[letter] for letter in set(what) & set(_BITS))
    bits = mask = 0
    for letter in set(who):
        bits |= rwx << _SHIFT[letter]
        mask |= 7 << _SHIFT[letter]
    if "s" in what:
        bits |= (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
    if "t" in what and set(who) != {"o"}:
        bits |= 0o1000
    mask |= (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
    if sign == "=":
        return mode & ~mask | bits
    return mode | bits if sign == "+" else mode & ~bits


def _number(most: int, *, least: int = 0) -> Callable[[bytes], str]:
    return lambda value: str(whole_number(value, least=least, most=most))


def _time(value: bytes) -> str:
    """Seconds. Fractions are accepted and dropped, since no image format here stores them."""
    seconds, _, parts = value.partition(b".")
    if parts:
        whole_number(parts, most=999_999_999)
    return f"{whole_number(seconds, least=-(1 << 62), signed=True)}.0"


def _device(value: bytes) -> str:
    text = shown_bytes(value).replace("native,", "netbsd,", 1)
    match = DEVICE.fullmatch(text)
    if match is None or any(number != "0" and number[0] == "0" for number in match.groups()):
        raise ValueError(f"{shown_bytes(value)}: write netbsd,MAJOR,MINOR")
    if int(match[1]) >= 1 << 12 or int(match[2]) >= 1 << 20:
        raise ValueError(
            f"{match[1]},{match[2]} is not a NetBSD device number: the major number "
            "has 12 bits, the minor number 20"
        )
    return text


def _link(value: bytes) -> str:
    target = decoded_name(value)
    size = len(target.encode(errors="surrogateescape"))
    if size > PATH_LIMIT:
        raise ValueError(f"a link's target of {size} bytes; NetBSD allows {PATH_LIMIT}")
    return target


def _tags(value: bytes) -> str:
    # split before decoding: a comma inside a tag is escaped
    tags = [decoded_name(tag) for tag in value.split(b",") if tag]
    for tag in tags:
        kind, colon, name = tag.partition(":")
        if colon and (kind not in TAGS or not name):
            raise ValueError(
                f"{shown(tag)}: unknown tag{nearest(kind, TAGS)}; inode:NAME marks "
                "hard links of one file"
            )
    return TAG_END.join(tags)


def _flags(value: bytes) -> str:
    if value != b"none":
        raise ValueError(
            f"{shown_bytes(value)}: images do not store flags; write none, or omit the keyword"
        )
    return "none"


def _owner(value: bytes) -> str:
    name = shown_bytes(value)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a user or group")
    return name


def _digest(length: int) -> Callable[[bytes], str]:
    form = re.compile(rb"(?:0x)?([0-9a-fA-F]{%d})" % length)

    def read(value: bytes) -> str:
        match = form.fullmatch(value)
        if match is None:
            raise ValueError(f"{shown_bytes(value)} is not {length} hexadecimal digits")
        return match[1].decode().lower()

    return read


_VALUES: Mapping[str, Callable[[bytes], str]] = {
    "type": _kind,
    "mode": _mode,
    "uid": _number(ID_LIMIT),
    "gid": _number(ID_LIMIT),
    "uname": _owner,
    "gname": _owner,
    "time": _time,
    "link": _link,
    "device": _device,
    "size": _number((1 << 63) - 1),
    "nlink": _number((1 << 31) - 1, least=1),
    "flags": _flags,
    "tags": _tags,
    **{name: _digest(length) for name, length in DIGESTS.items()},
}
