"""A release is one TOML and no code: one of another name, form and signer, from bad mirrors."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import re
import tomllib
from pathlib import Path

import pysequoia
import pytest
from support.checkouts.scratch import Scratch
from support.servers.mirror import Fault, Mirror

from buildlib.sources.checksums import format_list

PATH = "NetBSD/Tiny-7"
SETS = f"{PATH}/amd64/binary/sets"
LIST, KEY = "NetBSD/security/hashes/Tiny-7_hashes.asc", "NetBSD/security/PGP/officers.asc"
PACKAGES = "pkgsrc/packages/NetBSD/x86_64/1.0_2026Q1/All"

DEFINITION = """\
name = "tiny"
version = "1.0"
mirrors = ["{gone}", "{cut}/pub/"]
path = "NetBSD/Tiny-7"
source_suffix = ".tar.xz"
binary_sets = ["base", "etc"]

[archives]
"NetBSD/Tiny-7" = "{archive}/old/Tiny-7"

[signature]
list = "NetBSD/security/hashes/Tiny-7_hashes.asc"
key = "trusted/officer.asc"
key_path = "NetBSD/security/PGP/officers.asc"
fingerprint = "{fingerprint}"

[packages]
path = "pkgsrc/packages/NetBSD/x86_64/1.0_2026Q1/All"

[build]
flags = ["-N", "1", "-V", "MKREPRO=yes"]

[build.compiler]
headers = []

[build.space]
sources = 2
toolchain = 2
kernel = 2
files = 300

[boot]
expect = ["dom0 up"]
"""


def repacked(mini: Path, signer: pysequoia.Tsk, other: pysequoia.Tsk) -> dict[str, bytes]:
    """A mirror with what mini's has, in archives of another form and signed by somebody else."""
    files: dict[str, bytes] = {}
    for path in sorted((mini / "NetBSD" / "NetBSD-mini").rglob("*.tgz")):
        name = path.relative_to(mini / "NetBSD" / "NetBSD-mini").with_suffix(".tar.xz")
        files[f"{PATH}/{name}"] = lzma.compress(gzip.decompress(path.read_bytes()), preset=1)
    digests = {
        path.removeprefix("NetBSD/"): hashlib.sha512(data).hexdigest()
        for path, data in files.items()
    }
    lists = {}
    for folder in {path.rpartition("/")[0] for path in files}:
        for algorithm in ("MD5", "SHA512"):
            lists[f"{folder}/{algorithm}"] = format_list(
                algorithm,
                {
                    path.rpartition("/")[2]: hashlib.new(algorithm.lower(), data).hexdigest()
                    for path, data in files.items()
                    if path.rpartition("/")[0] == folder
                },
            )
    for path in (mini / "pkgsrc").rglob("*.*gz"):
        files[f"{PACKAGES}/{path.name}"] = path.read_bytes()
    files[LIST] = bytes(
        pysequoia.sign(
            signer.signer(), format_list("SHA512", digests), mode=pysequoia.SignatureMode.CLEAR
        )
    )
    files[KEY] = "".join(str(key.extract_certificate()) for key in (other, signer)).encode()
    return files | lists


def check_requests(locked: list[tuple[str, str]], archive: Mirror) -> None:
    """The set that broke off was gone on with, at last from the archive."""
    asked = [
        (path.rpartition("/")[2], bool(of)) for path, of in locked if path.endswith("/base.tar.xz")
    ]
    assert asked[-3:] == [("base.tar.xz", False), *[("base.tar.xz", True)] * 2]
    rest = dict(archive.requests)
    assert rest.keys() == {
        "old/Tiny-7/source/sets/src.tar.xz",  # asked if it answers, too
        "old/Tiny-7/amd64/binary/sets/base.tar.xz",
    }
    assert re.fullmatch(r"bytes=\d+-", rest["old/Tiny-7/amd64/binary/sets/base.tar.xz"])


