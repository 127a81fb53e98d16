"""The authoritative server's folder as created by `serve`, checked like a server's scripts do."""

from __future__ import annotations

import subprocess
from pathlib import Path

from buildlib.model.digest import Blob, sha256
from buildlib.operations.fleet.image_server import Served, Signer, serve
from buildlib.store.store import Store
from support.servers.image_server import private_key, public_key


def version(store: Store, name: str, image: bytes = b"an image") -> dict[str, Blob]:
    contents = {"base.ffs": image, "VERSION": f"{name}\nbase.ffs {len(image)}\n".encode()}
    digests = "".join(f"SHA256 ({path}) = {sha256(data)}\n" for path, data in contents.items())
    contents["SHA256"] = digests.encode()
    return {path: store.blobs.put(data) for path, data in contents.items()}


def put(
    store: Store, folder: Path, name: str, *, key: str = "ours", image: bytes = b"an image"
) -> Served:
    return serve(folder, version(store, name, image), store, Signer(private_key(key), store))


def is_signed(text: bytes, signature: Path, folder: Path, key: str = "ours") -> bool:
    """Check a signature like goldmaster-images."""
    (folder.parent / "pem").write_text(public_key(key))
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", folder.parent / "pem", "-signature", signature],
        input=text,
        capture_output=True,
    )
    return done.returncode == 0


def latest(folder: Path, key: str = "ours") -> tuple[str, int]:
    """The version in LATEST, whose signature must be valid."""
    line, _, rest = (folder / "LATEST").read_bytes().partition(b"\n")
    plain = subprocess.run(
        ["openssl", "base64", "-d"], input=rest, check=True, capture_output=True
    ).stdout
    (folder.parent / "sig").write_bytes(plain)
    assert is_signed(line + b"\n", folder.parent / "sig", folder, key)
    name, number = line.decode().split()
    return name, int(number)


def check(folder: Path, key: str = "ours") -> None:
    """Check that all versions are complete, and LATEST names one."""
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
