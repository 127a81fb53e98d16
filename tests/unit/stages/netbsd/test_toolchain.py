"""The toolchain's folder and its outputs, with a build.sh that only makes files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.stages.stage_bench import Bench

from buildlib.engine.stage import StageContext
from buildlib.model.digest import canonical
from buildlib.model.errors import StageError
from buildlib.stages.netbsd.build_sh import BuildSh
from buildlib.stages.netbsd.toolchain import Toolchain, tools_folder

NETBSD = BuildSh((), "10.1", "amd64", "x86_64", ("cc", "c++"), (), {})

Builds = Callable[[dict[str, bytes]], list[tuple[str, str]]]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> Builds:
    """Makes build.sh write these files. Returns the list of its runs."""

    def prepare(files: dict[str, bytes]) -> list[tuple[str, str]]:
        runs: list[tuple[str, str]] = []

        def run(
            _self: BuildSh,
            _context: StageContext,
            operation: str,
            *,
            source: Path,
            folder: Path,
            what: str,
        ) -> None:
            assert source == Path("/src")
            runs.append((operation, what))
            for path, data in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)

        monkeypatch.setattr(BuildSh, "run", run)
        return runs

    def identity(_self: BuildSh, _context: StageContext, operation: str) -> str:
        return f"{operation:x<64}"

    monkeypatch.setattr(BuildSh, "identity", identity)
    monkeypatch.setattr(BuildSh, "source", lambda _self, _context: Path("/src"))
    monkeypatch.setattr(Toolchain, "tools", lambda _self: ())
    return prepare


def test_the_outputs(bench: Bench, builds: Builds) -> None:
    runs = builds({"tools/bin/nbpwd_mkdb": b"a program"})
    made = bench.run_stage(Toolchain(NETBSD))
    assert bench.read(made["identity"]) == canonical({"toolchain": f"{'tools':x<64}"})
    assert bench.read(made["pwd_mkdb"]) == b"a program"
    again = tools_folder(bench.context(Toolchain(NETBSD)), NETBSD)
    assert again.name == "tools"
    assert again.parent.name == f"tools-{'tools':x<16}"
    assert runs == [("tools", "tools")], "the folder is made once"


def test_tools_without_pwd_mkdb(bench: Bench, builds: Builds) -> None:
    builds({"tools/bin/nbmake": b"another", "tools/bin/nbpwd_mkdb/x": b"a folder"})
    assert bench.read(bench.run_stage(Toolchain(NETBSD))["pwd_mkdb"]) == b""


def test_a_build_sh_that_makes_nothing(bench: Bench, builds: Builds) -> None:
    builds({"tools/lib/x": b"", "bin/x": b""})
    with pytest.raises(StageError) as caught:
        bench.run_stage(Toolchain(NETBSD))
    assert caught.value.reason == "no-tools"
    assert caught.value.log is not None


def test_the_host_s_tools_and_compilers() -> None:
    stage = Toolchain(NETBSD)
    assert stage.compilers() == ("cc", "c++")
    assert stage.tools() == ("sh", "cc", "c++", "as", "ld")
