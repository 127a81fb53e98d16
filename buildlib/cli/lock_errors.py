"""An error of a lock that comes short, with all else that would stop the build.

Without a lock there is no graph, so nothing of what a run checks before it begins is reached. Who
mends the lock should not meet the rest of it one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buildlib.cli.settings import read_settings
from buildlib.config.project import Project
from buildlib.model.errors import ConfigError, GoldmasterError
from buildlib.operations.preflight.preflight import NO_LOCK, unlocked_problems
from buildlib.store.store import Store


def with_problems(
    error: GoldmasterError, root: Path, variables: Mapping[str, str]
) -> GoldmasterError:
    """The error, with the host's problems beside its own."""
    if isinstance(error, ConfigError) and error.reason in NO_LOCK:
        try:
            settings = read_settings(root, variables)
            store = Store(root / settings.build)
            error.problems += unlocked_problems(
                Project(root, store.seen), settings.release, store,
                mirror=settings.mirror, offline=settings.offline)
        except GoldmasterError:
            return error  # it is told when the lock is there
    return error
