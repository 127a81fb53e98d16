"""The session of a project that builds boot media from a release, its lock and recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from buildlib.cli.session import Check, Session
from buildlib.plan.plan import Plan

# Descriptions in `doit list` of the groups of tasks.
GROUPS = {
    "checksums": "checksums of images and products",
    "domu-images": "build the read-only root images of all domUs",
    "fetch": "fetch pinned files from the mirror",
    "grub": "make GRUB's boot images",
    "image": "write the images",
    "kernel": "compile the kernels",
    "packages": "stage binary packages into trees",
    "root": "compose the root trees",
    "signed": "verify the packages' signatures",
    "tree": "compose the tree of the CD",
    "unpack": "unpack the binary sets",
}


@dataclass(frozen=True, slots=True)
class BootMediaSession(Session):
    """One run of a command in such a project. `table` returns its checks."""

    plan: Plan
    table: Callable[[BootMediaSession], list[Check]]

    def default(self) -> list[str]:
        """The tasks of a run, or of a query, that names none."""
        return ["iso"]

    def groups(self) -> Mapping[str, str]:
        """Descriptions of groups of tasks for `doit list`."""
        return GROUPS

    def checks(self) -> list[Check]:
        """The tasks that are neither stages nor products."""
        return self.table(self)

    def look_ahead(self, selected: Sequence[str]) -> None:
        """Check for what would make a long build fail. Raises ConfigError; no task has started."""
        from buildlib.operations.preflight.preflight import check

        check(self.engine, self.plan, selected)
        Session.look_ahead(self, selected)
