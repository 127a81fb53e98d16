"""Sources whose tools are built, and a kernel of them."""

from __future__ import annotations

import pytest
from support.checkouts.mini_sources import (
    CONFIGS,
    Workspace,
    new_workspace,
)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose tools are built; tests build configurations of their own in it."""
    return new_workspace(tmp_path_factory.mktemp("mini"))


@pytest.fixture(scope="session")
def reference(shared: Workspace) -> bytes:
    shared.build(CONFIGS / "XEN3_DOM0_CD")
    return shared.kernel("XEN3_DOM0_CD").read_bytes()
