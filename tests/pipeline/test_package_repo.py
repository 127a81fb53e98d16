"""`doit package-repo` and `doit outdated`, on the miniature's packages and on signed ones."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from pathlib import Path

import pysequoia
from support.checkouts.scratch import Scratch
from support.machines.package_authority import Authority
from support.machines.packages import certificate, signed, signer
from support.readers.archives import gz
from support.servers.image_server import check_digests, private_key
from support.servers.mirror import Mirror

from buildlib.pkgsrc.advisories import format_list
from buildlib.pkgsrc.signed import X509, hash_file, wrap
from buildlib.pkgsrc.summary import parse

LZ4 = "sets/mini/packages/lz4/package.toml"
PACKAGES = "pkgsrc/packages/NetBSD/x86_64/1.0/All"


def locked(scratch: Scratch) -> dict[str, str]:
    """File names of the locked packages, and their SHA-512."""
    lock = json.loads(scratch.path("sets/mini.lock").read_text())
    return {item["file"]: item["pin"]["sha512"] for item in lock["packages"]}


def served(folder: Path) -> dict[str, str]:
    """What pkg_summary.gz says: file names and their SHA-512."""
    data = gzip.decompress((folder / "All/pkg_summary.gz").read_bytes())
    return {one.file_name: one.file_cksum.removeprefix("sha512 ") for one in parse([data])}


def listed(folder: Path) -> list[str]:
    """The packages of a served repository, by the programs that pkg_chk -b calls."""
    with Mirror(folder) as mirror:
        ran = subprocess.run(
            [
                "sh",
                "-c",
                "tnftp -V -o - $0 | gzip -cd | awk -F= '$1 == \"PKGNAME\" { print $2 }'",
                f"{mirror.url}/All/pkg_summary.gz",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
    return ran.stdout.split()


def test_from_the_lock_to_a_server_and_back(scratch: Scratch, tmp_path: Path) -> None:
    """The repository is served, and a lock made from it; then a package is upgraded."""
    folder = tmp_path / "public" / "All"  # it need not lie in the checkout
    ran = scratch.build("package-repo", f"packages={folder.parent}", f"key={private_key()}")
    assert "package-repo" in ran.built
    check_digests(folder.parent)
    assert served(folder.parent) == locked(scratch)
    assert (
        scratch.build("package-repo", f"packages={folder.parent}", f"key={private_key()}").built
        == frozenset()
    )
    assert [f"{name}.tgz" for name in listed(folder.parent)] == sorted(locked(scratch))
    before = scratch.path("sets/mini.lock").read_bytes()
    definition = scratch.path("sets/mini.toml")
    text = definition.read_text()
    mirror_folder = scratch.path("build/mirror/mini")
    files = {
        path.relative_to(mirror_folder).as_posix(): path.read_bytes()
        for path in mirror_folder.rglob("*")
        if path.is_file() and PACKAGES not in str(path)
    }
    files |= {
        f"fleet/{path.relative_to(folder.parent)}": path.read_bytes()
        for path in folder.parent.rglob("*")
        if path.is_file()
    }
    with Mirror(files) as mirror:
        definition.write_text(text.replace(PACKAGES, "fleet/All"))
        scratch.doit("lock", f"mirror={mirror.url}")
        again = json.loads(scratch.path("sets/mini.lock").read_text())
        assert again["packages"] == json.loads(before)["packages"]
    definition.write_text(text)
    scratch.doit("lock")
    assert scratch.path("sets/mini.lock").read_bytes() == before

    scratch.edit(LZ4, "lz4-1.10.0", "lz4-1.10.1")
    scratch.doit("lock")
    scratch.build("package-repo", f"packages={folder.parent}")
    check_digests(folder.parent)
    names = {path.name for path in folder.iterdir()}
    assert ("lz4-1.10.1.tgz" in names, "lz4-1.10.0.tgz" in names) == (True, False)
    assert not (folder.parent / "SHA512.sig").exists(), "it was of another list"


def test_a_repository_that_moved_on_changes_nothing(scratch: Scratch, tmp_path: Path) -> None:
    """`outdated` tells it; builds go on as before; `lock` takes it in."""
    count = len(locked(scratch))
    assert scratch.doit("outdated").out == (f"all {count} packages are the repository's newest\n")
    before = scratch.path("sets/mini.lock").read_bytes()
    scratch.edit(LZ4, "lz4-1.10.0", "lz4-1.10.1nb1")
    advisories = tmp_path / "vulns"
    advisories.write_bytes(
        format_list(
            [
                ("lz4<1.10.1", "memory-corruption", "https://example.org/advisory/1"),
                ("rsync<3", "old", "https://example.org/advisory/2"),
                ("{lib,}archive-[0-9]*", "eol", "https://example.org/eol"),
            ]
        )
    )
    told = scratch.doit("outdated", f"vulnerabilities={advisories}", status=1)
    assert re.search(
        r"^lz4 +1\.10\.0 +1\.10\.1nb1 +newer +dom0, domu/pkgrepo$", told.out, re.MULTILINE
    )
    assert told.out.splitlines()[-3:] == [
        "lz4-1.10.0: memory-corruption (dom0, domu/pkgrepo), not in lz4-1.10.1nb1",
        "    https://example.org/advisory/1",
        "1 advisory about 1 package",
    ]
    assert "is not checked: mini names no key" in told.err
    ran = scratch.doit("outdated", "--json", "--eol", f"vulnerabilities={advisories}", status=1)
    document = json.loads(ran.out)
    assert [row["state"] for row in document["outdated"]] == ["newer"]
    assert {one["kind"] for one in document["vulnerabilities"]} == {"memory-corruption", "eol"}
    assert scratch.build("iso").built <= {"press", "mirror"}
    assert scratch.path("sets/mini.lock").read_bytes() == before
    assert "upgrade      lz4 1.10.0 → 1.10.1nb1\n" in scratch.doit("lock").out
    assert scratch.doit("outdated", f"vulnerabilities={advisories}").status == 0


def test_a_signed_list_of_advisories(scratch: Scratch, tmp_path: Path) -> None:
    """Offline, from a file: only the lock is looked at."""
    scratch.path("sets/keys/advisories.asc").write_text(str(certificate()))
    scratch.append("sets/mini.toml", "")
    scratch.edit(
        "sets/mini.toml",
        "[packages]\n",
        "[packages]\nadvisories_key = "
        f'"keys/advisories.asc"\nadvisories_fingerprint = "{certificate().fingerprint}"\n',
    )
    plain = format_list([("zstd-[0-9]*", "forgery", "https://example.org/z")])
    message = bytes(pysequoia.sign(signer().signer(), plain, mode=pysequoia.SignatureMode.CLEAR))
    (tmp_path / "vulns.gz").write_bytes(gz(message))
    words = (
        "outdated",
        f"vulnerabilities={tmp_path}/vulns.gz",
        "offline=yes",
        "mirror=http://127.0.0.1:9",
    )
    ran = scratch.doit(*words, status=1)
    assert "zstd-1.5.6: forgery" in ran.out
    assert ran.err == "not compared with the repository: fetching is disabled (offline=yes)\n"
    (tmp_path / "vulns.gz").write_bytes(gz(plain))
    assert "the list is not signed" in scratch.doit(*words, status=3).err


def test_signed_packages_all_the_way(scratch: Scratch, tmp_path: Path) -> None:
    """Locked, built from, and served signed; one by another signer stops the lock."""
    mirror, folder = scratch.path("build/mirror/mini"), tmp_path / "mirror"
    subprocess.run(["cp", "-a", mirror, folder], check=True)
    for path in (folder / PACKAGES).glob("*.tgz"):
        data = signed(path.stem, path.read_bytes())
        path.unlink()  # it is the store's
        path.write_bytes(data)
    definition = scratch.path("sets/mini.toml")
    unsigned = scratch.doit("lock", f"mirror={folder}", status=3)
    assert "the package is signed, but the release definition names no key" in unsigned.err
    scratch.path("sets/keys/packager.asc").write_text(str(certificate()))
    text = definition.read_text().replace(
        "[packages]\n",
        (f'[packages]\nkey = "keys/packager.asc"\nfingerprint = "{certificate().fingerprint}"\n'),
    )
    definition.write_text(text)
    assert "made for another release definition" in scratch.doit("iso", status=3).err
    scratch.doit("lock", f"mirror={folder}")
    ran = scratch.build("root:base", "package-repo", f"mirror={folder}")
    assert {name for name in ran.built if name.startswith("signed:")} == {
        f"signed:{name}" for name in locked(scratch)
    }
    assert "packages:dom0" not in ran.built
    ran = scratch.build("root", f"mirror={folder}")
    assert not {name for name in ran.built if name.startswith("root:")}, "the trees are the same"
    check_digests(scratch.path("dist/packages"))
    for name in locked(scratch):
        assert (scratch.path("dist/packages/All") / name).read_bytes() == (
            folder / PACKAGES / name
        ).read_bytes()
    verified = scratch.doit("verify", f"mirror={folder}").out
    assert re.search(r"^ok +\S+/lz4-1\.10\.0\.tgz +lock, signature$", verified, re.MULTILINE)
    path = folder / PACKAGES / "lz4-1.10.0.tgz"
    path.write_bytes(signed("lz4-1.10.0", (mirror / PACKAGES / path.name).read_bytes(), by="other"))
    refused = scratch.doit("lock", f"mirror={folder}", status=3)
    assert "ERROR: the signature is not good" in refused.err
    assert f"{PACKAGES}/lz4-1.10.0.tgz" in refused.err
    scratch.path("sets/keys/packager.asc").unlink()
    for words in (("lock",), ("verify",), ("root:base",)):
        ran = scratch.doit(*words, f"mirror={folder}", status=None)
        assert "ERROR: " in ran.err
        assert "keys/packager.asc" in ran.err


def test_packages_signed_by_an_authority(scratch: Scratch, tmp_path: Path) -> None:
    """Locked, built from and verified; one of another authority stops the lock."""
    mirror, folder = scratch.path("build/mirror/mini"), tmp_path / "mirror"
    subprocess.run(["cp", "-a", mirror, folder], check=True)
    ours, other = (Authority(tmp_path / name, name) for name in ("ours", "other"))

    def sign(path: Path, by: Authority) -> None:
        package = (mirror / PACKAGES / path.name).read_bytes()
        signature = by.sign("packager", hash_file(path.stem, package))
        path.unlink()  # it is the store's
        path.write_bytes(wrap(path.stem, package, signature, kind=X509))

    ours.certify("packager")
    for path in (folder / PACKAGES).glob("*.tgz"):
        sign(path, ours)
    scratch.path("sets/keys/packages.pem").write_bytes(ours.certificate)
    scratch.edit(
        "sets/mini.toml",
        "[packages]\n",
        f'[packages]\ncertificate = "keys/packages.pem"\nfingerprint = "{ours.fingerprint}"\n',
    )
    scratch.doit("lock", f"mirror={folder}")
    ran = scratch.build("root:base", f"mirror={folder}")
    assert any(name.startswith("signed:") for name in ran.built)
    assert not {name for name in ran.built if name.startswith("root:")}, "the tree is the same"
    verified = scratch.doit("verify", f"mirror={folder}").out
    assert re.search(r"^ok +\S+/lz4-1\.10\.0\.tgz +lock, signature$", verified, re.MULTILINE)
    other.certify("packager")
    sign(folder / PACKAGES / "lz4-1.10.0.tgz", other)
    refused = scratch.doit("lock", f"mirror={folder}", status=3)
    assert "ERROR: the signature is not valid" in refused.err
    assert f"{PACKAGES}/lz4-1.10.0.tgz" in refused.err


def test_what_is_wrong_is_told_before_anything_is_built(bare: Scratch) -> None:
    ran = bare.build("package-repo", "key=none", status=3)
    assert [event["reason"] for event in ran.errors] == ["signing-key"]
    assert not ran.built
    ran = bare.doit("outdated", "vulnerabilities=/nowhere/list", status=3)
    assert "ERROR: the file cannot be read" in ran.err
    assert "/nowhere/list" in ran.err
    assert "takes no task" in bare.doit("outdated", "iso", status=3).err
