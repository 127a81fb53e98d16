"""Metadata of packages: what is read, and how much."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from support.machines.packages import certificate, packed, signed, source
from support.stages.stage_bench import Bench

from buildlib.model.errors import ArchiveError, SourceError
from buildlib.pkgsrc import package_file
from buildlib.pkgsrc.package_file import (
    is_signed,
    keep_meta,
    metadata,
    refuse_signed,
    signed_blocks,
    unwrap,
)
from buildlib.pkgsrc.trust import TrustedKey
from buildlib.sources.archive import tar

PACKAGE = packed(source("a-1"))


def stored(folder: Path, data: bytes) -> Path:
    path = folder / "a-1.tgz"
    path.write_bytes(data)
    return path


def archived(*members: tuple[str, bytes | str]) -> bytes:
    """An archive of files, or of links to what a text names."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.LNKTYPE, data
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def parts() -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(PACKAGE)) as archive:
        for info in archive:
            file = archive.extractfile(info)
            assert file is not None
            found[info.name] = file.read()
    return found


def test_the_metadata_of_a_package(tmp_path: Path) -> None:
    path = stored(tmp_path, PACKAGE)
    assert metadata(path, where="a-1.tgz", expected="a-1").name == "a-1"
    assert metadata(path, where="a-1.tgz").name == "a-1"
    with pytest.raises(SourceError):
        metadata(path, where="a-1.tgz", expected="b-1")


@pytest.mark.parametrize("whole", [False, True])
def test_only_a_whole_archive_shows_damage_behind_the_metadata(tmp_path: Path, whole: bool) -> None:
    plain = gzip.decompress(PACKAGE)
    path = stored(tmp_path, plain[: plain.index(b"bin/a\0") + 600])
    if whole:
        with pytest.raises(SourceError):
            metadata(path, where="a-1.tgz", whole=True)
    else:
        assert metadata(path, where="a-1.tgz").name == "a-1"


def test_what_follows_the_files_is_no_metadata(tmp_path: Path) -> None:
    own = parts()
    comment = own.pop("+COMMENT")
    late = [*own.items(), ("+COMMENT", comment)]
    assert [*own][-1] == "bin/a"
    with pytest.raises(SourceError, match=r"\+COMMENT"):
        metadata(stored(tmp_path, archived(*late)), where="a-1.tgz", whole=True)


def test_a_name_that_occurs_twice(tmp_path: Path) -> None:
    own = parts()
    twice = [("+CONTENTS", own["+CONTENTS"]), *own.items()]
    with pytest.raises(ArchiveError) as caught:
        metadata(stored(tmp_path, archived(*twice)), where="a-1.tgz")
    assert caught.value.reason == "duplicate-path"


def kept(data: bytes, meta: dict[str, bytes]) -> None:
    reader = tar.Reader(iter([data]), where="a-1.tgz")
    for member in reader:
        keep_meta(meta, member, reader, where="a-1.tgz")


def test_all_metadata_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert package_file.META_LIMIT == 16 << 20
    monkeypatch.setattr(package_file, "META_LIMIT", 10)
    meta: dict[str, bytes] = {}
    kept(archived(("+A", b"x" * 4), ("+B", b"y" * 6)), meta)
    assert meta == {"+A": b"x" * 4, "+B": b"y" * 6}
    with pytest.raises(ArchiveError) as caught:
        kept(archived(("+C", b"z")), meta)
    assert caught.value.reason == "pkg-meta"
    assert caught.value.where == "a-1.tgz: +C"
    assert caught.value.why == (
        "a file of 1 bytes; only files are allowed, with at most 10 bytes in total"
    )


def test_metadata_are_no_links() -> None:
    with pytest.raises(ArchiveError, match="unusable metadata") as caught:
        kept(archived(("+A", b"x"), ("+B", "+A")), {})
    assert str(caught.value.why).startswith("a link; ")


def test_signed_packages(bench: Bench, tmp_path: Path) -> None:
    key = TrustedKey(str(certificate()).encode(), str(certificate().fingerprint))
    path = stored(tmp_path, signed("a-1", PACKAGE))
    assert is_signed(path)
    with pytest.raises(SourceError) as caught:
        refuse_signed(path, where="a-1.tgz")
    assert (caught.value.reason, caught.value.where) == ("signing-key", "a-1.tgz")
    blob = unwrap(path, bench.store.blobs, signer=key, where="a-1.tgz")
    assert bench.store.blobs.read(blob.sha256) == PACKAGE
    assert b"".join(signed_blocks(path, signer=key, where="a-1.tgz")) == PACKAGE
    other = TrustedKey(str(certificate("other")).encode(), str(certificate("other").fingerprint))
    with pytest.raises(SourceError):
        unwrap(path, bench.store.blobs, signer=other, where="a-1.tgz")


def test_packages_without_a_signature(bench: Bench, tmp_path: Path) -> None:
    key = TrustedKey(str(certificate()).encode(), str(certificate().fingerprint))
    path = stored(tmp_path, PACKAGE)
    assert not is_signed(path)
    refuse_signed(path, where="a-1.tgz")
    with pytest.raises(SourceError) as caught:
        unwrap(path, bench.store.blobs, signer=key, where="a-1.tgz")
    assert caught.value.reason == "signature-missing"
