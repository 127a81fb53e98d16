"""The authoritative server's folder: signed, and complete at every moment."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
from support.servers.image_server import private_key
from support.servers.served_images import check, hidden, latest, put, version

from buildlib.host.atomic_files import NewFile
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, GoldmasterError
from buildlib.operations.fleet import image_server
from buildlib.operations.fleet.image_server import Served, Signer, serve
from buildlib.store.blobs import Blobs
from buildlib.store.records import Output
from buildlib.store.store import Store

NOW = 1_800_000_000.9


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(image_server, "now", lambda: NOW)
    return Store(tmp_path / "build")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "served"


@pytest.mark.programs
def test_versions_stay_beside_each_other(store: Store, folder: Path) -> None:
    assert put(store, folder, "v1") == Served("v1", is_new=True, is_named=True)
    assert latest(folder) == ("v1", int(NOW))
    assert put(store, folder, "v2", image=b"two") == Served("v2", is_new=True, is_named=True)
    assert latest(folder) == ("v2", int(NOW) + 1), "the clock has not moved, the number has"
    assert sorted(path.name for path in folder.iterdir()) == ["LATEST", "v1", "v2"]
    assert sorted(path.name for path in (folder / "v1").iterdir()) == [
        "SHA256",
        "SHA256.sig",
        "VERSION",
        "base.ffs",
    ]
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o644}
    check(folder)


@pytest.mark.programs
def test_the_same_again_changes_nothing(store: Store, folder: Path) -> None:
    def marks() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_ctime_ns, path.stat().st_ino) for path in folder.rglob("*")}

    put(store, folder, "v1")
    before = marks()
    assert put(store, folder, "v1") == Served("v1", is_new=False, is_named=False)
    assert marks() == before


@pytest.mark.programs
def test_what_is_a_day_old_is_signed_again(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts see its age by the number; nothing else of the version changes."""
    put(store, folder, "v1")
    for day, seconds in ((0, 86_399), (1, 86_400), (1, 86_399), (2, 90_000)):
        start = latest(folder)[1]
        monkeypatch.setattr(image_server, "now", lambda now=start + seconds: float(now))
        served = put(store, folder, "v1")
        assert served == Served("v1", is_new=False, is_named=seconds >= 86_400), day
        assert latest(folder) == ("v1", start + seconds * served.is_named)
    monkeypatch.setattr(image_server, "now", lambda: 5.0)
    before = latest(folder)
    assert not put(store, folder, "v1").is_named, "the clock was put back"
    assert latest(folder) == before
    check(folder)


@pytest.mark.programs
def test_back_is_forward_for_the_hosts(store: Store, folder: Path) -> None:
    """Hosts also get a build from an older checkout, because its number is new."""
    put(store, folder, "v1")
    put(store, folder, "v2", image=b"two")
    assert put(store, folder, "v1") == Served("v1", is_new=False, is_named=True)
    assert latest(folder) == ("v1", int(NOW) + 2)


@pytest.mark.programs
def test_files_are_copies(store: Store, folder: Path) -> None:
    put(store, folder, "v1")
    (folder / "v1" / "base.ffs").write_bytes(b"damaged!")
    assert store.is_sound(Output(version(store, "v1")["base.ffs"]))
    put(store, folder, "v1")
    check(folder)
    (folder / "v1" / "base.ffs").unlink()
    (folder / "v1" / "SHA256.sig").write_bytes(b"")
    assert put(store, folder, "v1") == Served("v1", is_new=False, is_named=False)
    check(folder)


@pytest.mark.programs
def test_a_new_key_signs_what_is_there_again(store: Store, folder: Path) -> None:
    put(store, folder, "v1")
    assert put(store, folder, "v1", key="theirs") == Served("v1", is_new=False, is_named=True)
    check(folder, "theirs")
    assert latest(folder, "theirs")[1] == int(NOW), "only a number that this key has signed counts"


@pytest.mark.programs
def test_a_latest_that_is_damaged(store: Store, folder: Path) -> None:
    put(store, folder, "v1")
    for text in (b"", b"v1\n", b"v1 x\n", b"\xff"):
        (folder / "LATEST").write_bytes(text)
        assert put(store, folder, "v1").is_named
        assert latest(folder) == ("v1", int(NOW))


