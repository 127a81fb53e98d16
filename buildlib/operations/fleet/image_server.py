"""The folder of the authoritative server, from which hosts fetch domU images.

    DIR/LATEST      `VERSION NUMBER`, and below it the signature of that line in base64
    DIR/VERSION/    images, kernels, KERNELS, VERSION, SHA256, and SHA256.sig

Versions are kept until somebody removes one. Each version appears by a single rename, and LATEST is
renamed after the version that it names. So a server may serve the folder while it is written to,
and a kill leaves only a hidden folder, which the next run removes.

NUMBER grows with every change of LATEST; only a LATEST signed by this key is considered. A host
does not accept a LATEST with a smaller number than one it has accepted: someone who takes over the
server can withhold new versions but not bring back old ones.

NUMBER is the time at which LATEST was signed, in seconds since 1970 (more, if the clock was
behind). The LATEST of an unchanged version is signed again when it is a day old. So a host can tell
by the age of LATEST that newer ones are withheld, or that nobody signs any more.

Signatures are RSA PKCS #1 v1.5 with SHA-256 (RFC 8017), made by the host's openssl. They depend
only on key and content, so an existing signature is checked by signing again.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buildlib.host.atomic_files import beside, leftovers, move, remove, serve_folder
from buildlib.host.environment import find_tool, now
from buildlib.host.reading import read_small
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, MissingBlob, ToolError
from buildlib.model.numbers import whole_number
from buildlib.operations.served_files import copy, is_file, sha256_of, write
from buildlib.stages.images.image_folder import DIGESTS
from buildlib.stages.images.image_version import VERSION
from buildlib.store.store import Store

SIGNATURE_OF = "{}.sig"
LATEST, SIGNATURE = "LATEST", SIGNATURE_OF.format(DIGESTS)
MOST = 10**15 - 1  # hosts handle fifteen digits
_COLUMNS = 64
_LARGEST = 1 << 16  # bytes of a LATEST: a line and a signature
_FRESH = 86_400  # seconds before LATEST is signed again


@dataclass(frozen=True, slots=True)
class Served:
    """The version that LATEST names; is_new: it was added; is_named: LATEST was changed."""

    version: str
    is_new: bool
    is_named: bool


class Signer:
    """Signs with the RSA key in the file `key`. Only openssl reads the key; it is never copied."""

    def __init__(self, key: Path, store: Store) -> None:
        self._key, self._store = key.absolute(), store
        tool = find_tool("openssl")
        if tool is None:
            raise ToolError(
                "the tool openssl is not installed",
                reason="tool-missing",
                hint="apt-get install --no-install-recommends openssl",
            )
        self._tool = tool
        self._check()

    def _check(self) -> None:
        try:
            mode = self._key.stat().st_mode
        except OSError as error:
            raise ConfigError(
                "the signing key cannot be read",
                where=self._key,
                why=error.strerror,
                hint=_MAKE,
                reason="signing-key",
            ) from error
        if mode & 0o077:
            raise ConfigError(
                "other users can read the signing key",
                where=self._key,
                hint=f"chmod 600 {self._key}",
                reason="signing-key",
            )
        try:
            self._run("rsa", "-in", self._key, "-noout")
        except ToolError as error:
            raise ConfigError(
                "the signing key is not an RSA key, or has a passphrase",
                where=self._key,
                why="\n".join(error.tail),
                hint=_MAKE,
                reason="signing-key",
            ) from error

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`. Raises ToolError."""
        with _scratch(self._store) as folder:
            (folder / "text").write_bytes(data)
            self._run(
                "dgst", "-sha256", "-sign", self._key, "-out", folder / "signature", folder / "text"
            )
            return (folder / "signature").read_bytes()

    def _run(self, *words: str | Path) -> None:
        self._store.runner.run(
            [self._tool, *words], cwd=self._store.build, log=self._store.logs / "signing.log"
        )


_MAKE = "to create a key: openssl genrsa -out FILE 3072"


@contextmanager
def _scratch(store: Store) -> Iterator[Path]:
    folder = Path(store.blobs.fresh())
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(folder: Path, files: Mapping[str, Blob], store: Store, signer: Signer) -> Served:
    """Add the version with `files` (name to content) to `folder`, signed, and set LATEST to it.

    Correct files are left alone. Raises GoldmasterError and OSError.
    """
    version = store.blobs.read(files[VERSION].sha256).decode().partition("\n")[0]
    signature = signer.sign(store.blobs.read(files[DIGESTS].sha256))
    serve_folder(folder)
    place = folder / version
    for rest in (*leftovers(folder), *leftovers(place)):
        remove(rest)
    is_new = not place.is_dir()
    if is_new:
        _add(place, files, signature, store)
    else:
        _repair(place, files, signature, store)
    return Served(version, is_new, _name_latest(folder, version, signer))


def _add(place: Path, files: Mapping[str, Blob], signature: bytes, store: Store) -> None:
    """Add a new version by one rename."""
    fresh = Path(beside(place))
    serve_folder(fresh)
    try:
        for name, blob in files.items():
            copy(blob, fresh / name, store)
        write(fresh / SIGNATURE, signature)
    except (OSError, MissingBlob):  # free the space again if the disk is full
        remove(fresh)
        raise
    move(fresh, place, durable=True)


def _repair(place: Path, files: Mapping[str, Blob], signature: bytes, store: Store) -> None:
    """Replace missing or damaged files of an existing version, and its signature if outdated."""
    serve_folder(place)
    for name, blob in files.items():
        path = place / name
        if not is_file(path, blob.size) or sha256_of(path) != blob.sha256:
            copy(blob, path, store)
    write(place / SIGNATURE, signature)


def _name_latest(folder: Path, version: str, signer: Signer) -> bool:
    """Set LATEST to `version` with a greater number, if it names another version or its number is
    a day old; returns whether it was written.
    """
    path = folder / LATEST
    named, number = _signed(path, signer)
    if named == version and number <= MOST and now() - number < _FRESH:
        is_file(path, path.stat().st_size)  # makes it readable for others
        return False
    if number >= MOST:
        raise ConfigError(
            "LATEST has the greatest number that hosts can handle",
            where=path,
            why=f"it is {number}; hosts accept at most fifteen digits",
            hint="remove LATEST, and reset the number stored on each host",
            reason="latest-number",
        )
    return write(path, _latest(version, max(number + 1, int(now())), signer))


def _signed(path: Path, signer: Signer) -> tuple[str, int]:
    """Version and number of a LATEST that this key signed. One by anybody else who can write to
    the folder is ignored.
    """
    try:
        latest = read_small(path, most=_LARGEST)
        version, number = latest.partition(b"\n")[0].decode("ascii").split()
        counted = whole_number(number)
    except (OSError, ValueError):
        return "", 0
    return (version, counted) if latest == _latest(version, counted, signer) else ("", 0)


def _latest(version: str, number: int, signer: Signer) -> bytes:
    line = f"{version} {number}\n".encode()
    text = base64.b64encode(signer.sign(line))
    rows = [text[at : at + _COLUMNS] + b"\n" for at in range(0, len(text), _COLUMNS)]
    return line + b"".join(rows)
