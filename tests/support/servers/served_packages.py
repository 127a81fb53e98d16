"""The package repository's folder as created by `put`, checked with other tools."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from buildlib.model.digest import Blob
from buildlib.operations.fleet.image_server import Signer
from buildlib.pkgsrc.summary import parse
from buildlib.sources.checksums import format_list
from buildlib.store.store import Store
from support.machines.packages import packed, source, summaries, summary
from support.servers.image_server import check_digests, private_key

OLD = ("a-1", "b-1", "c-1")


def files(store: Store, *names: str) -> dict[str, Blob]:
    """Content of a repository with packages of these names; a second word changes the content."""
    contents: dict[str, bytes] = {}
    listed = []
    for name in names:
        made = source(name.partition(" ")[0], comment=name)
        data = contents[f"All/{made.pkgname}.tgz"] = packed(made)
        listed.append(
            summary(
                made, file_size=len(data), file_cksum=f"sha512 {hashlib.sha512(data).hexdigest()}"
            )
        )
    contents |= {"All/pkg_summary.gz": summaries(listed), "All/index.html": repr(names).encode()}
    digests = {path: hashlib.sha512(data).hexdigest() for path, data in contents.items()}
    contents["SHA512"] = format_list("SHA512", digests)
    return {path: store.blobs.put(data) for path, data in contents.items()}


def signer(store: Store) -> Signer:
    return Signer(private_key(), store)


def check_promise(folder: Path) -> None:
    """Check that every package in pkg_summary.gz exists and matches it."""
    path = folder / "All/pkg_summary.gz"
    for one in parse([gzip.decompress(path.read_bytes())]) if path.exists() else ():
        data = (folder / "All" / one.file_name).read_bytes()
        assert f"sha512 {hashlib.sha512(data).hexdigest()}" == one.file_cksum


def check(folder: Path, *names: str, others: tuple[str, ...] = ()) -> None:
    """Check everything with independent tools."""
    check_promise(folder)
    packages = {f"{name.partition(' ')[0]}.tgz" for name in names}
    assert {path.name for path in (folder / "All").iterdir()} == {
        *packages,
        "pkg_summary.gz",
        "index.html",
        *others,
    }
    check_digests(folder)
