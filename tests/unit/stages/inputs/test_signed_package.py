"""Which signer a signed package is held against."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.machines.packages import certificate, packed, signed, source
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef, SourceFile
from buildlib.model.errors import SourceError
from buildlib.stages.inputs.signed_package import SignedPackage

ARCHIVE = OutputRef("fetch:a-1.tgz", "file")
PACKAGE = packed(source("a-1"))


def stage(folder: Path, *, by: str = "packager", is_x509: bool = False) -> SignedPackage:
    key = folder / "key.asc"
    key.write_text(str(certificate(by)))
    fingerprint = str(certificate(by).fingerprint)
    return SignedPackage(
        ARCHIVE, "a-1.tgz", SourceFile(key, "keys/key.asc"), fingerprint, is_x509=is_x509
    )


def test_a_package_by_the_pinned_key(bench: Bench, tmp_path: Path) -> None:
    made = bench.run_stage(stage(tmp_path), {ARCHIVE: signed("a-1", PACKAGE)})
    assert bench.read(made["file"]) == PACKAGE


def test_a_package_by_another_key_or_none(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a-1\.tgz"):
        bench.run_stage(stage(tmp_path, by="other"), {ARCHIVE: signed("a-1", PACKAGE)})
    with pytest.raises(SourceError, match=r"a-1\.tgz"):
        bench.run_stage(stage(tmp_path), {ARCHIVE: PACKAGE})


def test_only_certificates_need_openssl(tmp_path: Path) -> None:
    assert stage(tmp_path).tools() == ()
    assert stage(tmp_path, is_x509=True).tools() == ("openssl",)


@pytest.mark.programs
def test_an_openpgp_key_is_no_certificate(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"keys/key\.asc"):
        bench.run_stage(stage(tmp_path, is_x509=True), {ARCHIVE: signed("a-1", PACKAGE)})
