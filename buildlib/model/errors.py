"""What can go wrong, and how it is told.

    GoldmasterError
    ├── ConfigError      a recipe, release, lock or setting is wrong (all problems at once)
    ├── SourceError      what comes in: mirror, download, checksum, signature, package
    │   └── ArchiveError     a set or package archive is damaged or tries to leave its place
    ├── StageError       a stage cannot make its output
    │   └── ToolError        a tool it ran failed or is missing
    ├── StoreError       the store: damage, locks, space
    │   └── MissingBlob      content that a record names is not there, or not what it was
    ├── BootError        a boot test did not see what it must see
    └── Interrupted      a signal ended the run; nothing is wrong

Every error says *what* happened, *where* (file and key, or stage), *why*, and what to do about it
(`hint`); errors of tools also name the log and show its last lines. `reason` is a short stable
word for programs and tests; the sentences may change. What is shown never holds control characters
or bytes that are no text: a file name cannot steer the terminal. Passwords in URLs are removed from
every part of an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from buildlib.model.refusals import remedy
from buildlib.model.urls import without_passwords

_LINE = 4000  # characters of one line of an error


class GoldmasterError(Exception):
    """An error a user can act on. It is shown without a traceback.

    what   one line, no full stop
    where  file and key, URL, archive member or stage
    why    the underlying reason
    hint   what to do; by default, what helps against the system's error that caused it
    log    the log of the tool that failed; its last lines are shown
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        why: str | None = None,
        hint: str | None = None,
        log: Path | None = None,
        reason: str = "error",
    ) -> None:
        super().__init__(without_passwords(what))
        self.what = what
        self.where = None if where is None else str(where)
        self.why = why
        self._hint = hint
        self.log = log
        self.reason = reason

    @property
    def hint(self) -> str | None:
        """What to do."""
        return self._hint or remedy(self.__cause__)

    @hint.setter
    def hint(self, text: str | None) -> None:
        self._hint = text

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, str):
            value = without_passwords(value)
        elif isinstance(value, tuple):
            value = tuple(without_passwords(item) if isinstance(item, str) else item
                          for item in value)
        super().__setattr__(name, value)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The error as lines for a person, most important first."""
        lines = [self.what]
        for label, text in (("where", self.where), ("why", self.why), ("do", self.hint)):
            if text:
                first, *rest = text.rstrip("\n").split("\n")
                lines.append(f"  {label + ':':<7}{first}")
                lines.extend(" " * 9 + line for line in rest)
        if self.log is not None:
            lines.append(f"  log:   {self.log}")
        return [_shown(line) for line in lines]


def _shown(text: str) -> str:
    """`text` as a line of readable length, even with a name of a megabyte in it."""
    cut = len(text) - _LINE
    return printable(text if cut <= 0 else f"{text[:_LINE]}… ({cut} characters more)")


def printable(text: str) -> str:
    """`text` on one line. Control characters and undecodable bytes (PEP 383) are escaped, passwords
    in URLs are hidden.
    """
    text = without_passwords(text)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text
    )


class ConfigError(GoldmasterError):
    """A recipe, release definition, lock file or setting is wrong."""

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        why: str | None = None,
        hint: str | None = None,
        problems: tuple[str, ...] = (),
        reason: str = "config",
    ) -> None:
        super().__init__(what, where=where, why=why, hint=hint, reason=reason)
        self.problems = problems

    @classmethod
    def together(cls, errors: Sequence[ConfigError]) -> ConfigError:
        """One error that reports all of these, each once. A single one is returned as it is."""
        errors = list({tuple(error.told()): error for error in errors}.values())
        if len(errors) == 1:
            return errors[0]
        problems = tuple(problem for error in errors for problem in error.told())
        hints = list(dict.fromkeys(error.hint for error in errors if error.hint))
        return cls(f"there are {len(problems)} problems", problems=problems,
                   hint="\n".join(hints) or None, reason=errors[0].reason)

    def told(self) -> list[str]:
        """Every problem on a line of its own, with its place."""
        at = f"{self.where}: " if self.where else ""
        if self.problems:
            return [f"{at}{problem}" for problem in self.problems]
        return [f"{at}{self.what}" + (f" ({self.why})" if self.why else "")]

    def lines(self) -> list[str]:
        """The sentence, then every problem on a line of its own."""
        head, *rest = super().lines()
        return [head, *(_shown(f"  - {problem}") for problem in self.problems), *rest]


class SourceError(GoldmasterError):
    """Something that comes in is missing, damaged, or not what was promised."""


class ArchiveError(SourceError):
    """An archive is damaged or has members that must not be unpacked."""


class StageError(GoldmasterError):
    """A stage cannot make its output."""


class ToolError(StageError):
    """A tool failed or is missing. `command` can be pasted into a shell to run it again."""

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        why: str | None = None,
        hint: str | None = None,
        log: Path | None = None,
        tail: tuple[str, ...] = (),
        command: str | None = None,
        reason: str = "tool-failed",
    ) -> None:
        super().__init__(what, where=where, why=why, hint=hint, log=log, reason=reason)
        self.tail = tail
        self.command = command

    def lines(self) -> list[str]:
        """The error, the last lines of the log, and the command to run again."""
        lines = super().lines()
        lines.extend(printable(f"  | {line}") for line in self.tail)
        if self.command:
            lines.append(f"  again: {self.command}")  # as it is: it must work when pasted
        return lines


class StoreError(GoldmasterError):
    """The store cannot keep or give what it should."""


class MissingBlob(StoreError):  # noqa: N818  the name says what is wrong
    """Content named by a record is gone or damaged; its stage must make it again."""

    def __init__(self, sha256: str, *, why: str) -> None:
        super().__init__(f"content {sha256[:12]} is not in the store", why=why, reason="blob")
        self.sha256 = sha256


class BootError(GoldmasterError):
    """A boot test did not see what it must see."""


class Interrupted(GoldmasterError):  # noqa: N818  it is none
    """A signal ended the run."""
