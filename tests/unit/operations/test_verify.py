"""Fetched files are read again: against the lock, the signed list, and the lists beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.config.lock import LockedPackage, Pinned
from buildlib.model.errors import ConfigError, SourceError
from buildlib.operations import verify as module
from buildlib.operations.verify import Checked, verify
from buildlib.store.store import Store

BASE, COMP, SOURCE, PACKAGE = b"base", b"comp", b"source", b"package"


def sha512(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest()


def pin(data: bytes) -> Pinned:
    return Pinned(sha512(data), hashlib.sha256(data).hexdigest(), len(data))


def line(kind: str, path: str, data: bytes) -> str:
    return f"{kind} ({path}) = {hashlib.new(kind.lower(), data).hexdigest()}\n"


SETS = line("SHA512", "base.tgz", BASE).encode()
SUMS = (line("MD5", "base.tgz", BASE) + line("MD5", "SHA512", SETS)).encode()
FILES = {
    "sets/base.tgz": BASE,
    "sets/comp.tgz": COMP,
    "src/source.tgz": SOURCE,
    "sets/SHA512": SETS,
    "sets/MD5": SUMS,
}
SIGNED = (line("SHA512", "sets/base.tgz", BASE) + line("SHA512", "src/source.tgz", SOURCE)).encode()


class Bench:
    """A plan with a lock, and a store with what it pins."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "build")
        self.key = folder / "key.asc"
        self.key.write_bytes(b"the key")
        self.recorded: dict[str, Any] = {}
        self.pins = {path: pin(data) for path, data in FILES.items()}
        self.told: list[Checked] = []
        for data in (SIGNED, PACKAGE, *FILES.values()):
            self.store.blobs.put(data)

    def place(self, data: bytes) -> Path:
        """Where the store has it."""
        return Path(self.store.blobs.where(hashlib.sha256(data).hexdigest()))

    def damage(self, data: bytes, other: bytes) -> None:
        """Change it in the store."""
        self.place(data).chmod(0o644)
        self.place(data).write_bytes(other)

    def verify(self) -> dict[str, tuple[str, ...] | None]:
        """Path to what it was checked against, None if it is not there."""
        signature = SimpleNamespace(list="signed/LIST", key="k.asc", fingerprint="F")
        release = SimpleNamespace(
            path="N",
            signature=signature,
            packages=SimpleNamespace(path="packages"),
            list_paths=lambda: ["sets/SHA512", "sets/MD5"],
        )
        package = LockedPackage("lz4-1", "archivers/lz4", "lz4-1.tgz", pin(PACKAGE))
        plan: Any = SimpleNamespace(
            release=release,
            lock=SimpleNamespace(list=pin(SIGNED), files=self.pins, packages=(package,)),
            configuration="configuration",
            beside={"k.asc": SimpleNamespace(path=self.key)},
        )
        engine: Any = SimpleNamespace(
            store=self.store, recorded=lambda stage: self.recorded.get(stage, {})
        )
        self.told = []
        results = verify(plan, engine, self.told.append)
        assert list(results) == self.told
        return {one.path: one.against if one.present else None for one in results}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    def payload(data: bytes, key: bytes, *, fingerprint: str, where: str) -> bytes:
        assert (key, fingerprint) == (b"the key", "F")
        return data

    monkeypatch.setattr(module, "verified_payload", payload)
    monkeypatch.setattr(module, "package_signer", lambda *_any, **_more: None)
    return Bench(tmp_path)


def test_what_each_file_is_checked_against(bench: Bench) -> None:
    found = bench.verify()
    assert found == {
        "signed/LIST": ("lock",),
        "N/sets/base.tgz": ("lock", "signature", "SHA512", "MD5"),
        "N/sets/comp.tgz": ("lock",),
        "N/src/source.tgz": ("lock", "signature"),
        "N/sets/SHA512": ("lock", "MD5"),
        "N/sets/MD5": ("lock",),
        "packages/lz4-1.tgz": ("lock",),
    }
    assert next(iter(found)) == "signed/LIST", "it is shown first"


