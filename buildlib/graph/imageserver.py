"""The folder of the authoritative server, from which hosts fetch domU images.

    DIR/LATEST      `VERSION NUMBER`, and below it the signature of that line in base64
    DIR/VERSION/    images, kernels, KERNELS, VERSION, SHA256, and SHA256.sig

Versions stay beside each other until somebody removes one. Each appears by one rename, and so does
LATEST, after the version that it names; so a server may serve the folder while it is written to,
and a kill leaves nothing but a hidden folder, which the next run removes.

NUMBER grows with every change of LATEST. A host follows no LATEST of a smaller number than it has
followed: whoever stands in the server's place can hold a version back, but not bring one back.

Signatures are RSA PKCS #1 v1.5 with SHA-256 (RFC 8017), by the host's openssl. They depend on
nothing but key and content, so what is signed already is found to be so by signing it again.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buildlib.graph.servedfiles import beside, copy, replace, sha256_of, sync, write
from buildlib.stages.imagefolder import DIGESTS
from buildlib.stages.imageversion import VERSION
from buildlib.store.store import Store
from buildlib.store.surroundings import find_tool, now
from buildlib.words.digest import Blob
from buildlib.words.errors import ConfigError, ToolError

SIGNATURE_OF = "{}.sig"
LATEST, SIGNATURE = "LATEST", SIGNATURE_OF.format(DIGESTS)
_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Served:
    """The version that LATEST names now. is_new: it was not there; is_named: LATEST has changed."""

    version: str
    is_new: bool
    is_named: bool


class Signer:
    """Signs with the RSA key in the file `key`. It is read by openssl alone, and copied nowhere."""

    def __init__(self, key: Path, store: Store) -> None:
        self._key, self._store = key.absolute(), store
        tool = find_tool("openssl")
        if tool is None:
            raise ToolError("the tool openssl is not installed", reason="tool-missing",
                            hint="apt-get install --no-install-recommends openssl")
        self._tool = tool
        self._check()

    def _check(self) -> None:
        try:
            mode = self._key.stat().st_mode
        except OSError as error:
            raise ConfigError("the signing key cannot be read", where=self._key,
                              why=error.strerror, hint=_MAKE, reason="signing-key") from error
        if mode & 0o077:
            raise ConfigError("others may read the signing key", where=self._key,
                              hint=f"chmod 600 {self._key}", reason="signing-key")
        try:
            self._run("rsa", "-in", self._key, "-noout")
        except ToolError as error:
            raise ConfigError(
                "the signing key is no RSA key, or has a passphrase", where=self._key,
                why="\n".join(error.tail), hint=_MAKE, reason="signing-key") from error

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`. Raises ToolError."""
        with _scratch(self._store) as folder:
            (folder / "text").write_bytes(data)
            self._run("dgst", "-sha256", "-sign", self._key, "-out", folder / "signature",
                      folder / "text")
            return (folder / "signature").read_bytes()

    def _run(self, *words: str | Path) -> None:
        self._store.runner.run([self._tool, *words], cwd=self._store.build,
                               log=self._store.logs / "signing.log")


_MAKE = "a new key: openssl genrsa -out FILE 3072"


@contextmanager
def _scratch(store: Store) -> Iterator[Path]:
    folder = Path(store.blobs.fresh())
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(folder: Path, files: Mapping[str, Blob], store: Store, signer: Signer) -> Served:
    """Have the version that `files` (name to content) are in `folder`, signed, and LATEST name it.

    What is there and right is left alone. Raises GoldmasterError and OSError.
    """
    version = store.blobs.read(files[VERSION].sha256).decode().partition("\n")[0]
    signature = signer.sign(store.blobs.read(files[DIGESTS].sha256))
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / version
    for rest in (*folder.glob(".*.new"), *place.glob(".*.new")):
        if rest.is_dir():
            shutil.rmtree(rest)
        else:
            rest.unlink()
    is_new = not place.is_dir()
    if is_new:
        _add(place, files, signature, store)
    else:
        _mend(place, files, signature, store)
    return Served(version, is_new, _name_latest(folder, version, signer))


def _add(place: Path, files: Mapping[str, Blob], signature: bytes, store: Store) -> None:
    """A version of its own, by one rename."""
    fresh = beside(place)
    fresh.mkdir()
    try:
        for name, blob in files.items():
            copy(blob, fresh / name, store)
        write(fresh / SIGNATURE, signature)
        sync(fresh)
    except OSError:  # a full disk, which it shall not keep full
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    fresh.rename(place)
    sync(place.parent)


def _mend(place: Path, files: Mapping[str, Blob], signature: bytes, store: Store) -> None:
    """What is missing or damaged in a version that is there; its signature, by another key."""
    for name, blob in files.items():
        path = place / name
        if not path.is_file() or sha256_of(path) != blob.sha256:
            copy(blob, beside(path), store)
            beside(path).replace(path)
    path = place / SIGNATURE
    if not path.is_file() or path.read_bytes() != signature:
        replace(path, signature)
    sync(place)


def _name_latest(folder: Path, version: str, signer: Signer) -> bool:
    """LATEST names `version`, by a greater number than before if anything changes; whether so."""
    path = folder / LATEST
    before = path.read_bytes() if path.is_file() else b""
    number = _number(before)
    if before == _latest(version, number, signer):
        return False
    replace(path, _latest(version, max(number + 1, int(now())), signer))
    sync(folder)
    return True


def _number(latest: bytes) -> int:
    words = latest.partition(b"\n")[0].split()
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else 0


def _latest(version: str, number: int, signer: Signer) -> bytes:
    line = f"{version} {number}\n".encode()
    text = base64.b64encode(signer.sign(line))
    rows = [text[at : at + _COLUMNS] + b"\n" for at in range(0, len(text), _COLUMNS)]
    return line + b"".join(rows)
