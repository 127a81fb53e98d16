"""Signed packages: the wrapper, as other programs write and read it, and what is rejected."""

from __future__ import annotations

import io
import os
import subprocess
from hashlib import sha512
from pathlib import Path

import pysequoia
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.machines.packages import certificate, packed, signed, signer, source

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.package_file import is_signed, metadata, refuse_signed, unwrap
from buildlib.pkgsrc.signed import BLOCK, GPG, HASH, X509, blocks, hash_file, read_wrapping, wrap
from buildlib.pkgsrc.trust import TrustedKey
from buildlib.store.blobs import Blobs

NAME = "quite-a-long-name-1.0nb2"
PACKAGE = packed(source(NAME))
GOOD = hash_file(NAME, PACKAGE)
FINGERPRINT = str(certificate().fingerprint)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "store")


def unwrapped(data: bytes, blobs: Blobs, *, key: str = "packager") -> bytes:
    path = blobs.tmp / "package.tgz"
    path.write_bytes(data)
    trusted = TrustedKey(str(certificate(key)).encode(), FINGERPRINT)
    blob = unwrap(path, blobs, signer=trusted, where="package.tgz")
    return blobs.read(blob.sha256)


def refused(data: bytes, blobs: Blobs, *, key: str = "packager") -> SourceError:
    before = set(blobs.all())
    with pytest.raises(SourceError) as caught:
        unwrapped(data, blobs, key=key)
    assert set(blobs.all()) == before, "nothing of it is kept"
    return caught.value


@pytest.mark.parametrize("armor", [True, False])
@pytest.mark.parametrize("size", [1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 200_001])
def test_out_of_the_wrapping(blobs: Blobs, size: int, *, armor: bool) -> None:
    package = os.urandom(size)
    assert unwrapped(signed("a-1", package, armor=armor), blobs) == package


def test_the_form_of_the_hashes() -> None:
    """Written from the source of pkg_install, not by the tested code."""
    text = hash_file("foo-1.0", bytes(BLOCK + 1)).decode()
    first, second = (sha512(bytes(size)).hexdigest() for size in (BLOCK, 1))
    assert text == (
        "pkgsrc signature\n\nversion: 1\npkgname: foo-1.0\nalgorithm: SHA512\n"
        f"block size: 65536\nfile size: 65537\n\n{first}\n{second}\nend pkgsrc signature\n"
    )


@pytest.mark.programs
@pytest.mark.parametrize(
    "command", [["bsdtar", "-c", "--format", "arbsd", "-f"], ["ar", "-qcSD"]], ids=["bsd", "gnu"]
)
def test_as_other_programs_write_it(blobs: Blobs, tmp_path: Path, command: list[str]) -> None:
    """pkg_admin writes with libarchive; long names are before the data or in a table."""
    (tmp_path / HASH).write_bytes(hash_file(NAME, PACKAGE))
    whole = io.BytesIO(signed(NAME, PACKAGE))
    (tmp_path / GPG).write_bytes(read_wrapping(whole, where="").signature)
    (tmp_path / f"{NAME}.tgz").write_bytes(PACKAGE)
    subprocess.run([*command, "all.a", HASH, GPG, f"{NAME}.tgz"], cwd=tmp_path, check=True)
    assert unwrapped((tmp_path / "all.a").read_bytes(), blobs) == PACKAGE


@pytest.mark.programs
def test_as_libarchive_and_binutils_read_it(tmp_path: Path) -> None:
    (tmp_path / "all.a").write_bytes(signed(NAME, PACKAGE))
    for command in (["bsdtar", "-xf", "all.a"], ["ar", "x", "all.a"]):
        subprocess.run(command, cwd=tmp_path, check=True)
        assert {path.name for path in tmp_path.iterdir()} == {"all.a", HASH, GPG, f"{NAME}.tgz"}
        assert (tmp_path / f"{NAME}.tgz").read_bytes() == PACKAGE
        assert (tmp_path / HASH).read_bytes() == hash_file(NAME, PACKAGE)
        for name in (HASH, GPG, f"{NAME}.tgz"):
            (tmp_path / name).unlink()


