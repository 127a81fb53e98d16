"""What boots for real, made once."""

from __future__ import annotations

import pytest
from support.machines.discs import Parts, make_parts


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return make_parts(tmp_path_factory.mktemp("parts"))