def test_another_release_needs_no_code(template: Scratch, bare: Scratch, tmp_path: Path) -> None:
    """One mirror has nothing, one breaks off in the middle of a set, the archive has the rest."""
    signer, other = (pysequoia.Tsk.generate(name) for name in ("officer", "other"))
    files = repacked(template.path("build/mirror/mini"), signer, other)
    base, src = f"{SETS}/base.tar.xz", f"{PATH}/source/sets/src.tar.xz"
    pub = {f"pub/{path}": data for path, data in files.items() if path != src}
    old = {
        f"old/{path.removeprefix('NetBSD/')}": data
        for path, data in files.items()
        if path.startswith(f"{PATH}/")
    }
    definition = tmp_path / "elsewhere" / "tiny.toml"
    definition.parent.mkdir()
    with Mirror({}) as gone, Mirror(pub) as cut, Mirror(old) as archive:
        cut.misbehave(f"pub/{base}", Fault("cut", at=len(files[base]) // 5))
        definition.write_text(
            DEFINITION.format(
                gone=gone.url,
                cut=cut.url,
                archive=archive.url,
                fingerprint=signer.extract_certificate().fingerprint,
            )
        )
        said = bare.doit("lock", f"release={definition}").out
        assert "signing key  trusted/officer.asc: fetched, has the pinned fingerprint" in said
        assert (definition.parent / "trusted" / "officer.asc").read_bytes() == files[KEY]
        assert {path for path, _ in (*gone.requests, *cut.requests) if ".tar.xz" in path} == {
            base,
            f"pub/{base}",
        }, "a package requires a library of base"
        lock = json.loads(definition.with_suffix(".lock").read_text())
        assert lock["files"]["amd64/binary/sets/base.tar.xz"] == {
            "sha512": hashlib.sha512(files[base]).hexdigest()
        }
        locked, cut.requests[:] = list(cut.requests), []

        ran = bare.build("iso", f"release={definition}")
        assert {"toolchain", "unpack:base", "iso"} <= ran.built
        assert {path for path, _ in gone.requests} > {src, base}
        assert not any(PACKAGES in path for path, _ in cut.requests)  # the lock has fetched them
        assert not any(base in path for path, _ in cut.requests), "likewise"
        check_requests(locked, archive)
    assert bare.product("tiny-dom0.iso").stat().st_size > 1 << 20
    bare.doit("iso", f"release={definition}", "offline=yes")
    verified = bare.doit("verify", f"release={definition}").out
    assert all(line.startswith("ok ") for line in verified.splitlines()), verified


@pytest.mark.parametrize("release", ["netbsd-10.1", "netbsd-11.0"])
def test_a_lock_that_is_begun_says_all_that_is_missing(bare: Scratch, release: str) -> None:
    version = release.partition("-")[2]
    dom0, *domus = [
        tomllib.loads(path.read_text())
        for path in (
            bare.path("recipes/dom0.toml"),
            *sorted(bare.path("recipes/domu").glob("*.toml")),
        )
    ]
    named = dict.fromkeys(name for recipe in (dom0, *domus) for name in recipe.get("packages", ()))
    used = {name for recipe in (dom0, *domus) for name in recipe["sets"]}
    sets = sorted(used - {"base", "comp"} if version == "10.1" else used)
    ran = bare.doit("plan", f"release={release}", status=3)
    assert ran.out == ""
    assert ran.err.splitlines() == [
        "ERROR: the lock is incomplete",
        "  - keys/security-officer@netbsd.org.asc: the signing key is missing",
        f"  - NetBSD/security/hashes/NetBSD-{version}_hashes.asc: the signed list is not pinned",
        *(f"  - amd64/binary/sets/{name}.tar.xz: not pinned" for name in sets),
        "  - source/sets/MD5: not pinned",
        "  - source/sets/SHA512: not pinned",
        "  - amd64/binary/sets/MD5: not pinned",
        "  - amd64/binary/sets/SHA512: not pinned",
        *(f"  - {name}: the package is not pinned" for name in named),
        f"  where: sets/{release}.lock",
        f"  do:    complete it: doit lock release={release}",
    ]


def test_a_release_without_a_lock(bare: Scratch) -> None:
    ran = bare.doit("iso", "release=netbsd-9.4", status=3)
    assert "ERROR: the release netbsd-9.4 has no lock" in ran.err
    assert "make one: doit lock release=netbsd-9.4" in ran.err


def test_a_key_that_is_not_here(bare: Scratch) -> None:
    """Nothing fetches it but making the lock."""
    bare.remove("sets/keys/mini.asc")
    ran = bare.doit("iso", status=3)
    assert "ERROR: the signing key is missing" in ran.err
    assert "put it beside the release definition" in ran.err
    bare.edit("sets/mini.toml", "[signature]\n", '[signature]\nkey_path = "keys/mini.asc"\n')
    assert "fetch it: doit lock release=mini" in bare.doit("iso", status=3).err