@pytest.mark.programs
def test_as_gpg_signs_it(blobs: Blobs, tmp_path: Path) -> None:
    """`pkg_admin gpg-sign-package` calls gpg with these arguments."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = [
        "gpg",
        "--homedir",
        str(home),
        "--batch",
        "--quiet",
        "--passphrase",
        "",
        "--pinentry-mode",
        "loopback",
    ]

    def run(*words: str, text: bytes = b"") -> bytes:
        return subprocess.run([*gpg, *words], input=text, check=True, capture_output=True).stdout

    try:
        run("--quick-gen-key", "packager", "rsa2048", "default", "0")
        signature = run("--detach-sign", "--armor", "--output", "-", "-", text=GOOD)
        key, listed = run("--export"), run("--with-colons", "--list-keys").decode()
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    fingerprint = next(
        line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")
    )
    (tmp_path / "a.tgz").write_bytes(wrap(NAME, PACKAGE, signature))
    blob = unwrap(tmp_path / "a.tgz", blobs, signer=TrustedKey(key, fingerprint), where="a.tgz")
    assert blobs.read(blob.sha256) == PACKAGE


def test_a_package_is_read_behind_it(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(unwrapped(signed(NAME, PACKAGE), blobs))
    assert metadata(tmp_path / "a.tgz", where="a", expected=NAME, whole=True).name == NAME


def test_without_a_key_a_signed_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(PACKAGE)
    assert not is_signed(path)
    refuse_signed(path, where="a.tgz")
    path.write_bytes(signed(NAME, PACKAGE))
    with pytest.raises(SourceError) as caught:
        refuse_signed(path, where="a.tgz")
    assert caught.value.reason == "signing-key"
    assert "packages.key" in (caught.value.hint or "")


# rejected packages


def changed(*, block: bool = False, hashes: bytes = b"", sign: bool = True) -> bytes:
    """A package that was changed after it was signed, or whose hashes are `hashes`."""
    whole = bytearray(signed(NAME, PACKAGE))
    if block:
        whole[-10] ^= 1
        return bytes(whole)
    signature = pysequoia.sign(
        signer("packager" if sign else "other").signer(),
        hashes,
        mode=pysequoia.SignatureMode.DETACHED,
    )
    right = wrap(NAME, PACKAGE, bytes(signature))
    size = len(hash_file(NAME, PACKAGE))
    return (
        right[:8]
        + right[8:56]
        + b"%-10d`\n" % len(hashes)
        + hashes
        + b"\n" * (len(hashes) % 2)
        + right[68 + size + size % 2 :]
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PACKAGE, "signature-missing"),
        (b"", "signature-missing"),
        (signed(NAME, PACKAGE, by="other"), "signature"),
        (changed(block=True), "checksum"),
        (changed(hashes=GOOD, sign=False), "signature"),
        (wrap(NAME, PACKAGE, b"-----BEGIN PGP SIGNATURE-----\n"), "signature"),
        (wrap(NAME, PACKAGE, b""), "signature"),
        (signed(NAME, PACKAGE).replace(GPG.encode(), b"+PKG_GPG_SIGNATURF"), "pkg-signature"),
        (signed(NAME, PACKAGE)[:-5], "damaged"),
        (signed(NAME, PACKAGE)[: -len(PACKAGE) - 70], "pkg-signature"),
        (signed(NAME, PACKAGE)[:100], "pkg-signature"),
        (signed(NAME, PACKAGE)[:20], "pkg-signature"),
        (changed(hashes=GOOD.replace(b"version: 1", b"version: 2")), "pkg-signature"),
        (changed(hashes=GOOD.replace(b"SHA512", b"SHA256")), "pkg-signature"),
        (changed(hashes=GOOD + b"more\n"), "pkg-signature"),
        (changed(hashes=GOOD.replace(b"size: 65536", b"size: 512")), "pkg-signature"),
        (changed(hashes=GOOD.replace(b"size: 65536", b"size: 0")), "pkg-signature"),
        (changed(hashes=GOOD.replace(b"file size: ", b"file size: 1")), "pkg-signature"),
    ],
)
def test_refused(blobs: Blobs, data: bytes, reason: str) -> None:
    error = refused(data, blobs)
    assert error.reason == reason
    assert "package.tgz" in (error.where or "")
    assert error.hint


def test_a_key_that_is_not_the_pinned_one(blobs: Blobs) -> None:
    error = refused(signed(NAME, PACKAGE, by="other"), blobs, key="other")
    assert error.reason == "signing-key"
    assert FINGERPRINT in (error.why or "")


def test_a_signature_of_the_other_kind_is_told(blobs: Blobs) -> None:
    error = refused(wrap(NAME, PACKAGE, b"x", kind=X509), blobs)
    assert error.what == "the package is signed with an X.509 certificate"
    assert error.why == "the release definition names an OpenPGP key (packages.key)"


def test_a_number_of_another_header_is_not_believed() -> None:
    """An impossible size takes no memory."""
    data = bytearray(signed(NAME, PACKAGE))
    data[56:66] = b"9999999999"
    with pytest.raises(SourceError) as caught:
        read_wrapping(io.BytesIO(bytes(data)), where="a")
    assert caught.value.reason == "pkg-signature"


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_change_gets_through(data: st.DataObject) -> None:
    """Any wrapper gives either the signed package or an error, never a crash."""
    whole = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    file = io.BytesIO(bytes(whole))
    try:
        wrapped = read_wrapping(file, where="a")
        found = b"".join(blocks(file, wrapped, where="a"))
    except SourceError:
        return
    if wrapped.hashes == GOOD:
        assert found == PACKAGE


WHOLE = signed(NAME, PACKAGE)
