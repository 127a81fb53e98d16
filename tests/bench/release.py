"""Releases with as much in them as real ones: mini, with filler in its sets.

Each stands outside of the checkout, with a mirror and a key of its own, and is named by its path.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pysequoia
import sources

_PRESSED = re.compile(r"^pressed_\w+ = .*\n", re.MULTILINE)
_LIST = re.compile(r'^list = "(.*)"', re.MULTILINE)
_PATH = re.compile(r'^path = "(NetBSD/.*)"', re.MULTILINE)


def with_sources(project: Path, folder: Path, filler: list[Path]) -> list[str]:
    """Settings that choose mini with more in its source sets, which is made in `folder`."""

    def change(path: Path, text: str) -> str:
        for archive in filler:
            target = path / "source" / "sets" / archive.name
            first = target.rename(target.with_suffix(".mini"))
            sources.behind(first, archive, target)
            first.unlink()
        return text

    return _make(project, folder, "real", change)


def with_set(project: Path, folder: Path, archive: Path) -> list[str]:
    """Settings that choose mini with one more binary set, which is made in `folder`."""

    def change(path: Path, text: str) -> str:
        shutil.copy2(archive, path / "amd64" / "binary" / "sets")
        return re.sub(
            r"^binary_sets = \[", f'binary_sets = ["{archive.stem}", ', text, flags=re.MULTILINE
        )

    return _make(project, folder, "large", change)


def _make(project: Path, folder: Path, name: str, change: Callable[[Path, str], str]) -> list[str]:
    """Make the release unless it is there.

    project  a checkout in which mini has been built, so that its mirror is pressed
    change   changes the files below the release's folder, and the definition's text
    """
    definition, mirror = folder / f"{name}.toml", folder / "mirror"
    settings = [f"release={definition}", f"mirror={mirror}"]
    if definition.with_suffix(".lock").exists():
        return settings
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project / "build" / "mirror" / "mini", mirror)
    text = _PRESSED.sub("", (project / "sets" / "mini.toml").read_text())
    found, listed = _PATH.search(text), _LIST.search(text)
    assert found is not None
    assert listed is not None
    path, digests = mirror / found[1], mirror / listed[1]
    text = change(path, text)
    certificate = _sign(path, digests)
    (folder / "key.asc").write_text(str(certificate))
    text = re.sub(r'key = ".*"', 'key = "key.asc"', text)
    text = re.sub(r'fingerprint = "\w+"', f'fingerprint = "{certificate.fingerprint}"', text)
    text = text.replace("mirrors = []", 'mirrors = ["https://mirror.invalid"]')  # none is asked
    definition.write_text(text.replace('name = "mini"', f'name = "{name}"'))
    subprocess.run(
        [sys.executable, "-m", "doit", "lock", *settings],
        cwd=project,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return settings


def _sign(path: Path, digests: Path) -> pysequoia.Cert:
    """Make the signed list, and those beside the sets, anew; the certificate of who signed."""
    lines = []
    for archive in sorted(path.rglob("*.tgz")):
        with archive.open("rb") as file:
            sha512 = hashlib.file_digest(file, "sha512").hexdigest()
        lines.append(f"SHA512 ({archive.relative_to(path.parent)}) = {sha512}\n")
    for place in {archive.parent for archive in path.rglob("*.tgz")}:
        for name in ("MD5", "SHA512"):
            with (place / name).open("w") as out:
                for archive in sorted(place.glob("*.tgz")):
                    with archive.open("rb") as file:
                        digest = hashlib.file_digest(file, name.lower()).hexdigest()
                    out.write(f"{name} ({archive.name}) = {digest}\n")
    key = pysequoia.Tsk.generate("goldmaster benchmarks")
    digests.write_bytes(
        pysequoia.sign(key.signer(), "".join(lines).encode(), mode=pysequoia.SignatureMode.CLEAR)
    )
    return key.extract_certificate()
