"""What `make test-versions` reads: every dependency has a lower bound, and its reason."""

from __future__ import annotations

import re

import pytest
from support.checkouts.scratch import PROJECT

from tools import versions

TEXT = (PROJECT / "pyproject.toml").read_text()
REQUIREMENTS = versions.requirements(TEXT)


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_dependency_has_a_lower_bound(requirement: str) -> None:
    name, version = versions.lowest(requirement).split("==")
    assert requirement.startswith(f"{name}>={version}")


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_dependency_has_its_reason(requirement: str) -> None:
    assert re.search(rf'^ +"{re.escape(requirement)}", +# \S', TEXT, re.MULTILINE)


def test_all_of_them_are_read() -> None:
    names = [versions.lowest(requirement).partition("==")[0] for requirement in REQUIREMENTS]
    assert len(names) == len({*names})
    assert {"doit", "rich", "pytest", "types-requests"} <= {*names}
    tables = TEXT.partition("dependencies = [")[2].partition("\nmutants = [")[0]
    assert tables.count(">=") == len(names)


@pytest.mark.parametrize(
    "requirement", ["doit", "doit<0.38", "doit==0.37", "doit>0.36", "doit~=0.3"]
)
def test_what_has_no_lower_bound_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="must be NAME>=VERSION"):
        versions.lowest(requirement)


def test_the_oldest_python_is_the_one_that_the_package_asks_for() -> None:
    assert f'requires-python = ">=3.{versions.OLDEST}"' in TEXT
