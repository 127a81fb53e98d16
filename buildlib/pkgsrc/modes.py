"""Modes as chmod(1) and setmode(3) read them: octal, or symbolic such as `u+s,go-w`.

Packing lists (`@mode`) and install scripts (`# PERMS:`) name modes in this form.
"""

from __future__ import annotations

import re

from buildlib.model.errors import SourceError

_OCTAL = re.compile(r"[0-7]{1,5}\Z")
_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<actions>(?:[-+=][rwxXstugo]*)+)\Z")
_ACTION = re.compile(r"([-+=])([rwxXstugo]*)")
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o0007, "a": 0o6777}
_SHIFT = {"u": 6, "g": 3, "o": 0}
_ALL = 0o7777
_STICKY = 0o1000
_DIRECTORY_BITS = 0o111


def is_mode(text: str) -> bool:
    """Whether `text` is a mode."""
    if _OCTAL.match(text):
        return int(text, 8) <= _ALL
    return all(_CLAUSE.match(clause) for clause in text.split(","))


def apply_mode(text: str, mode: int, *, directory: bool = False) -> int:
    """The permission bits of something that had `mode`, after chmod `text`.

    `directory` means that `X` counts as `x`. For a clause without u, g, o or a (`+x`) the umask is
    022, as in pkg_install. Raises SourceError (`mode`).
    """
    if not is_mode(text):
        raise SourceError(f"{text!r} is not a mode", reason="mode")
    if _OCTAL.match(text):
        return int(text, 8)
    mode &= _ALL
    for clause in text.split(","):
        found = _CLAUSE.match(clause)
        assert found is not None
        mode = _clause(found["who"], found["actions"], mode, directory=directory)
    return mode


def _clause(who: str, actions: str, mode: int, *, directory: bool) -> int:
    mask = 0
    for letter in who or "a":
        mask |= _WHO[letter]
    if not who:
        mask &= ~0o022
    for sign, letters in _ACTION.findall(actions):
        # setmode(3): the sticky bit applies unless the clause is only for others
        reach = mask | (_STICKY if "t" in letters and set(who) != {"o"} else 0)
        bits = _bits(letters, mode, directory=directory) & reach
        if sign == "+":
            mode |= bits
        elif sign == "-":
            mode &= ~bits
        else:
            # the umask does not apply to cleared bits
            mode = mode & ~(reach if who else reach | _WHO["a"]) | bits
    return mode


def _bits(letters: str, mode: int, *, directory: bool) -> int:
    bits = 0
    for letter in letters:
        if letter in _SHIFT:  # copy the bits of user, group or others
            bits |= (mode >> _SHIFT[letter] & 7) * 0o111
        elif letter == "X":
            bits |= _BITS["x"] if directory or mode & _DIRECTORY_BITS else 0
        else:
            bits |= _BITS[letter]
    return bits
