"""Which tests are quick: `make unit` leaves out those that compile, press whole discs or boot."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
# Folders whose tests run compilers or whole builds.
_PIPELINE = ("faults", "mini", "pipeline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they are in."""
    for item in items:
        if item.path.relative_to(_HERE).parts[0] in _PIPELINE:
            item.add_marker("pipeline")
