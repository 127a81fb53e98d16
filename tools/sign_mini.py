"""Sign the release `mini` again, after a change to its sources.

    python tools/sign_mini.py && doit lock release=mini

A new key is generated, signs the list of the sets' digests, and is discarded. Only the certificate
(sets/keys/mini.asc), the signed list (sets/mini/hashes.asc) and the fingerprint in sets/mini.toml
are kept. So there is no secret to protect, and every change shows as a new signature.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import pysequoia

from buildlib.cli.commands.lock import press
from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import Settings
from buildlib.sources.checksums import format_list
from buildlib.store.store import Store


def main() -> None:
    """Build the mirror, list its digests and sign them."""
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(Path(scratch))
        places = Places(root, store.seen, lambda: root)
        configuration = read_configuration(Settings(build=scratch), places)
        release = configuration.release
        mirror = press(configuration, store)
        digests = {}
        for path in release.set_paths():
            lines = (mirror / release.path / path).parent.joinpath("SHA512").read_text()
            digest = re.search(rf"\({re.escape(Path(path).name)}\) = (\w+)", lines)
            assert digest is not None
            digests[f"{Path(release.path).name}/{path}"] = digest[1]
    key = pysequoia.Tsk.generate("goldmaster mini release")
    signed = pysequoia.sign(
        key.signer(), format_list("SHA512", digests), mode=pysequoia.SignatureMode.CLEAR
    )
    definition = configuration.definition.path
    (definition.parent / "mini" / "hashes.asc").write_bytes(signed)
    keys = definition.parent / "keys"
    keys.mkdir(exist_ok=True)
    certificate = key.extract_certificate()
    (keys / "mini.asc").write_text(str(certificate))
    text = definition.read_text()
    definition.write_text(
        re.sub(r'fingerprint = "\w+"', f'fingerprint = "{certificate.fingerprint}"', text)
    )
    sys.stdout.write(f"signed by {certificate.fingerprint}\n")


if __name__ == "__main__":
    main()
