"""The exception tree, and how an error is presented.

    GoldmasterError
    ├── ConfigError      a recipe, release, lock or setting is wrong (all problems at once)
    ├── SourceError      an input is wrong: mirror, download, checksum, signature, package
    │   └── ArchiveError     a set or package archive is damaged or tries to escape its folder
    ├── StageError       a stage cannot make its output
    │   └── ToolError        a tool it ran failed or is missing
    ├── StoreError       the store: damage, locks, space
    │   └── MissingBlob      content named by a record is missing or damaged
    ├── BootError        a boot test did not see the expected output
    └── Interrupted      a signal ended the run; nothing is wrong

Every error says *what* happened, *where* (file and key, or stage), *why*, and what to do about it
(`hint`). Errors of tools also name the log and show its last lines. `reason` is a short stable
word for programs and tests; the sentences may change. Control characters and undecodable bytes are
escaped, so a file name cannot manipulate the terminal. Passwords in URLs are removed from every
part of an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from buildlib.model.refusals import remedy
from buildlib.model.urls import without_passwords

_LINE = 4000  # longest line of an error, in characters


class GoldmasterError(Exception):
    """An error a user can act on. It is shown without a traceback.

    what   one line, no full stop
    where  file and key, URL, archive member or stage
    why    the underlying reason
    hint   what to do; by default, the remedy for the OSError that caused it
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
            value = tuple(
                without_passwords(item) if isinstance(item, str) else item for item in value
            )
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
    """`text` shortened to a readable length; it may contain a name of a megabyte."""
    cut = len(text) - _LINE
    return printable(text if cut <= 0 else f"{text[:_LINE]}… ({cut} more characters)")


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
        """One error that reports all of these, each once. A single error is returned unchanged."""
        errors = list({tuple(error.told()): error for error in errors}.values())
        if len(errors) == 1:
            return errors[0]
        problems = tuple(problem for error in errors for problem in error.told())
        hints = list(dict.fromkeys(error.hint for error in errors if error.hint))
        return cls(
            f"there are {len(problems)} problems",
            problems=problems,
            hint="\n".join(hints) or None,
            reason=errors[0].reason,
        )

    def told(self) -> list[str]:
        """One line for each problem, with its place: `FILE:LINE: …`."""
        problems = self.problems or (self.what + (f" ({self.why})" if self.why else ""),)
        return [
            _placed(str(self.where), problem) if self.where else problem for problem in problems
        ]

    def lines(self) -> list[str]:
        """The sentence, then a line for each problem."""
        head, *rest = super().lines()
        return [head, *(_shown(f"  - {problem}") for problem in self.problems), *rest]


def _placed(where: str, problem: str) -> str:
    head, _, rest = problem.partition(": ")
    line = head.removeprefix("line ")
    return f"{where}:{line}: {rest}" if rest and line.isdigit() else f"{where}: {problem}"


class SourceError(GoldmasterError):
    """An input is missing, damaged, or does not match its checksum or signature."""


class ArchiveError(SourceError):
    """An archive is damaged or has members that must not be unpacked."""


class StageError(GoldmasterError):
    """A stage cannot make its output."""


class ToolError(StageError):
    """A tool failed or is missing. Paste `command` into a shell to run it again."""

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
            lines.append(f"  again: {self.command}")  # unescaped: it must work when pasted
        return lines


class StoreError(GoldmasterError):
    """The store cannot save or return content."""


class MissingBlob(StoreError):  # noqa: N818  the name says what is wrong
    """Content named by a record is missing or damaged; its stage must run again."""

    def __init__(self, sha256: str, *, why: str) -> None:
        super().__init__(f"content {sha256[:12]} is not in the store", why=why, reason="blob")
        self.sha256 = sha256


class BootError(GoldmasterError):
    """A boot test did not see the expected output."""


class Interrupted(GoldmasterError):  # noqa: N818  not an error
    """A signal ended the run."""
