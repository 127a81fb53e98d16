"""The session of a project that presses boot media: a release, its lock, and recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from buildlib.cli.session import Check, Session
from buildlib.config.project import Project
from buildlib.plan.plan import Plan

# What `doit list` says of tasks whose names begin so.
GROUPS = {
    "checksums": "checksums of images and products",
    "domu-images": "press the read-only root images of all domUs",
    "fetch": "fetch pinned files from the mirror",
    "grub": "make GRUB's boot images",
    "image": "write the images",
    "kernel": "compile the kernels",
    "packages": "stage binary packages into trees",
    "root": "compose the root trees",
    "signed": "check who signed the packages",
    "tree": "compose the tree of the CD",
    "unpack": "unpack the binary sets",
}


@dataclass(frozen=True, slots=True)
class BootMediaSession(Session):
    """One run of a command in such a project. `table` gives its checks."""

    project: Project
    plan: Plan
    table: Callable[[BootMediaSession], list[Check]]

    def default(self) -> list[str]:
        """The tasks of a run, or of a question, that names none."""
        return ["iso"]

    def groups(self) -> Mapping[str, str]:
        """What `doit list` says of groups of tasks."""
        return GROUPS

    def checks(self) -> list[Check]:
        """Every task that is neither stage nor product."""
        return self.table(self)

    def look_ahead(self, selected: Sequence[str]) -> None:
        """Look for what would make a long build fail. Raises ConfigError, and no task begins."""
        from buildlib.operations.preflight.preflight import check

        check(self.engine, self.plan, selected)
        Session.look_ahead(self, selected)
