"""Scripts run under several shells. Each test runs under one of them, unless all are asked for.

dash is the nearest relative of NetBSD's sh, mksh the farthest. What fails under one of them alone
is rare, and `test_scripts.py` parses every script under all: so the shell of a test is drawn by
its name, half of the tests under each. Where NetBSD's own sh is named, it runs all of them.
`GOLDMASTER_TEST_SHELLS=all` runs every test under each shell.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from support.simulator.shells import NETBSD_SH, SHELLS

HERE = Path(__file__).parent
ALWAYS_ALL = "test_scripts.py"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out each test under the shell that is not its own."""
    if os.environ.get("GOLDMASTER_TEST_SHELLS") == "all" or _is_named(config):
        return
    left_out = [item for item in items if _shell_of(item) not in {None, _own_shell_of(item)}]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        chosen = set(left_out)
        items[:] = [item for item in items if item not in chosen]


def _is_named(config: pytest.Config) -> bool:
    """Whether the user named a test or a shell: that one is run."""
    return "::" in " ".join(config.args) or bool(config.option.keyword)


def _shell_of(item: pytest.Item) -> str | None:
    if not item.path.is_relative_to(HERE):
        return None
    if item.path.name == ALWAYS_ALL or not isinstance(item, pytest.Function):
        return None
    parameters = getattr(item, "callspec", None)
    values = parameters.params.values() if parameters else ()
    return next((str(value) for value in values if value in SHELLS), None)


def _own_shell_of(item: pytest.Item) -> str:
    if NETBSD_SH:
        return str(SHELLS[-1])
    name = item.nodeid
    for shell in SHELLS:
        name = name.replace(shell, "sh")
    return str(SHELLS[zlib.crc32(name.encode()) % len(SHELLS)])
