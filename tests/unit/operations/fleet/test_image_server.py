"""The authoritative server's folder: signed, and whole at every moment."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
from support.faults.killing import Killed, killed_at
from support.servers.image_server import private_key, public_key

from buildlib.host.atomic_files import NewFile
from buildlib.model.digest import Blob, sha256
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


def version(store: Store, name: str, image: bytes = b"an image") -> dict[str, Blob]:
    contents = {"base.ffs": image, "VERSION": f"{name}\nbase.ffs {len(image)}\n".encode()}
    digests = "".join(f"SHA256 ({path}) = {sha256(data)}\n" for path, data in contents.items())
    contents["SHA256"] = digests.encode()
    return {path: store.blobs.put(data) for path, data in contents.items()}


def put(store: Store, folder: Path, name: str, *, key: str = "ours",
        image: bytes = b"an image") -> Served:
    return serve(folder, version(store, name, image), store, Signer(private_key(key), store))


def is_signed(text: bytes, signature: Path, folder: Path, key: str = "ours") -> bool:
    """As goldmaster-images asks."""
    (folder.parent / "pem").write_text(public_key(key))
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", folder.parent / "pem", "-signature", signature],
        input=text, capture_output=True)
    return done.returncode == 0


def latest(folder: Path, key: str = "ours") -> tuple[str, int]:
    """What LATEST names; its signature must be right."""
    line, _, rest = (folder / "LATEST").read_bytes().partition(b"\n")
    plain = subprocess.run(["openssl", "base64", "-d"], input=rest, check=True,
                           capture_output=True).stdout
    (folder.parent / "sig").write_bytes(plain)
    assert is_signed(line + b"\n", folder.parent / "sig", folder, key)
    name, number = line.decode().split()
    return name, int(number)


def check(folder: Path, key: str = "ours") -> None:
    """All versions are whole, and LATEST names one."""
    for place in folder.iterdir():
        if place.is_dir() and not place.name.startswith("."):
            text = (place / "SHA256").read_bytes()
            assert is_signed(text, place / "SHA256.sig", folder, key)
            for line in text.decode().splitlines():
                path, digest = line.removeprefix("SHA256 (").split(") = ")
                assert sha256((place / path).read_bytes()) == digest
    if (folder / "LATEST").exists():
        assert (folder / latest(folder, key)[0]).is_dir()


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def test_versions_stay_beside_each_other(store: Store, folder: Path) -> None:
    assert put(store, folder, "v1") == Served("v1", is_new=True, is_named=True)
    assert latest(folder) == ("v1", int(NOW))
    assert put(store, folder, "v2", image=b"two") == Served("v2", is_new=True, is_named=True)
    assert latest(folder) == ("v2", int(NOW) + 1), "the clock has not moved, the number has"
    assert sorted(path.name for path in folder.iterdir()) == ["LATEST", "v1", "v2"]
    assert sorted(path.name for path in (folder / "v1").iterdir()) == [
        "SHA256", "SHA256.sig", "VERSION", "base.ffs"]
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o644}
    check(folder)


def test_the_same_again_changes_nothing(store: Store, folder: Path) -> None:
    def marks() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_ctime_ns, path.stat().st_ino) for path in folder.rglob("*")}

    put(store, folder, "v1")
    before = marks()
    assert put(store, folder, "v1") == Served("v1", is_new=False, is_named=False)
    assert marks() == before


def test_what_is_a_day_old_is_signed_anew(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts see by the number how old it is; nothing else of the version changes."""
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


def test_back_is_forward_for_the_hosts(store: Store, folder: Path) -> None:
    """What was built from an older checkout is what hosts get, by a number that is new."""
    put(store, folder, "v1")
    put(store, folder, "v2", image=b"two")
    assert put(store, folder, "v1") == Served("v1", is_new=False, is_named=True)
    assert latest(folder) == ("v1", int(NOW) + 2)


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


def test_a_new_key_signs_what_is_there_anew(store: Store, folder: Path) -> None:
    put(store, folder, "v1")
    assert put(store, folder, "v1", key="theirs") == Served("v1", is_new=False, is_named=True)
    check(folder, "theirs")
    assert latest(folder, "theirs")[1] == int(NOW), "only a number that this key has signed counts"


def test_a_latest_that_is_damaged(store: Store, folder: Path) -> None:
    put(store, folder, "v1")
    for text in (b"", b"v1\n", b"v1 x\n", b"\xff"):
        (folder / "LATEST").write_bytes(text)
        assert put(store, folder, "v1").is_named
        assert latest(folder) == ("v1", int(NOW))


@pytest.mark.parametrize("text", [
    b"v1 999999999999998\nxx\n", b"v2 999999999999998\n", b"v1 1\xc2\xb2\n",
    b"v1 " + b"9" * 5000 + b"\n", b"v1 1 2\n", bytes(1 << 20),
], ids=["unsigned", "other version", "superscript", "endless", "three words", "large"])
def test_a_number_that_this_key_has_not_signed(store: Store, folder: Path, text: bytes) -> None:
    """Whoever can write to the folder could else have one signed that hosts cannot count beyond."""
    put(store, folder, "v1")
    signed = (folder / "LATEST").read_bytes().partition(b"\n")[2]
    for rest in (b"", signed):
        (folder / "LATEST").write_bytes(text + rest)
        assert put(store, folder, "v1").is_named
        assert latest(folder) == ("v1", int(NOW))


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


def test_modes_are_mended(store: Store, folder: Path) -> None:
    """Whatever the umask was, now or before: a server that is another user reads all of it."""
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


@pytest.mark.parametrize("damage", [False, True])
def test_killed_at_every_step(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, *, damage: bool
) -> None:
    files, signer = version(store, "v2", b"two"), Signer(private_key(), store)
    for step in range(1, 80):
        put(store, folder, "v1")
        if damage:
            serve(folder, files, store, signer)
            (folder / "v2" / "base.ffs").unlink()
        with monkeypatch.context() as patch:
            killed_at(step, patch)
            try:
                serve(folder, files, store, signer)
            except Killed:
                pass
            else:
                break
        if not damage:
            check(folder)
        put(store, folder, "v2", image=b"two")
        check(folder)
        assert latest(folder)[0] == "v2"
        assert hidden(folder) == []
        for path in (folder / "v2").iterdir():
            path.unlink()
        (folder / "v2").rmdir()
    assert (5 if damage else 10) < step < 79


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
    assert "is no RSA key, or has a passphrase" in told(text)
    open_key = tmp_path / "open"
    open_key.write_bytes(private_key().read_bytes())
    open_key.chmod(0o640)
    assert "others may read the signing key" in told(open_key)
    assert f"chmod 600 {open_key}" in told(open_key)
    for words in (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                  ["genrsa", "-aes256", "-passout", "pass:secret"]):
        key = tmp_path / words[0]
        subprocess.run(["openssl", *words, "-out", key], check=True, capture_output=True)
        key.chmod(0o600)
        assert "is no RSA key, or has a passphrase" in told(key)


def test_a_key_of_the_other_form_is_one_too(store: Store, folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", private_key(), "-out", key],
                   check=True, capture_output=True)
    key.chmod(0o600)
    serve(folder, version(store, "v1"), store, Signer(key, store))
    check(folder)


def test_no_openssl(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_server, "find_tool", lambda _name: None)
    with pytest.raises(GoldmasterError, match="openssl is not installed"):
        Signer(private_key(), store)
