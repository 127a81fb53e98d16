"""A server whose checkouts are of revision 1, under both shells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machines.updates import SITE, Fleet
from support.servers.repository import Repository
from support.simulator import Server
from support.simulator.checkouts import check_out, furnish
from support.simulator.shells import SHELLS, program


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    assert shutil.which(program(request.param))
    return str(request.param)


@pytest.fixture
def fleet(shell: str, tmp_path: Path) -> Iterator[Fleet]:
    site = tmp_path / "site"
    for name, text in SITE.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "pservers/alpha/etc/rc.d/mine").chmod(0o755)
    for name in ("hosts", "inetd.conf"):
        (site / f"pservers/alpha/etc/{name}").symlink_to(f"/config/global/{name}")
    with (
        Repository(tmp_path / "svn", site) as repository,
        Server(tmp_path / "server", shell=shell) as server,
    ):
        furnish(server)
        config = check_out(server, repository, "alpha")
        (config / "local/etc/secret").chmod(0o600)
        boot = server.boot()
        assert boot.status == 0, boot.console
        yield Fleet(server, repository, config)
