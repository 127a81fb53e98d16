"""A session of boot media: the project's own stages, and the facts of build records."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.checkouts.scratch import lay_out

from buildlib.cli.boot_media import open as module
from buildlib.cli.boot_media.open import open_session
from buildlib.cli.boot_media.session import GROUPS
from buildlib.engine.graph import Graph
from buildlib.engine.product import Product
from buildlib.model.errors import ConfigError
from buildlib.sources.mirrors import Mirrors

STAGE: Any = SimpleNamespace(upstream=lambda: ())
SETTINGS = {"release": "mini", "jobs": "3"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open") / "project"
    lay_out(folder, sources=False)
    return folder


def test_a_session_of_a_release(project: Path) -> None:
    session = open_session(project, SETTINGS, lambda _event: None)
    assert session.root == project
    assert session.settings.workers == 3
    assert {"iso", "mirror"} <= {*session.products}
    assert session.default() == ["iso"]
    assert session.groups() is GROUPS
    assert [check.name for check in session.checks()][:2] == ["verify", "boot-test"]
    looked = session.store.seen.looked
    assert str(project / "dodo.py") in looked
    assert str(project / "recipes/settings.toml") in looked


def test_the_project_adds_stages_and_products(project: Path) -> None:
    own = Graph({"mine": STAGE})
    product = Product("extra", project / "dist")
    session = open_session(
        project, SETTINGS, lambda _event: None, graph=own, products={"extra": product}
    )
    assert "mine" in session.engine.graph.stages
    assert "root:dom0" in session.engine.graph.stages
    assert session.products["extra"] is product
    assert "iso" in session.products


@pytest.mark.parametrize(
    ("stages", "products", "problems"),
    [(["root:dom0"], [], ("root:dom0",)), (["root:dom0", "x"], ["iso"], ("iso", "root:dom0"))],
)
def test_names_that_are_used_are_refused(
    stages: list[str], products: list[str], problems: tuple[str, ...], project: Path
) -> None:
    with pytest.raises(ConfigError, match="names are already used") as error:
        open_session(
            project,
            SETTINGS,
            lambda _event: None,
            graph=Graph(dict.fromkeys(stages, STAGE)),
            products={name: Product(name, project) for name in products},
        )
    assert (error.value.problems, error.value.reason) == (problems, "two-tasks")
    assert error.value.where == str(project / "dodo.py")


@pytest.mark.parametrize("package", ["", "goldmaster 0.1"])
def test_facts_of_a_build_record(package: str) -> None:
    plan: Any = SimpleNamespace(
        release=SimpleNamespace(name="mini", version="1.0"),
        epoch=7,
        configuration=SimpleNamespace(package=package),
    )
    facts = {"release": "mini", "version": "1.0", "epoch": 7}
    assert module._facts(plan) == facts | ({"package": package} if package else {})


def test_the_release_s_mirrors_are_a_service(project: Path) -> None:
    own = Mirrors(("/elsewhere",))
    session = open_session(project, SETTINGS, lambda _event: None, services={Mirrors: own})
    assert session.engine._services[Mirrors] is own
