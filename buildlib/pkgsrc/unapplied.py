"""Actions of packages at installation that are not applied: code beyond the declarations.

pkgsrc's install scripts are composed of templates. Their helpers (`+USERGROUP`, `+DIRS`, `+FILES`,
…) are unpacked from here-documents and process the comment lines that `pkginstall` reads. These
parts are recognised by pattern; every other line is code of the package itself, as are the `@exec`
lines of packing lists. Since nothing is run, such lines are listed for the user.

An unrecognised line is always reported, whatever it does: additions of later versions of pkgsrc to
its templates appear here until they are recognised, and are never skipped.
Source: pkgsrc, mk/pkginstall (the templates header, install, install-post, footer and helpers).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from buildlib.pkgsrc.pkginstall import Declarations
from buildlib.pkgsrc.plist import Kind, Plist

# A helper and the kind of lines that it processes. +SHLIBS only ran ldconfig(8) for a.out.
_HELPERS = {
    "+USERGROUP": "USER",
    "+DIRS": "DIR",
    "+FILES": "FILE",
    "+PERMS": "PERMS",
    "+SHELL": "SHELL",
    "+INFO_FILES": "INFO",
    "+FONTS": "FONTS",
    "+ICON_THEMES": "ICON_THEME",
    "+SHLIBS": "SHLIB",
    "+OCAML_FINDLIB_REGISTER": "OCAML_FINDLIB",
}
_LINE_MAX = 4096  # characters; the templates have no longer lines
_HERE = re.compile(r"\s*\$\{CAT\} > (?:\./)?(\+[A-Z_]+) << '?(\w+)'?\s*\Z")
_KIND = re.compile(rf"# ({'|'.join(_HELPERS.values())}): ")
_HELPER = "|".join(re.escape(name) for name in _HELPERS)
# Lines of the templates, with single spaces between words. A line must match as a whole.
_SELF = r"(?:\$\{SELF\}|\"\$\{SELF\}\")"
_VALUE = (
    r"(?:\"[^`$]*\"|'[^']*'|[\w/.+-]*|\"?\$\{?[0-9A-Z_]+\}?\"?|`\$\{PWD_CMD\}`"
    r"|\"\$\{PKG_PREFIX#\$\{LOCALBASE\}/\}\"|\"\$\{PKG_SYSCONFBASE\}(?:/\$\{VIEW\})?\")"
)
_LABEL = r"(?:[\w|,+*\[\]-]+|\"\"|\$\{LOCALBASE\}/\*)\)"
_KNOWN = re.compile(
    "|".join(
        (
            r"#.*",
            r":",
            r";;",
            r"esac",
            r"then",
            r"else",
            r"fi(?:; \})?",
            r"\}",
            r"exit [01]",
            r"shift 2",
            rf"(?:{_LABEL} )?[A-Z_0-9]+={_VALUE}(?: ;;)?",
            _LABEL,
            r": \"?\$\{[A-Z_]+=(?:(?!\$\()[^`])*\}\"?",
            r"case \"?\$\{?[A-Z_]+(?::-[^`$]*)?\}?(?:,\$1)?\"? in",
            r"\$\{SH\} \$\{SELF\} \$\{PKGNAME\} UNPACK",
            rf"\$\{{TEST\}} ! -x \./(?:{_HELPER}) \|\|",
            rf"(?:\{{ |if )?\./(?:{_HELPER})(?: [A-Z-]+)? \$\{{PKG_METADATA_DIR\}}(?:; then)?",
            rf"\$\{{SED\}} -n \"/\^\\# [A-Z_]+: /p\" {_SELF} >> (?:\./)?(?:{_HELPER})",
            rf"\$\{{CHMOD\}} \+x (?:\./)?(?:{_HELPER})",
            r"if \[ \"\$\{PKG_INSTALLATION_TYPE\}\" = \"overwrite\" \]; then",
            r"\$\{SETENV\} PKG_PREFIX=\"\$\{PKG_PREFIX\}\" \\",
            r"\$0 \$\{PKGNAME\} VIEW-INSTALL",
        )
    )
)


@dataclass(frozen=True, slots=True)
class Action:
    """One line that is not applied. `where` names its script or list; `line` counts from 1."""

    where: str
    line: int
    text: str


def actions_of(script: bytes | None, plist: Plist, declared: Declarations) -> tuple[Action, ...]:
    """Everything that installing a package would do and staging it does not, in file order."""
    found = [] if script is None else list(_script_actions(script))
    found += [
        Action("+CONTENTS: @exec", item.line, item.argument)
        for item in plist.directives
        if item.kind is Kind.EXEC
    ]
    found += [
        Action(f"+INSTALL: {what}", 0, f"{path} {second}".rstrip())
        for what, pairs in (
            ("fonts", declared.fonts),
            ("info", declared.info),
            ("icon theme", declared.icon_themes),
        )
        for path, second in pairs
    ]
    return tuple(found)


def _script_actions(script: bytes) -> Iterator[Action]:
    stage, end = "+INSTALL", ""
    lines = script.decode(errors="surrogateescape").split("\n")
    places = _Places(lines)
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if end:
            end = "" if line == end else end
        elif (here := _HERE.match(line)) and places.is_helper(here[1], here[2], number):
            end = here[2]
        elif text in {"PRE-INSTALL)", "POST-INSTALL)"}:
            stage = f"+INSTALL: {text[:-1]}"
        elif text and not (len(text) <= _LINE_MAX and _KNOWN.fullmatch(" ".join(text.split()))):
            yield Action(stage, number, text)
        if not end and text == "esac" and not line.startswith((" ", "\t")):
            stage = "+INSTALL"


class _Places:
    """Positions of lines in a script that end a here-document or are read by a helper."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    @cached_property
    def _of_line(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, line in enumerate(self._lines):
            found.setdefault(line, []).append(number)
        return found

    @cached_property
    def _of_kind(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, line in enumerate(self._lines):
            for kind in _KIND.findall(line):
                found.setdefault(kind, []).append(number)
        return found

    def is_helper(self, name: str, mark: str, start: int) -> bool:
        """Whether a here-document from line `start` on is a helper.

        It is recognised by its name and the lines that it reads from itself.
        """
        kind = _HELPERS.get(name)
        end = _next(self._of_line.get(mark, []), start) if kind is not None else None
        if kind is None or end is None:
            return False
        line = _next(self._of_kind.get(kind, []), start)
        return line is not None and line < end


def _next(places: list[int], start: int) -> int | None:
    at = bisect_left(places, start)
    return places[at] if at < len(places) else None
