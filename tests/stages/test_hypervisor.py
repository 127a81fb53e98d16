"""The hypervisor out of a distribution's package, which is made by dpkg-deb and never installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.debs import make_deb, prepare
from support.jobs import Bench

from buildlib.stages.hypervisor import DistributionXen, FileXen
from buildlib.stages.stage import HostPackage, SourceFile
from buildlib.words.errors import GoldmasterError, SourceError

STAGE = DistributionXen(HostPackage("xen-hypervisor-*-amd64"))
XEN = b"the hypervisor"
FILE = "boot/xen-9.9-amd64.gz"


@pytest.mark.parametrize("compression", ["xz", "gzip", "zstd", "none"])
def test_any_compression_of_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    bench = Bench(tmp_path / "build")
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, {FILE: XEN}, compression=compression))
    assert bench.read(bench.run_stage(STAGE)["xen"]) == XEN


@pytest.mark.parametrize("case", ["digest", "no-hypervisor", "cut"])
def test_a_package_that_is_not_what_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    bench = Bench(tmp_path / "build")
    deb = make_deb(tmp_path, {"boot/none" if case == "no-hypervisor" else FILE: XEN})
    if case == "cut":
        deb.write_bytes(deb.read_bytes()[:-200])
    prepare(bench, monkeypatch, tmp_path, deb, "f" * 64 if case == "digest" else None)
    with pytest.raises(GoldmasterError) as caught:
        bench.run_stage(STAGE)
    wanted = {"digest": "checksum", "no-hypervisor": "no-hypervisor", "cut": "tool-failed"}
    assert caught.value.reason == wanted[case]


def test_a_file_of_the_project_is_held_against_its_pin(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "build")
    path = tmp_path / "xen.gz"
    path.write_bytes(XEN)
    digest = hashlib.sha256(XEN).hexdigest()
    good = bench.run_stage(FileXen(SourceFile(path, "xen.gz"), digest))
    assert bench.read(good["xen"]) == XEN
    with pytest.raises(SourceError) as caught:
        bench.run_stage(FileXen(SourceFile(path, "xen.gz"), "0" * 64))
    assert caught.value.reason == "checksum"
