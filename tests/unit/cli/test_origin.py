"""The library in use is that of the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildlib.cli.origin import check_origin
from buildlib.model.errors import ConfigError

ROOT = Path(__file__).parents[3]


def test_a_checkout_with_its_own_library(tmp_path: Path) -> None:
    check_origin(ROOT)
    (tmp_path / "link").symlink_to(ROOT)
    check_origin(tmp_path / "link")


def test_a_project_without_a_library(tmp_path: Path) -> None:
    check_origin(tmp_path)
    (tmp_path / "buildlib").touch()
    check_origin(tmp_path)


def test_a_copied_checkout(tmp_path: Path) -> None:
    (tmp_path / "buildlib").mkdir()
    with pytest.raises(ConfigError, match="the library of another checkout is used") as error:
        check_origin(tmp_path)
    assert error.value.where == str(tmp_path)
    assert error.value.why == f"the library is {ROOT / 'buildlib'}"
    assert error.value.reason == "other-checkout"
