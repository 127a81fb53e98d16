"""The boot tests of a run: combinations of media and firmware, and the table of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.config.boot_test import Medium, Platform, read_media
from buildlib.config.consoles import Consoles
from buildlib.model.errors import BootError, ConfigError
from buildlib.plan.plan import Plan

HEADING = ("medium", "firmware", "verdict", "seconds to each marker")


@dataclass(frozen=True, slots=True)
class BootCase:
    """One boot: the image on a medium, on a firmware."""

    medium: Medium
    platform: Platform

    @property
    def name(self) -> str:
        """Its name in progress output and tables."""
        return f"boot-test {self.medium} {self.platform}"


@dataclass(slots=True)
class Result:
    """The state and result of a boot.

    markers  number of expected markers; seconds: from the start to each marker seen
    last     the last line of the console
    """

    trial: BootCase
    markers: int
    log: Path
    seconds: list[float] = field(default_factory=list)
    last: str = ""
    failure: BootError | None = None

    def rows(self, name: str) -> list[tuple[str, ...]]:
        """Rows of the table of results; `name` is the log's."""
        seen = [f"{seconds:6.1f}" for seconds in self.seconds]
        head = self.trial.medium, self.trial.platform
        if self.failure is None:
            return [(*head, "passed", " ".join(seen))]
        _, _, failure = self.failure.what.partition("the console shows: ")
        last = f"last: {failure or self.last.strip()}" if failure or self.last else "no output"
        blank = [f"{'-':>6}"] * (self.markers - len(seen))
        picture = self.log.with_suffix(".png")
        places = f"{name} and {picture.name}" if picture.exists() else name
        return [(*head, "FAILED", " ".join([*seen, *blank, "", last])), ("", "", "", f"  {places}")]


def check_consoles(consoles: Consoles) -> None:
    """Raise ConfigError if the kernel's console is not the one that a boot test reads."""
    if consoles.names[0] == "vga":
        raise ConfigError(
            "a boot test reads a serial line, but the kernel's console is the screen",
            where="recipes/dom0.toml: boot.consoles",
            why=f"the kernel uses the first of {', '.join(consoles.names)}",
            hint="put com1 or com2 first; with vga second, the screen shows everything, too",
            reason="boot-consoles",
        )


def trials(
    plan: Plan, chosen: str, *, where: str
) -> tuple[list[BootCase], list[tuple[BootCase, str]]]:
    """The boots to test, and those that the release excludes, with the key that excludes them.

    chosen  comma-separated media; empty: all media that the image supports
    where   the release definition's name
    Raises ConfigError.
    """
    boots, media = plan.release.boot, _media(plan, chosen)
    tried, left_out = [], []
    for trial in (BootCase(medium, platform) for medium in media for platform in plan.platforms):
        if trial.medium not in boots.media:
            left_out.append((trial, "boot.media"))
        elif trial.platform not in boots.platforms:
            left_out.append((trial, "boot.platforms"))
        else:
            tried.append(trial)
    if not tried:
        raise ConfigError(
            "no boot is left to test",
            where=where,
            reason="boot-platforms",
            why=f"boot.platforms: {_listed(boots.platforms)}; boot.media: {_listed(boots.media)}; "
            f"requested: {_listed(media)} on {_listed(plan.platforms)}",
        )
    return tried, left_out


def _media(plan: Plan, chosen: str) -> tuple[Medium, ...]:
    """Raises ConfigError for a medium that the image does not support."""
    media = read_media(chosen) or plan.media
    problems = [
        f"media: the image is not made for {medium}: boot.stick in recipes/dom0.toml"
        for medium in media
        if medium not in plan.media
    ]
    if problems:
        raise ConfigError(
            "these media cannot be booted",
            problems=tuple(problems),
            why=f"known: {', '.join(plan.media)}",
            reason="boot-media",
        )
    return media


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def boot_all(
    tried: Sequence[BootCase], boot_one: Callable[[BootCase], Result], *, workers: int
) -> list[Result]:
    """The results of all boots, `workers` of them running at a time."""
    with ThreadPoolExecutor(min(workers, len(tried))) as pool:
        return list(pool.map(boot_one, tried))


def failure_of(results: Sequence[Result]) -> BootError | None:
    """The error of the boot that failed, or one for all of them."""
    failed = [result.failure for result in results if result.failure]
    if len(failed) < 2:
        return failed[0] if failed else None
    return BootError(
        f"{len(failed)} of {len(results)} boots failed",
        where=failed[0].where,
        why="\n".join(f"{error.what}\n{error.why}\nlog: {error.log}" for error in failed),
        reason=failed[0].reason,
    )
