"""A project in which everything has been built; each test gets a copy of it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.fault_checkout import Victim
from support.faults.kill_stress import Products, Variant, build_offline, known_products
from support.machines.namespace import Namespace, NamespaceRefused


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Victim:
    """The project, built; its hypervisor is a file, so that no run needs a network.

    Made once for all workers. It is to be copied, not changed.
    """
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    folder, done = base / "built", base / "built.done"
    with (base / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            build_offline(folder)
            done.touch()
    return Victim(folder)


@pytest.fixture
def victim(built: Victim, tmp_path: Path) -> Victim:
    """A copy of the built project."""
    return built.copy(tmp_path / "project")


@pytest.fixture
def space(victim: Victim) -> Iterator[Namespace]:
    """A namespace in which the checkout's runs go on."""
    try:
        with Namespace(victim.folder) as namespace:
            victim.wrap = tuple(namespace.wrap)
            yield namespace
    except NamespaceRefused:
        pytest.skip("this user may not have a mount namespace here")


@pytest.fixture(scope="session")
def known(built: Victim, tmp_path_factory: pytest.TempPathFactory) -> dict[Variant, Products]:
    """The products of every variant, from builds that nobody kills."""
    return known_products(built, tmp_path_factory.mktemp("reference") / "project")
