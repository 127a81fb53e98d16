"""The authoritative server's folder of domU images, and a real rsync daemon to serve it."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from support.waiting import until

Files = Mapping[str, bytes]
_NO_PORT = 10  # rsync's exit status for a socket error
KERNELS = b"base.ffs XEN3_DOMU_RO\n"


def private_key(name: str = "ours") -> Path:
    """An RSA key, created as in docs/images.md; one for each name and run of the tests."""
    return _key(name)


@cache
def _key(name: str) -> Path:
    folder = Path(mkdtemp(prefix="goldmaster-key-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    key = folder / name
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    return key


@cache
def public_key(name: str = "ours") -> str:
    """The public key for servers."""
    return subprocess.run(
        ["openssl", "rsa", "-in", private_key(name), "-pubout"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def signature(data: bytes, key: str = "ours") -> bytes:
    """Sign `data` with openssl."""
    return subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", private_key(key)],
        input=data,
        check=True,
        capture_output=True,
    ).stdout


def image(seed: str, size: int = 300_000) -> bytes:
    """An image with unique bytes."""
    piece = hashlib.sha256(seed.encode()).digest()
    return (piece * (size // len(piece) + 1))[:size]


class Shelf:
    """A folder as created by `doit image-server`, but implemented independently."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def add(
        self,
        version: str,
        files: Files,
        *,
        key: str = "ours",
        listed: str = "",
        number: int = 0,
        sizes: Mapping[str, int] | None = None,
    ) -> Path:
        """Add a version.

        listed  additional lines of its list
        number  number of LATEST, which then names this version
        sizes   wrong sizes to announce
        """
        folder = self.folder / version
        folder.mkdir()
        every = {"KERNELS": KERNELS, **files}
        announced = {name: len(data) for name, data in every.items()} | dict(sizes or {})
        text = (
            version + "\n" + "".join(f"{name} {size}\n" for name, size in sorted(announced.items()))
        )
        every["VERSION"] = text.encode()
        for name, data in every.items():
            (folder / name).write_bytes(data)
        self.sign(version, every, key=key, listed=listed)
        if number:
            self.latest(version, number, key=key)
        return folder

    def sign(self, version: str, files: Files, *, key: str = "ours", listed: str = "") -> None:
        """Write the list of a version, and its signature."""
        lines = [
            f"SHA256 ({name}) = {hashlib.sha256(data).hexdigest()}\n"
            for name, data in sorted(files.items())
        ]
        text = ("".join(lines) + listed).encode()
        (self.folder / version / "SHA256").write_bytes(text)
        (self.folder / version / "SHA256.sig").write_bytes(signature(text, key))

    def latest(self, version: str, number: int, *, key: str = "ours") -> None:
        """Set the version that all hosts should have."""
        line = f"{version} {number}\n".encode()
        base64 = subprocess.run(
            ["openssl", "base64"], input=signature(line, key), check=True, capture_output=True
        ).stdout
        (self.folder / "LATEST").write_bytes(line + base64)

    def remove(self, version: str) -> None:
        """Remove a version from the server."""
        shutil.rmtree(self.folder / version)


class RsyncDaemon:
    """A real rsync daemon on loopback with the module `images`. Use it as a context manager."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._port = 0
        # as root it would become nobody, who cannot read the tests' folders
        me = "uid = 0\ngid = 0\n" if os.geteuid() == 0 else ""
        scratch.mkdir()
        (scratch / "rsyncd.conf").write_text(
            f"use chroot = no\n{me}pid file = {scratch}/pid\nlog file = {scratch}/log\n"
            f"[images]\npath = {folder}\nread only = yes\n"
        )
        self._argv = [
            "rsync",
            "--daemon",
            "--no-detach",
            "--address=127.0.0.1",
            f"--config={scratch}/rsyncd.conf",
        ]

    @property
    def url(self) -> str:
        """URL of the module."""
        return f"rsync://127.0.0.1:{self._port}/images"

    def __enter__(self) -> RsyncDaemon:
        while True:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self._port = free.getsockname()[1]
            self._process = subprocess.Popen(
                [*self._argv, f"--port={self._port}"], stdin=subprocess.DEVNULL
            )
            until(lambda: self._process.poll() is not None or self._answers())
            if self._process.poll() is None:
                return self  # otherwise another test has taken the port
            assert self._process.returncode == _NO_PORT

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0


def check_digests(folder: Path) -> None:
    """Check a folder against its SHA512, and that against its signature, with independent tools."""
    subprocess.run(["sha512sum", "--quiet", "--strict", "-c", "SHA512"], cwd=folder, check=True)
    if (folder / "SHA512.sig").exists():
        (folder.parent / "pem").write_text(public_key())
        subprocess.run(
            [
                "openssl",
                "dgst",
                "-sha256",
                "-verify",
                folder.parent / "pem",
                "-signature",
                "SHA512.sig",
                "SHA512",
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
