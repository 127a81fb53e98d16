"""Which packages a pkgchk.conf names, judged by pkg_chk's own function (support/oracles/pkgsrc)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.oracles.pkgsrc import CONFS, TABLE
from support.simulator.shells import SHELLS, program

BULK = Path("recipes/domu/pkgrepo/overlay/libexec/goldmaster/bulk.sh").absolute()


@pytest.mark.parametrize("shell", SHELLS)
def test_all_packages_whoever_they_are_for(shell: str) -> None:
    confs = json.loads(TABLE.read_text())["confs"]
    assert len(confs) == CONFS == 100
    for conf in confs:
        done = subprocess.run(
            [program(shell), "-c", f". {BULK}; list_packages"],
            input=conf["text"], capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split() == conf["wanted"], conf["text"]
