"""An example of a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildlib.config.site.example import write_example


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_example(tmp_path / "site")
    return tmp_path / "site"
