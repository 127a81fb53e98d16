"""Declarations in a package's install script: users, files, directories, modes.

pkgsrc's install scripts are composed of templates. Comment lines at their end, which the scripts
read themselves, specify what they do for one package:

    # GROUP: nginx                               name[:gid]
    # USER: nginx:nginx::NGINX:/var/empty:…      name:group[:uid[:description[:home[:shell]]]]
    # DIR: etc/nginx m 0755 root wheel           path flags [mode [owner [group]]]
    # FILE: etc/nginx.conf c share/nginx.conf    path flags example [mode [owner [group]]]
    # FILE: /etc/rc.d/nginx cr share/…/nginx 0755
    # PERMS: bin/lppasswd 4711 lp sys            path mode [owner [group]]
    # SHELL: bin/bash                            path
    # INFO: info/a.info [folder]   # FONTS: folder type   # ICON_THEME: folder

A relative path is below the prefix. Flags of FILE: `c` copy the example there, `f` even if
PKG_CONFIG is off, `r` it is an rc.d script. Flags of DIR: `m` create it, `f` as above, `o` owned by
the package. The lines are sorted and duplicates dropped; a backslash quotes the character after it,
as in read(1). Code that a package adds with its own templates is not read here.
Source: pkgsrc, mk/pkginstall (bsd.pkginstall.mk 1.80 and the templates beside it).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from buildlib.model.errors import SourceError
from buildlib.model.numbers import number_or_none
from buildlib.pkgsrc.modes import is_mode

_LINE = re.compile(r"# (GROUP|USER|DIR|FILE|PERMS|SHELL|INFO|FONTS|ICON_THEME): (.*)\Z", re.DOTALL)
SCRIPT_MAX = 4 << 20  # bytes; the longest have 50,000
DECLARATIONS_MAX = 10_000
_PATH_MAX, _DEPTH_MAX = 1024, 64  # characters and parts
_WORD = re.compile(r"[^\\ \t]*+(?:\\.[^\\ \t]*+)*+", re.DOTALL)  # or nothing
_QUOTED = re.compile(r"\\(.)", re.DOTALL)
_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Group:
    """A group that must exist; `gid` is None if any number is accepted."""

    name: str
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user that must exist; `uid` is None if any number is accepted; empty text: the default."""

    name: str
    group: str
    uid: int | None = None
    description: str = ""
    home: str = ""
    shell: str = ""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Mode as for chmod(1), owner and group by name; empty: unchanged."""

    mode: str = ""
    owner: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, by full path, that is created (`make`) or only checked."""

    path: str
    make: bool
    forced: bool
    owned: bool
    ownership: Ownership


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file that is copied from `example` unless it exists; both by full path."""

    path: str
    example: str
    copy: bool
    forced: bool
    rc_script: bool
    ownership: Ownership


@dataclass(frozen=True, slots=True)
class Permission:
    """A file or directory, by full path, that gets a special mode or owner."""

    path: str
    ownership: Ownership


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything a script declares, each kind in the order in which the script would process it.

    Info files, fonts and icon themes are pairs of a full path and the second word, or empty.
    """

    groups: tuple[Group, ...] = ()
    users: tuple[User, ...] = ()
    directories: tuple[Directory, ...] = ()
    files: tuple[ConfigFile, ...] = ()
    permissions: tuple[Permission, ...] = ()
    shells: tuple[str, ...] = ()
    info: tuple[tuple[str, str], ...] = ()
    fonts: tuple[tuple[str, str], ...] = ()
    icon_themes: tuple[tuple[str, str], ...] = ()


