"""Packages of the build host's distribution, which are downloaded and unpacked, never installed.

Installing Debian's hypervisor would change how the build host itself boots. `apt-get download`
checks the package against the distribution's signed index; the digest in that index identifies the
package here. Source: apt-cache(8), apt-get(8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from buildlib.model.digest import SHA256_HEX
from buildlib.model.errors import SourceError, ToolError

LISTS = "/var/lib/apt/lists"
_HINT = "run `apt-get update`"


@dataclass(frozen=True, slots=True)
class DistributionPackage:
    """The package that apt would install: name, version, and SHA-256 from the signed index."""

    name: str
    version: str
    sha256: str


def candidate(
    pattern: str, run: Callable[[Sequence[str]], str], *, hint: str = ""
) -> DistributionPackage:
    """The newest package whose name matches `pattern` (`*` matches digits and dots).

    `run` runs a tool and returns its output; `hint` is added to the error.
    Raises SourceError if apt knows no such package.
    """
    expression = "^" + re.escape(pattern).replace(r"\*", r"[0-9][0-9.]*") + "$"
    names = run(["apt-cache", "pkgnames", pattern.partition("*")[0]]).split()
    found = sorted((name for name in names if re.match(expression, name)), key=_natural)
    for name in reversed(found):
        try:
            fields = _fields(run(["apt-cache", "show", "--no-all-versions", name]))
        except ToolError:
            continue  # a name that only occurs in dependencies
        if SHA256_HEX.match(fields.get("SHA256", "")) and "Version" in fields:
            return DistributionPackage(name, fields["Version"], fields["SHA256"])
    raise SourceError(
        f"the distribution has no package {pattern}",
        where="apt-cache",
        hint="; ".join(filter(None, (_HINT, hint))),
        reason="no-package",
    )


def _natural(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition(": ") for line in text.splitlines() if not line.startswith(" "))
    return {key: value.strip() for key, _, value in pairs}
