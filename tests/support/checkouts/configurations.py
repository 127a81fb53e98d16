"""What is written in a folder, for a release that is written nowhere."""

from __future__ import annotations

from pathlib import Path

from buildlib.config.configuration import Configuration
from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_for
from buildlib.config.release import Release
from buildlib.config.settings import Settings
from buildlib.store.stat_cache import StatCache


def configuration_of(
    folder: Path, release: Release, *, definition: str = "release.toml"
) -> Configuration:
    """The configuration in `folder`, of a release that would be defined in a file there."""
    places = Places(folder, StatCache(folder / "seen"), lambda: folder)
    return read_for(release, places.named(folder / definition), Settings(), places)
