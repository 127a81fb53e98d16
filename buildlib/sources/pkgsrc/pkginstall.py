"""What a package's install script declares: users, files, directories, modes.

pkgsrc's install scripts are put together from templates; what they do for one package stands in
comment lines at the end, which the scripts read from themselves:

    # GROUP: nginx                               name[:gid]
    # USER: nginx:nginx::NGINX:/var/empty:…      name:group[:uid[:description[:home[:shell]]]]
    # DIR: etc/nginx m 0755 root wheel           path flags [mode [owner [group]]]
    # FILE: etc/nginx.conf c share/nginx.conf    path flags example [mode [owner [group]]]
    # FILE: /etc/rc.d/nginx cr share/…/nginx 0755
    # PERMS: bin/lppasswd 4711 lp sys            path mode [owner [group]]
    # SHELL: bin/bash                            path
    # INFO: info/a.info [folder]   # FONTS: folder type   # ICON_THEME: folder

A relative path is below the prefix. Flags of FILE: `c` copy the example there, `f` even if
PKG_CONFIG is off, `r` it is an rc.d script. Flags of DIR: `m` make it, `f` as above, `o` the
package's own. The lines are sorted and used once each; a backslash takes the meaning from the
character after it, as in read(1). Code that a package adds by its own templates is not seen here.
Source: pkgsrc, mk/pkginstall (bsd.pkginstall.mk 1.80 and the templates beside it).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from buildlib.sources.pkgsrc.modes import is_mode
from buildlib.words.errors import SourceError

_LINE = re.compile(r"# (GROUP|USER|DIR|FILE|PERMS|SHELL|INFO|FONTS|ICON_THEME): (.*)\Z", re.DOTALL)
_WORD = re.compile(r"(?:\\.|[^\\ \t])+", re.DOTALL)
_QUOTED = re.compile(r"\\(.)", re.DOTALL)
_ID_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Group:
    """A group that must exist; `gid` is None if any will do."""

    name: str
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user that must exist; `uid` is None if any will do, empty text is the default."""

    name: str
    group: str
    uid: int | None = None
    description: str = ""
    home: str = ""
    shell: str = ""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Mode as for chmod(1), owner and group by name; empty: left as it is."""

    mode: str = ""
    owner: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, by full path, that is made (`make`) or only checked."""

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
    """Everything a script declares, each kind sorted as the script would do it.

    Info files, fonts and icon themes are pairs of a full path and the second word, if any.
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
    number, a path that leads upwards.
    """
    found: dict[str, dict[str, int]] = {}
    for number, line in enumerate(script.decode(errors="surrogateescape").split("\n"), 1):
        if match := _LINE.match(line):
            found.setdefault(match[1], {}).setdefault(match[2], number)
    reader = _Reader(prefix.rstrip("/"), where)

    def all_of[T](kind: str, read: Callable[[str], T]) -> tuple[T, ...]:
        return tuple(reader.read(read, text, line) for text, line in sorted(found.get(kind, {}).items()))

    return Declarations(
        groups=all_of("GROUP", reader.group),
    )
