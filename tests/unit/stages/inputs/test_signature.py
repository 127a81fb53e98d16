"""The lock's pins are held against the signed list and the mirror's lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pysequoia
import pytest
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef, SourceFile
from buildlib.model.errors import SourceError
from buildlib.sources.checksums import format_list
from buildlib.stages.inputs.signature import Signature

LIST, SOURCE, BINARY = (OutputRef(name, "file") for name in ("list", "source", "binary"))
PINS = {"source/sets/src.tgz": "a" * 128, "amd64/sets/base.tgz": "b" * 128}
SIGNED = {f"NetBSD-1.0/{path}": digest for path, digest in PINS.items()}
LISTS = {SOURCE: {"src.tgz": "a" * 128}, BINARY: {"base.tgz": "b" * 128, "comp.tgz": "c" * 128}}


@cache
def key() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate("release <release@example.org>")


@pytest.fixture
def stage(tmp_path: Path) -> Signature:
    path = tmp_path / "key.asc"
    path.write_text(str(key().extract_certificate()))
    fingerprint = str(key().extract_certificate().fingerprint)
    lists = {"source/sets/SHA512": SOURCE, "amd64/sets/SHA512": BINARY}
    return Signature(LIST, SourceFile(path, "keys/key.asc"), fingerprint, lists, PINS)


def run(
    bench: Bench,
    stage: Signature,
    signed: Mapping[str, str] = SIGNED,
    lists: Mapping[OutputRef, Mapping[str, str]] = LISTS,
) -> bytes:
    text = format_list("SHA512", signed)
    message = bytes(pysequoia.sign(key().signer(), text, mode=pysequoia.SignatureMode.CLEAR))
    inputs = {ref: format_list("SHA512", listed) for ref, listed in lists.items()}
    return bench.read(bench.run_stage(stage, {LIST: message, **inputs})["verified"])


def test_pins_that_the_signers_have_published(bench: Bench, stage: Signature) -> None:
    """Each is in the signed list, and in the list beside the set; those may have more."""
    assert run(bench, stage) == format_list("SHA512", PINS)


@pytest.mark.parametrize("path", sorted(PINS))
def test_a_pin_that_is_not_in_the_signed_list(bench: Bench, stage: Signature, path: str) -> None:
    left = {name: digest for name, digest in SIGNED.items() if not name.endswith(path)}
    with pytest.raises(SourceError, match=f"{path} is not in the signed list") as caught:
        run(bench, stage, left)
    assert caught.value.reason == "not-listed"


def test_a_pin_that_differs_from_the_signed_list(bench: Bench, stage: Signature) -> None:
    with pytest.raises(SourceError, match=r"the signed list have .*base\.tgz") as caught:
        run(bench, stage, {**SIGNED, "NetBSD-1.0/amd64/sets/base.tgz": "d" * 128})
    assert caught.value.reason == "lock-mismatch"
    assert caught.value.why == f"lock   {'b' * 128}\nlist   {'d' * 128}"


def test_a_pin_that_differs_from_the_list_beside_the_set(bench: Bench, stage: Signature) -> None:
    lists = {**LISTS, BINARY: {"base.tgz": "d" * 128}}
    with pytest.raises(SourceError, match=r"amd64/sets/SHA512 have .*base\.tgz") as caught:
        run(bench, stage, lists=lists)
    assert caught.value.reason == "lock-mismatch"


def test_a_set_that_the_list_beside_it_does_not_have(bench: Bench, stage: Signature) -> None:
    lists = {**LISTS, SOURCE: {"base.tgz": "a" * 128}}
    with pytest.raises(SourceError, match=r"src\.tgz is not in source/sets/SHA512") as caught:
        run(bench, stage, lists=lists)
    assert caught.value.reason == "not-listed"


def test_a_list_that_another_key_has_signed(bench: Bench, stage: Signature) -> None:
    with pytest.raises(SourceError):
        run(bench, replace(stage, fingerprint="0" * 40))
