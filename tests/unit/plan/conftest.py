"""The project's own configuration, read once."""

from __future__ import annotations

import pytest
from support.checkouts.scratch import PROJECT

from buildlib.config.configuration import Configuration
from buildlib.config.lock import Lock
from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import Settings
from buildlib.plan.builder import Builder
from buildlib.store.stat_cache import StatCache


@pytest.fixture(scope="package")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    seen = StatCache(tmp_path_factory.mktemp("plan") / "seen")
    return read_configuration(Settings(), Places(PROJECT, seen, lambda: PROJECT))


@pytest.fixture
def builder(configuration: Configuration) -> Builder:
    assert isinstance(configuration.lock, Lock)
    return Builder(configuration, configuration.lock, epoch=99)
