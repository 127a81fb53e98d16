"""Packages signed with certificates; openssl makes the signatures, as pkg_admin's library does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.machines.package_authority import PURPOSES, Authority

from buildlib.host.process import Runner
from buildlib.model.errors import SourceError
from buildlib.sources.pkcs7 import Pkcs7, pinned

pytestmark = pytest.mark.programs

DATA = b"pkgsrc signature\n\nversion: 1\r\n\x00\xff"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "ours", "ours")
    authority.certify("packager")
    return authority


def checker(folder: Path, authority: Authority, *, check_times: bool = False) -> Pkcs7:
    def openssl(place: Path, /, *words: str, on_line: Callable[[str], None] | None = None) -> None:
        Runner().run(["openssl", *words], cwd=place, log=folder / "log", on_line=on_line)

    return Pkcs7(authority.certificate, openssl, folder, check_times=check_times)


def refused(checked: Pkcs7, data: bytes, signature: bytes) -> str:
    with pytest.raises(SourceError) as caught:
        checked.check(data, signature, where="a.tgz")
    assert caught.value.reason == "signature"
    assert caught.value.where == "a.tgz"
    return caught.value.why or ""


def test_a_good_signature(ours: Authority, tmp_path: Path) -> None:
    checker(tmp_path, ours).check(DATA, ours.sign("packager", DATA), where="a.tgz")
    assert not [path for path in tmp_path.iterdir() if path.name not in {"ours", "log"}]


def test_other_data(ours: Authority, tmp_path: Path) -> None:
    signature = ours.sign("packager", DATA)
    for other in (DATA + b"\n", DATA[:-1], DATA.replace(b"\r\n", b"\n"), b""):
        assert refused(checker(tmp_path, ours), other, signature)


def test_another_authority_of_the_same_name(ours: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "ours")
    other.certify("packager")
    assert refused(checker(tmp_path, ours), DATA, other.sign("packager", DATA))
    checker(tmp_path, other).check(DATA, other.sign("packager", DATA), where="a.tgz")


def test_authorities_of_the_host_do_not_count(
    ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority(tmp_path / "other", "other")
    other.certify("packager")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(other.folder))
    assert refused(checker(tmp_path, ours), DATA, other.sign("packager", DATA))


@pytest.mark.parametrize(
    "purposes", ["codeSigning", "emailProtection", f"{PURPOSES},clientAuth", ""]
)
def test_a_certificate_for_something_else(ours: Authority, tmp_path: Path, purposes: str) -> None:
    ours.certify("other", purposes=purposes)
    assert refused(checker(tmp_path, ours), DATA, ours.sign("other", DATA))


def test_an_authority_signs_no_packages(ours: Authority, tmp_path: Path) -> None:
    ours.certify("between", ca=True)
    why = refused(checker(tmp_path, ours), DATA, ours.sign("between", DATA))
    assert why == "the signer's certificate is that of an authority"


def test_one_of_two_signers_is_nobody(ours: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "other")
    other.certify("packager")
    more = ("-signer", str(other.folder / "packager.pem"))
    key = ("-inkey", str(other.folder / "packager.key"))
    assert refused(checker(tmp_path, ours), DATA, ours.sign("packager", DATA, *more, *key))


def test_times_count_when_something_is_pinned(ours: Authority, tmp_path: Path) -> None:
    ours.certify("late", days=-1)
    signature = ours.sign("late", DATA)
    checker(tmp_path, ours).check(DATA, signature, where="a.tgz")
    assert "expired" in refused(checker(tmp_path, ours, check_times=True), DATA, signature)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"x" * 1000,
        b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n",
        b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n",
    ],
)
def test_what_is_no_signature(ours: Authority, tmp_path: Path, signature: bytes) -> None:
    assert refused(checker(tmp_path, ours), DATA, signature)


def test_every_byte_counts(ours: Authority, tmp_path: Path) -> None:
    signature = ours.sign("packager", DATA)
    body = signature.splitlines(keepends=True)
    damaged = b"".join([*body[:-2], body[-2][:8], b"A" if body[-2][8:9] != b"A" else b"B"])
    assert refused(checker(tmp_path, ours), DATA, damaged + body[-2][9:] + body[-1])


def test_the_pinned_certificate_is_taken(ours: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "other")
    both = b"# notes\n" + other.certificate + ours.certificate
    spelt = ":".join(ours.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    found = pinned(both, fingerprint=spelt, where="ca.pem")
    assert found.strip() == ours.certificate.strip()


@pytest.mark.parametrize(
    "text", ["", "x", "-----BEGIN CERTIFICATE-----\n=\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_it(ours: Authority, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        pinned(text.encode(), fingerprint=ours.fingerprint, where="ca.pem")
    assert caught.value.reason == "signing-key"
    with pytest.raises(SourceError) as caught:
        pinned(ours.certificate, fingerprint="0" * 64, where="ca.pem")
    assert ours.fingerprint in (caught.value.why or "")