def parse_install(script: bytes, *, prefix: str, where: str = "+INSTALL") -> Declarations:
    """The declarations in an install script of a package below `prefix`.

    Raises SourceError (`pkginstall`) with the line: too few or too many words, a bad mode or
    number, a path with `..`.
    """
    if len(script) > SCRIPT_MAX:
        raise _bad(f"a script of {len(script)} bytes", where, f"at most {SCRIPT_MAX} are allowed")
    found: dict[str, dict[str, int]] = {}
    for number, line in enumerate(script.decode(errors="surrogateescape").split("\n"), 1):
        if match := _LINE.match(line):
            found.setdefault(match[1], {}).setdefault(match[2], number)
    if sum(map(len, found.values())) > DECLARATIONS_MAX:
        raise _bad("too many declarations", where, f"at most {DECLARATIONS_MAX} are allowed")

    def all_of(kind: str, read: Callable[[str, str], _Record]) -> tuple[_Record, ...]:
        records = []
        for text, number in sorted(found.get(kind, {}).items()):
            try:
                records.append(read(text, prefix))
            except ValueError as error:
                raise _bad(
                    f"{kind} declaration cannot be read", f"{where}, line {number}", str(error)
                ) from None
        return tuple(records)

    return Declarations(
        groups=all_of("GROUP", _group),
        users=all_of("USER", _user),
        directories=all_of("DIR", _directory),
        files=all_of("FILE", _config_file),
        permissions=all_of("PERMS", _permission),
        shells=all_of("SHELL", _shell),
        info=all_of("INFO", _pair),
        fonts=all_of("FONTS", _pair),
        icon_themes=all_of("ICON_THEME", _pair),
    )


# These readers raise ValueError with the problem.


def _group(text: str, _prefix: str) -> Group:
    name, gid = _fields(text, 1, 2)
    return Group(name, _number(gid))


def _user(text: str, _prefix: str) -> User:
    name, group, uid, description, home, shell = _fields(text, 2, 6)
    return User(name, group, _number(uid), description, home, shell)


def _directory(text: str, prefix: str) -> Directory:
    path, flags, *ownership = _words(text, 2, 5)
    return Directory(
        path=_path(path, prefix),
        make="m" in flags,
        forced="f" in flags,
        owned="o" in flags,
        ownership=_ownership(ownership),
    )


def _config_file(text: str, prefix: str) -> ConfigFile:
    path, flags, example, *ownership = _words(text, 3, 6)
    return ConfigFile(
        path=_path(path, prefix),
        example=_path(example, prefix),
        copy="c" in flags,
        forced="f" in flags,
        rc_script="r" in flags,
        ownership=_ownership(ownership),
    )


def _permission(text: str, prefix: str) -> Permission:
    path, *ownership = _words(text, 2, 4)
    return Permission(_path(path, prefix), _ownership(ownership))


def _shell(text: str, prefix: str) -> str:
    return _path(_words(text, 1, 1)[0], prefix)


def _pair(text: str, prefix: str) -> tuple[str, str]:
    path, second = _words(text, 1, 2)
    return _path(path, prefix), second


def _ownership(words: list[str]) -> Ownership:
    mode, owner, group = words
    if mode and not is_mode(mode):
        raise ValueError(f"{mode!r} is not a mode")
    return Ownership(mode, owner, group)


def _words(text: str, least: int, most: int) -> list[str]:
    """The words of `text`, padded with empty ones to `most`."""
    words = [_QUOTED.sub(r"\1", word) for word in _WORD.findall(text) if word]
    return _filled(words, least, most)


def _fields(text: str, least: int, most: int) -> list[str]:
    """The fields of `text`, separated by colons and padded with empty ones to `most`."""
    fields = _QUOTED.sub(r"\1", text.strip(" \t")).split(":")
    if not all(fields[:least]):
        raise ValueError("a name is missing")
    return _filled(fields, least, most)


def _filled(parts: list[str], least: int, most: int) -> list[str]:
    if not least <= len(parts) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ValueError(f"{len(parts)} words instead of {wanted}")
    return parts + [""] * (most - len(parts))


def _path(path: str, prefix: str) -> str:
    if len(path) > _PATH_MAX or path.count("/") >= _DEPTH_MAX:
        raise ValueError(
            f"{path[:80]!r}… is too long: at most {_PATH_MAX} characters and {_DEPTH_MAX} "
            "folders are allowed"
        )
    if ".." in path.split("/") or "\0" in path:
        raise ValueError(f"{path!r} contains `..` or a NUL")
    return path if path.startswith("/") else f"{prefix.rstrip('/')}/{path}"


def _number(text: str) -> int | None:
    if not text:
        return None
    number = number_or_none(text, most=999_999_999)
    if number is None:
        raise ValueError(f"{text[:40]!r} is not the number of a user or group")
    return number


def _bad(what: str, where: str, why: str) -> SourceError:
    return SourceError(what, where=where, why=why, reason="pkginstall")
