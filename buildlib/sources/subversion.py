"""Subversion's client, as far as a fleet's configuration needs it.

It runs as its caller does by hand, with their passwords and keys, but asks nothing. Only what it
tells programs is read: `--show-item` prints one value.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from buildlib.host.environment import caller_environment, find_tool
from buildlib.host.process import Runner
from buildlib.model.errors import ConfigError, ToolError
from buildlib.model.numbers import whole_number
from buildlib.model.urls import without_passwords

_CALLERS = ("HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "SVN_SSH")
_URLS = ("svn://", "svn+ssh://", "http://", "https://", "file:///")


def is_checkout(folder: Path) -> bool:
    """Whether a folder is in a working copy; no tool is asked."""
    whole = Path(os.path.realpath(folder))
    return any((place / ".svn").is_dir() for place in (whole, *whole.parents))


@dataclass(frozen=True, slots=True)
class Subversion:
    """Subversion's client on this machine."""

    tool: Path
    runner: Runner

    @classmethod
    def found(cls, runner: Runner) -> Subversion:
        """The client. Raises ToolError where there is none."""
        tool = find_tool("svn")
        if tool is None:
            raise ToolError("Subversion's client is not installed",
                            hint="apt-get install subversion", reason="tool-missing")
        return cls(tool, runner)

    def url(self, folder: Path) -> str:
        """Where a working copy comes from. Raises ToolError where it is none."""
        return self._ask("info", "--show-item", "url", "--no-newline", _plain(str(folder)))

    def revision(self, url: str) -> int:
        """The repository's latest revision. Raises ConfigError, ToolError."""
        if not url.startswith(_URLS):
            raise ConfigError(f"{url} is no URL of a repository",
                              hint=f"it begins with one of {', '.join(_URLS)}", reason="url")
        if without_passwords(url) != url:
            raise ConfigError("a URL of a repository with a password in it", where=url,
                              why="every user of this host could read it in the list of processes",
                              hint="leave it out: svn keeps passwords itself (run `svn info URL` "
                              "once, and tell it there)", reason="url")
        text = self._ask("info", "--show-item", "revision", "--no-newline", _plain(url))
        try:
            return whole_number(text)
        except ValueError as error:
            raise ToolError("svn does not tell a revision", why=f"it says {error}",
                            reason="tool-output") from error

    def check_out(self, url: str, revision: int, folder: Path) -> None:
        """A new working copy. Raises ToolError."""
        self._ask("checkout", "--quiet", "--revision", str(revision),
                  f"{_plain(url)}", str(folder))

    def _ask(self, *words: str) -> str:
        return self.runner.output([str(self.tool), "--non-interactive", *words],
                                  environment=caller_environment(*_CALLERS), fetches=True)


def _plain(target: str) -> str:
    """A target whose `@` is no peg revision."""
    return f"{target}@" if "@" in target.rpartition("/")[2] else target
