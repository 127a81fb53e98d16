"""Packages of a distribution, and a fake apt-get that has them."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildlib.host.distribution import DistributionPackage
from support.stages.stage_bench import Bench

NAME, VERSION = "package-9.9", "9.9-1"


def make_deb(folder: Path, files: Mapping[str, bytes], *, compression: str = "xz") -> Path:
    """A package with these files, and one more."""
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        f"Package: {NAME}\nVersion: {VERSION}\nArchitecture: amd64\nMaintainer: nobody\n"
        "Description: for a test\n"
    )
    for path, data in {"boot/other": b"not this one", **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    deb = folder / f"{NAME}_{VERSION}_amd64.deb"
    subprocess.run(
        ["dpkg-deb", f"-Z{compression}", "--root-owner-group", "-b", root, deb],
        check=True,
        capture_output=True,
    )
    return deb


def prepare(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    deb: Path,
    sha256: str | None = None,
) -> None:
    """Give the bench an apt-get that downloads `deb`, whose digest in the index is `sha256`."""
    apt = folder / "apt-get"
    apt.write_text(f'#!/bin/sh\n[ "$3" = {NAME}={VERSION} ] && cp "{deb}" .\n')
    apt.chmod(0o755)
    keys = bench._keys
    real = keys.tool
    monkeypatch.setattr(
        keys, "tool", lambda name: (apt, "0" * 64) if name == "apt-get" else real(name)
    )
    digest = sha256 or hashlib.sha256(deb.read_bytes()).hexdigest()
    monkeypatch.setattr(
        keys, "host_package", lambda _package: DistributionPackage(NAME, VERSION, digest)
    )