@pytest.mark.programs
@pytest.mark.parametrize(
    "text",
    [
        b"v1 999999999999998\nxx\n",
        b"v2 999999999999998\n",
        b"v1 1\xc2\xb2\n",
        b"v1 " + b"9" * 5000 + b"\n",
        b"v1 1 2\n",
        bytes(1 << 20),
    ],
    ids=["unsigned", "other version", "superscript", "endless", "three words", "large"],
)
def test_a_number_that_this_key_has_not_signed(store: Store, folder: Path, text: bytes) -> None:
    """Otherwise anyone with write access could make us sign the highest number."""
    put(store, folder, "v1")
    signed = (folder / "LATEST").read_bytes().partition(b"\n")[2]
    for rest in (b"", signed):
        (folder / "LATEST").write_bytes(text + rest)
        assert put(store, folder, "v1").is_named
        assert latest(folder) == ("v1", int(NOW))


@pytest.mark.programs
@pytest.mark.parametrize("number", [10**15 - 1, 10**15])
def test_no_number_is_signed_that_hosts_do_not_count(
    store: Store, folder: Path, number: int
) -> None:
    put(store, folder, "v1")
    signer = Signer(private_key(), store)
    (folder / "LATEST").write_bytes(before := image_server._latest("v1", number, signer))
    with pytest.raises(ConfigError, match="LATEST") as caught:
        put(store, folder, "v2", image=b"two")
    assert caught.value.reason == "latest-number"
    assert (folder / "LATEST").read_bytes() == before


@pytest.mark.programs
def test_modes_are_repaired(store: Store, folder: Path) -> None:
    """With any umask, a server that runs as another user can read all files."""
    before = os.umask(0o077)
    try:
        put(store, folder / "deep" / "er", "v1")
    finally:
        os.umask(before)
    served = folder / "deep" / "er"

    def modes() -> set[int]:
        return {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}

    assert modes() == {0o755, 0o644}
    for path in (served, served / "v1"):
        path.chmod(0o700)
    for path in (served / "LATEST", served / "v1" / "base.ffs", served / "v1" / "SHA256.sig"):
        path.chmod(0o600)
    assert put(store, served, "v1") == Served("v1", is_new=False, is_named=False)
    assert modes() == {0o755, 0o644}


@pytest.mark.programs
def test_a_full_disk(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, folder, "v1")

    def full(blobs: Blobs, _blob: Blob, file: NewFile) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(Blobs, "copy_to", full)
        put(store, folder, "v2", image=b"two")
    assert hidden(folder) == []
    assert latest(folder)[0] == "v1"
    check(folder)


@pytest.mark.programs
def test_keys_that_cannot_sign(store: Store, tmp_path: Path) -> None:
    def told(key: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            Signer(key, store)
        assert caught.value.reason == "signing-key"
        return str(caught.value)

    assert "cannot be read" in told(tmp_path / "none")
    text = tmp_path / "text"
    text.write_text("no key\n")
    text.chmod(0o600)
    assert "is not an RSA key, or has a passphrase" in told(text)
    open_key = tmp_path / "open"
    open_key.write_bytes(private_key().read_bytes())
    open_key.chmod(0o640)
    assert "other users can read the signing key" in told(open_key)
    assert f"chmod 600 {open_key}" in told(open_key)
    for words in (
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ["genrsa", "-aes256", "-passout", "pass:secret"],
    ):
        key = tmp_path / words[0]
        subprocess.run(["openssl", *words, "-out", key], check=True, capture_output=True)
        key.chmod(0o600)
        assert "is not an RSA key, or has a passphrase" in told(key)


@pytest.mark.programs
def test_a_key_of_the_other_form_is_one_too(store: Store, folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", private_key(), "-out", key],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    serve(folder, version(store, "v1"), store, Signer(key, store))
    check(folder)


@pytest.mark.programs
def test_no_openssl(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_server, "find_tool", lambda _name: None)
    with pytest.raises(GoldmasterError, match="openssl is not installed"):
        Signer(private_key(), store)
