"""Subversion's client, as far as a fleet's configuration needs it.

It runs as if started by hand, with the caller's passwords and keys, but without prompting. Only
output for programs is parsed: `--show-item` prints a single value.
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
    """Whether a folder is in a working copy; runs no tool."""
    whole = Path(os.path.realpath(folder))
    return any((place / ".svn").is_dir() for place in (whole, *whole.parents))


@dataclass(frozen=True, slots=True)
class Subversion:
    """Subversion's client on this machine."""

    tool: Path
    runner: Runner

    @classmethod
    def found(cls, runner: Runner) -> Subversion:
        """The client. Raises ToolError if it is not installed."""
        tool = find_tool("svn")
        if tool is None:
            raise ToolError(
                "Subversion's client is not installed",
                hint="apt-get install subversion",
                reason="tool-missing",
            )
        return cls(tool, runner)

    def url(self, folder: Path) -> str:
        """The URL of a working copy. Raises ToolError if the folder is not one."""
        return self._ask("info", "--show-item", "url", "--no-newline", _plain(str(folder)))

    def revision(self, url: str) -> int:
        """The repository's latest revision. Raises ConfigError, ToolError."""
        if not url.startswith(_URLS):
            raise ConfigError(
                f"{url} is not a repository URL",
                hint=f"it must begin with one of {', '.join(_URLS)}",
                reason="url",
            )
        if without_passwords(url) != url:
            raise ConfigError(
                "the repository URL contains a password",
                where=url,
                why="every user of this host could read it in the process list",
                hint="remove it: svn stores passwords itself (run `svn info URL` once and "
                "enter it there)",
                reason="url",
            )
        text = self._ask("info", "--show-item", "revision", "--no-newline", _plain(url))
        try:
            return whole_number(text)
        except ValueError as error:
            raise ToolError(
                "svn printed no revision", why=str(error), reason="tool-output"
            ) from error

    def check_out(self, url: str, revision: int, folder: Path) -> None:
        """Create a working copy. Raises ToolError."""
        self._ask("checkout", "--quiet", "--revision", str(revision), f"{_plain(url)}", str(folder))

    def _ask(self, *words: str) -> str:
        return self.runner.output(
            [str(self.tool), "--non-interactive", *words],
            environment=caller_environment(*_CALLERS),
            fetches=True,
        )


def _plain(target: str) -> str:
    """A target protected so that its `@` is not read as a peg revision."""
    return f"{target}@" if "@" in target.rpartition("/")[2] else target
