"""The hypervisor out of a distribution's package, which is made by dpkg-deb and never installed."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from support.jobs import Bench

from buildlib.sources.distribution import DistributionPackage
from buildlib.stages.hypervisor import DistributionXen, FileXen
from buildlib.stages.stage import HostPackage, SourceFile
from buildlib.words.errors import GoldmasterError, SourceError

STAGE = DistributionXen(HostPackage("xen-hypervisor-*-amd64"))
NAME, VERSION = "xen-hypervisor-9.9-amd64", "9.9-1"
XEN = b"the hypervisor"


def make_deb(folder: Path, *, compression: str = "xz", file: str = "boot/xen-9.9-amd64.gz") -> Path:
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        f"Package: {NAME}\nVersion: {VERSION}\nArchitecture: amd64\nMaintainer: nobody\n"
        "Description: for a test\n")
    (root / file).parent.mkdir(parents=True)
    (root / file).write_bytes(XEN)
    (root / "boot" / "other").write_text("not this one")
    deb = folder / f"{NAME}_{VERSION}_amd64.deb"
    subprocess.run(["dpkg-deb", f"-Z{compression}", "--root-owner-group", "-b", root, deb],
                   check=True, capture_output=True)
    return deb


def prepare(bench: Bench, monkeypatch: pytest.MonkeyPatch, folder: Path, deb: Path,
            sha256: str | None = None) -> None:
    """An apt-get that downloads `deb`, whose digest in the index is `sha256`."""
    apt = folder / "apt-get"
    apt.write_text(f'#!/bin/sh\n[ "$3" = {NAME}={VERSION} ] && cp "{deb}" .\n')
    apt.chmod(0o755)
    keys = bench._keys
    real = keys.tool
    monkeypatch.setattr(
        keys, "tool", lambda name: (apt, "0" * 64) if name == "apt-get" else real(name))
    digest = sha256 or hashlib.sha256(deb.read_bytes()).hexdigest()
    monkeypatch.setattr(
        keys, "host_package", lambda _package: DistributionPackage(NAME, VERSION, digest))


@pytest.mark.parametrize("compression", ["xz", "gzip", "zstd", "none"])
def test_any_compression_of_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    bench = Bench(tmp_path / "build")
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, compression=compression))
    assert bench.read(bench.run_stage(STAGE)["xen"]) == XEN


@pytest.mark.parametrize("case", ["digest", "no-hypervisor", "cut"])
def test_a_package_that_is_not_what_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    bench = Bench(tmp_path / "build")
    deb = make_deb(tmp_path, file="boot/none" if case == "no-hypervisor" else
                   "boot/xen-9.9-amd64.gz")
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
