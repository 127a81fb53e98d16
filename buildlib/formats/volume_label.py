"""Labels by which an image identifies itself: release, recipe, and a unique key.

The key is derived from the content, so the same image has the same key wherever it was built. The
build record contains it too, so you can find the record of any disc.
"""

from __future__ import annotations

import json
import re

from buildlib.model.digest import Json, digest_of

KEY_DIGITS = 12
VOLUME_ROOM = 31  # FFS has 32 bytes, the last of which is 0; ISO 9660 has 32 characters
_LEAST_DIGITS = 6
_BOOT_ROOM = 23
_LONG_ROOM = 128
# d-characters and a-characters (ECMA-119, 7.4.1) as classes for regular expressions
D_CHARACTERS = "A-Z0-9_"
A_CHARACTERS = D_CHARACTERS + r" !\"%&'()*+,\-./:;<=>?"
_NOT_D, _NOT_A = re.compile(f"[^{D_CHARACTERS}]"), re.compile(f"[^{A_CHARACTERS}]")


def key_of(content: Json) -> str:
    """The key of an image with this content: hexadecimal digits in lower case."""
    return digest_of(content)[:KEY_DIGITS]


def named(title: str, key: str, *, room: int) -> str:
    """`RELEASE RECIPE KEY` in upper case, in at most `room` characters.

    title  release and recipe, separated by a space
    If that is too long, the key is cut to as few as 6 digits, then the release is cut at its end.
    """
    title = title.upper()
    digits = key[: max(_LEAST_DIGITS, room - len(title) - 1)]
    space = room - len(digits) - 1
    release, _, recipe = title.rpartition(" ")
    kept = f"{release[: max(space - len(recipe) - 1, 0)]} {recipe}".strip()[:space].rstrip()
    return f"{kept} {digits.upper()}".strip()


def volume_name(title: str, key: str) -> str:
    """`named` in ISO 9660's d-characters (ECMA-119, 7.4.1): upper-case letters, digits and `_`."""
    return _NOT_D.sub("_", named(title, key, room=VOLUME_ROOM))


def volume_set(title: str, key: str) -> str:
    """`named` for a field with enough room for all of it."""
    return named(title, key, room=_LONG_ROOM)


def application(text: str, key: str) -> str:
    """A description of an image's content, followed by its key."""
    end = f", KEY {key}"
    return text[: _LONG_ROOM - len(end)] + end


def boot_name(title: str, key: str) -> str:
    """`named` for a boot catalog, in a-characters; most readers use 23 of its 24 bytes."""
    return _NOT_A.sub("_", named(title, key, room=_BOOT_ROOM))


def document(title: str, key: str) -> bytes:
    """The labels for the build record, as JSON."""
    return json.dumps({"key": key, "volume": volume_name(title, key)}).encode()