def test_what_is_not_fetched_yet(bench: Bench) -> None:
    bench.place(SIGNED).unlink()
    bench.place(COMP).unlink()
    bench.place(SETS).unlink()
    found = bench.verify()
    assert {path for path, against in found.items() if against is None} == {
        "signed/LIST",
        "N/sets/comp.tgz",
        "N/sets/SHA512",
    }
    assert found["N/sets/base.tgz"] == ("lock", "MD5")
    assert found["N/src/source.tgz"] == ("lock",)


def test_a_set_s_blob_is_known_by_the_run_that_fetched_it(bench: Bench) -> None:
    """The lock has only its SHA-512."""
    bench.pins = {path: Pinned(one.sha512) for path, one in bench.pins.items()}
    bench.recorded["fetch:sets/comp.tgz"] = {
        "file": SimpleNamespace(blob=bench.store.blobs.put(COMP))
    }
    found = bench.verify()
    assert {path for path, against in found.items() if against is not None} == {
        "signed/LIST",
        "N/sets/comp.tgz",
        "packages/lz4-1.tgz",
    }


def test_a_file_that_differs_from_the_lock_is_removed(bench: Bench) -> None:
    bench.damage(COMP, b"COMP")
    with pytest.raises(SourceError, match="the file has a wrong digest") as error:
        bench.verify()
    assert error.value.where == "N/sets/comp.tgz"
    assert error.value.why == f"lock: {sha512(COMP)}\nfound: {sha512(b'COMP')}"
    assert error.value.reason == "checksum"
    assert not bench.place(COMP).exists()
    assert bench.place(BASE).exists()
    assert bench.told == [], "all files are read before the first is reported"


def test_a_file_under_another_s_digest_is_removed(bench: Bench) -> None:
    """The lock's SHA-512 is right, its SHA-256 is not."""
    wrong = "0" * 64
    bench.pins["sets/comp.tgz"] = Pinned(sha512(COMP), wrong, len(COMP))
    place = Path(bench.store.blobs.where(wrong))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(COMP)
    bench.verify()
    assert not place.exists()


@pytest.mark.parametrize(
    ("name", "listed", "where"),
    [
        ("sets/SHA512", line("SHA512", "base.tgz", b"other"), "N/sets/SHA512"),
        ("sets/MD5", line("MD5", "base.tgz", b"other"), "N/sets/MD5"),
    ],
)
def test_a_list_that_has_another_digest(bench: Bench, name: str, listed: str, where: str) -> None:
    bench.pins[name] = pin(listed.encode())
    bench.store.blobs.put(listed.encode())
    with pytest.raises(SourceError, match="the file has a wrong digest") as error:
        bench.verify()
    assert error.value.where == "N/sets/base.tgz"
    assert str(error.value.why).startswith(f"{where}: ")
    assert bench.place(BASE).exists(), "it is as the lock says"


def test_the_signed_list_has_another_digest(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    other = line("SHA512", "src/source.tgz", b"other").encode()
    monkeypatch.setattr(module, "verified_payload", lambda *_any, **_more: other)
    with pytest.raises(SourceError, match="the file has a wrong digest") as error:
        bench.verify()
    assert error.value.where == "N/src/source.tgz"
    assert str(error.value.why).startswith("signed list: ")


def test_packages_are_signed_themselves(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    def blocks(path: Path, *, signer: str, where: str) -> Iterator[bytes]:
        read.append((path.read_bytes(), signer, where))
        yield b"a block"
        read.append("the end")

    times: list[bool] = []

    def signer(_configuration: object, _store: Store, *, check_times: bool) -> str:
        times.append(check_times)
        return "signer"

    monkeypatch.setattr(module, "package_signer", signer)
    monkeypatch.setattr(module, "signed_blocks", blocks)
    found = bench.verify()
    assert found["packages/lz4-1.tgz"] == ("lock", "signature")
    assert found["N/sets/comp.tgz"] == ("lock",)
    assert read == [(PACKAGE, "signer", "packages/lz4-1.tgz"), "the end"]
    assert times == [False], "a certificate may have expired since"


def test_a_key_that_cannot_be_read(bench: Bench) -> None:
    bench.key.unlink()
    with pytest.raises(ConfigError, match="the signing key cannot be read") as error:
        bench.verify()
    assert (error.value.where, error.value.reason) == (str(bench.key), "file")
    assert error.value.why == "No such file or directory"
