"""Who signs packages, from the release definition."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.model.errors import ConfigError, ToolError
from buildlib.operations.lock import signers as module
from buildlib.operations.lock.signers import package_signer


class Bench:
    """A release with a signer's file, and what is made of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "signer.pem"
        self.file.write_bytes(b"the file")
        self.source: Any = SimpleNamespace(signer_file="s.pem", key="", fingerprint="F")
        self.runs: list[Any] = []
        self.made: list[Any] = []
        self.store: Any = SimpleNamespace(
            logs=folder,
            blobs=SimpleNamespace(tmp=folder / "tmp"),
            runner=SimpleNamespace(run=lambda argv, **rest: self.runs.append((argv, rest))),
        )

    def signer(self, *, check_times: bool = True) -> Any:
        """The signer."""
        configuration: Any = SimpleNamespace(
            release=SimpleNamespace(packages=self.source),
            beside={"s.pem": SimpleNamespace(path=self.file)},
        )
        return package_signer(configuration, self.store, check_times=check_times)

    def pinned(self, data: bytes, *, fingerprint: str, where: str) -> str:
        """A pinned authority."""
        self.made.append((data, fingerprint, where))
        return "authority"

    def pkcs7(self, *words: Any, check_times: bool) -> str:
        """The check of signatures."""
        self.made.append((words, check_times))
        return "pkcs7"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setattr(module, "pinned", made.pinned)
    monkeypatch.setattr(module, "load_certificate", made.pinned)
    monkeypatch.setattr(module, "Pkcs7", made.pkcs7)
    monkeypatch.setattr(module, "Authority", lambda check: ("authority", check))
    monkeypatch.setattr(module, "TrustedKey", lambda *words: ("key", *words))
    monkeypatch.setattr(module, "find_tool", lambda name: Path("/usr/bin") / name)
    return made


def test_packages_that_are_not_signed(bench: Bench) -> None:
    bench.source.signer_file = ""
    assert bench.signer() is None
    assert bench.made == []


def test_a_key(bench: Bench) -> None:
    bench.source.key = "s.pem"
    assert bench.signer() == ("key", b"the file", "F")
    assert bench.made == [(b"the file", "F", str(bench.file))]


@pytest.mark.parametrize("check_times", [True, False])
def test_an_authority(bench: Bench, *, check_times: bool) -> None:
    assert bench.signer(check_times=check_times) == ("authority", "pkcs7")
    pinned, ((authority, openssl, folder), checks) = bench.made
    assert pinned == (b"the file", "F", str(bench.file))
    assert (authority, folder, checks) == ("authority", bench.store.blobs.tmp, check_times)
    openssl(Path("/work"), "cms", "-verify", on_line=print)
    rest = {"cwd": Path("/work"), "log": bench.store.logs / "signing.log", "on_line": print}
    assert bench.runs == [([Path("/usr/bin/openssl"), "cms", "-verify"], rest)]


def test_an_authority_needs_openssl(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_tool", lambda _name: None)
    with pytest.raises(ToolError, match="the tool openssl is not installed") as error:
        bench.signer()
    assert error.value.reason == "tool-missing"


def test_a_file_that_cannot_be_read(bench: Bench) -> None:
    bench.file.unlink()
    with pytest.raises(ConfigError, match="the packages' signing key cannot be read") as error:
        bench.signer()
    assert (error.value.where, error.value.reason) == (str(bench.file), "file")
    assert error.value.why == "No such file or directory"
