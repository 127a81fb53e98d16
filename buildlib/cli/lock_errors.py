"""Adds the build host's problems to the error of a missing or incomplete lock.

Without a lock there is no graph, so the checks before a run cannot be done. Reporting the host's
problems with the error saves the user from meeting them one by one later.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buildlib.config.reading.places import places_of
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import read_settings
from buildlib.model.errors import ConfigError, GoldmasterError
from buildlib.operations.preflight.preflight import NO_LOCK, unlocked_problems
from buildlib.store.store import Store


def with_problems(
    error: GoldmasterError, root: Path, variables: Mapping[str, str]
) -> GoldmasterError:
    """The error, with the host's problems added to its own."""
    if isinstance(error, ConfigError) and error.reason in NO_LOCK:
        try:
            settings = read_settings(root, variables)
            store = Store(root / settings.build)
            places = places_of(root, store, lambda _line: None)
            error.problems += unlocked_problems(read_configuration(settings, places), store)
        except GoldmasterError:
            return error  # reported once the lock exists
    return error
