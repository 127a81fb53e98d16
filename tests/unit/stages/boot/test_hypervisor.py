"""The hypervisor from a distribution's package, which dpkg-deb makes and nothing installs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.machines.debs import make_deb, prepare
from support.stages.stage_bench import Bench

from buildlib.engine.stage import HostPackage, SourceFile
from buildlib.model.errors import GoldmasterError, SourceError, ToolError
from buildlib.stages.boot.hypervisor import DistributionXen, FileXen

STAGE = DistributionXen(HostPackage("xen-hypervisor-*-amd64"))
XEN = b"the hypervisor"
FILE = "boot/xen-9.9-amd64.gz"


@pytest.mark.programs
@pytest.mark.parametrize("compression", ["xz", "gzip", "zstd", "none"])
def test_any_compression_of_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    bench = Bench(tmp_path / "build")
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, {FILE: XEN}, compression=compression))
    assert bench.read(bench.run_stage(STAGE)["xen"]) == XEN


@pytest.mark.programs
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


@pytest.mark.programs
def test_the_package_is_fetched_by_the_callers_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is not part of the key, either."""
    bench = Bench(tmp_path / "build")
    deb = make_deb(tmp_path, {FILE: XEN})
    prepare(bench, monkeypatch, tmp_path, deb)
    apt = tmp_path / "apt-get"
    apt.write_text(apt.read_text().replace("\n", f"\nenv >{tmp_path}/env\n", 1))
    keys = []
    for proxy in ("http://bob:S3cret@127.0.0.1:1", "http://127.0.0.1:2"):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("no_proxy", "localhost")
        bench.run_stage(STAGE)
        environment = (tmp_path / "env").read_text().splitlines()
        assert {f"http_proxy={proxy}", f"HTTP_PROXY={proxy}", "no_proxy=localhost"} <= {
            *environment
        }
        keys.append(bench._keys.document(STAGE, {}))
    assert keys[0] == keys[1]
    assert "S3cret" not in str(keys)


@pytest.mark.programs
@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            (
                "Err:1 http://deb.example bookworm/main amd64 xen\n"
                "  404  Not Found [IP: 192.0.2.1 80]\n"
                "E: Failed to fetch http://deb.example/x.deb  404  Not Found"
            ),
            "apt-get update",
        ),
        ("E: Version '9.9-1' for 'package-9.9' was not found", "apt-get update"),
        (
            (
                "E: Failed to fetch http://bob:S3cret@deb.example/x.deb  Temporary failure "
                "resolving 'deb.example'"
            ),
            "http_proxy",
        ),
    ],
    ids=["404", "no such version", "no network"],
)
def test_what_to_do_where_apt_get_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, hint: str
) -> None:
    bench = Bench(tmp_path / "build")
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, {FILE: XEN}))
    (tmp_path / "apt-get").write_text(f'#!/bin/sh\ncat <<"E"\n{said}\nE\nexit 100\n')
    monkeypatch.setenv("https_proxy", "http://bob:S3cret@127.0.0.1:1")
    with pytest.raises(ToolError) as caught:
        bench.run_stage(STAGE)
    assert hint in (caught.value.hint or "")
    assert "S3cret" not in str(caught.value)
    assert "S3cret" not in (caught.value.log or tmp_path).read_text()
    assert 'https_proxy="$https_proxy"' in (caught.value.command or "")
