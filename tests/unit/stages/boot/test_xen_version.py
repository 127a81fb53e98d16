"""One Xen on a disc: hypervisor and tools of different versions are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.readers.archives import gz
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.model.tree import Entry
from buildlib.stages.boot.hypervisor import PackageXen
from buildlib.stages.boot.xen_version import OneXen, hypervisor_version, tools_version

XEN, PACKAGES = OutputRef("hypervisor", "xen"), OutputRef("packages:dom0", "tree")


def loader(version: str) -> bytes:
    """What Xen's EFI loader prints, as it lies in the hypervisor."""
    return b"\x7fELF" + f"Xen {version} (c/s ) EFI loader\r\n".encode("utf-16-le")


def file(path: str, data: bytes) -> tuple[Entry, bytes]:
    return Entry(path, "file", 0o644, size=len(data), sha256=sha256(data)), data


@pytest.mark.parametrize(
    ("data", "name", "version"),
    [
        (loader("4.17.7"), "xen.gz", "4.17"),
        (loader("4.20.1_20251021nb1"), "usr/pkg/xen418-kernel/xen.gz", "4.20"),
        (b"", "usr/pkg/xen420-kernel/xen.gz", "4.20"),
        (b"", "usr/pkg/xen418-kernel/xen-debug.gz", "4.18"),
        (b"", "files/xen-4.17-amd64.gz", "4.17"),
        (b"", "xen-hypervisor-4.17-amd64", "4.17"),
        (b"", "files/xen.gz", ""),
        (b"", "xen-hypervisor-*-amd64", ""),
        (b"", "files/xen-20251021.gz", ""),
    ],
)
def test_which_xen_a_hypervisor_is(data: bytes, name: str, version: str) -> None:
    assert hypervisor_version(data, name) == version


@pytest.mark.parametrize(
    ("paths", "version"),
    [
        (["usr/pkg/lib/libxenctrl.so", "usr/pkg/lib/libxenctrl.so.4.20.0"], "4.20"),
        (["usr/pkg/lib/libxenctrl.so.4.18"], "4.18"),
        (["usr/pkg/lib/libxenlight.so.4.20", "usr/pkg/sbin/xl"], ""),  # the miniature's
        (["usr/pkg/lib/libxencall.so.1.3"], ""),
    ],
)
def test_which_xen_tools_are_of(paths: list[str], version: str) -> None:
    assert tools_version(paths) == version


@pytest.mark.parametrize("packed", [gz, bytes])
def test_both_are_compared(tmp_path: Path, packed: type[bytes]) -> None:
    bench = Bench(tmp_path / "build")
    tools = bench.stored(dict([file("usr/pkg/lib/libxenctrl.so.4.20.0", b"")]))
    stage = OneXen(XEN, "xen-hypervisor-*-amd64", PACKAGES)
    same = packed(loader("4.20.1"))
    made = bench.run_stage(stage, {XEN: same, PACKAGES: tools})
    assert bench.read(made["xen"]) == same
    with pytest.raises(SourceError) as caught:
        bench.run_stage(stage, {XEN: packed(loader("4.17.7")), PACKAGES: tools})
    error = caught.value
    assert error.reason == "xen-version"
    assert error.what == "the hypervisor is Xen 4.17, but the tools are those of Xen 4.20"
    assert "sysutils/xenkernel420 beside sysutils/xentools420" in (error.hint or "")
    assert 'hypervisor.package = "usr/pkg/xen420-kernel/xen.gz"' in (error.hint or "")


def test_without_tools_that_speak_to_xen_any_hypervisor_will_do(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "build")
    tools = bench.stored(dict([file("usr/pkg/lib/libxenlight.so.4.20", b"")]))
    stage = OneXen(XEN, "xen-hypervisor-*-amd64", PACKAGES)
    bench.run_stage(stage, {XEN: loader("4.17.7"), PACKAGES: tools})


def test_the_hypervisor_of_a_package(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "build")
    packages = bench.stored(dict([file("usr/pkg/xen420-kernel/xen.gz", b"the hypervisor")]))
    made = bench.run_stage(
        PackageXen(PACKAGES, "usr/pkg/xen420-kernel/xen.gz"), {PACKAGES: packages}
    )
    assert bench.read(made["xen"]) == b"the hypervisor"
    with pytest.raises(SourceError) as caught:
        bench.run_stage(PackageXen(PACKAGES, "usr/pkg/xen418-kernel/xen.gz"), {PACKAGES: packages})
    assert caught.value.reason == "no-hypervisor"
    assert "there is usr/pkg/xen420-kernel/xen.gz" in str(caught.value.why)
