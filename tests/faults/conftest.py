"""A project in which everything has been built; each test gets a copy of it."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.namespace import Namespace, NamespaceRefused
from support.siege import VARIANTS, Products, Variant, products, set_variant
from support.victim import Victim


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
            build_project(folder)
            done.touch()
    return Victim(folder)


def build_project(folder: Path) -> None:
    """Build the project in `folder` as every test of faults wants it."""
    victim = Victim.fresh(folder)
    victim.build()
    iso, xen = victim.iso(), _hypervisor(victim)
    shutil.copyfile(victim.store / "blobs" / xen[:2] / xen, folder / "xen.gz")
    victim.edit("recipes/dom0.toml", lambda text: re.sub(
        r"^distribution = .*$", f'file = "xen.gz"\nsha256 = "{xen}"', text, flags=re.MULTILINE))
    ended = victim.build()
    assert victim.iso() == iso, ended.told()  # the same bytes from elsewhere
    assert ended.stages() == ["hypervisor", "iso"], ended.told()  # `iso`: its build record
    shutil.rmtree(folder / "build" / "work")  # holds absolute paths
    assert victim.run("iso").good().out == ""


def _hypervisor(victim: Victim) -> str:
    for path in (victim.store / "records").rglob("*.json"):
        record = json.loads(path.read_bytes())
        if record["document"].get("stage") == "DistributionXen":
            return str(record["outputs"]["xen"][0][0])
    raise AssertionError("there is no record of the hypervisor")


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
    reference = built.copy(tmp_path_factory.mktemp("reference") / "project")
    found = {}
    for variant in VARIANTS:
        set_variant(reference, variant)
        reference.build()
        found[variant] = products(reference.dist)
    return found
