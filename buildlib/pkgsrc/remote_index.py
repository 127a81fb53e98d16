"""What a repository of binary packages offers: its summary, or its packages one by one.

    pkg_summary.gz, else .bz2, else .xz      from any mirror
    NAME.tgz, …                              of a folder that has none of them

A server is not asked for a list of its files: the form of one is nobody's promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from buildlib.model.digest import Blob, sha256
from buildlib.model.errors import SourceError
from buildlib.pkgsrc.package import summary_of
from buildlib.pkgsrc.package_file import is_signed, metadata, unwrap
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.summary import Summary, parse
from buildlib.sources.archive.compress import chunks
from buildlib.sources.mirrors import Mirrors
from buildlib.sources.web import limits
from buildlib.sources.web.asking import ABSENT
from buildlib.sources.web.download import Pin, fetch
from buildlib.sources.web.probe import folder_of
from buildlib.store.store import Store

SUMMARIES = ("pkg_summary.gz", "pkg_summary.bz2", "pkg_summary.xz")
ENDINGS = (".tgz", ".tbz", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """Whose signature every package must have: the key, and its fingerprint."""

    key: bytes
    fingerprint: str


def fetch_file(
    path: str, pin: Pin, mirrors: Mirrors, store: Store, *, most: int, say: Say,
    check: Callable[[Path], None] | None = None,
) -> Blob:
    """The file at `path` (from a mirror's root), from the first mirror that has it.

    most, check  of what nothing pins, as in `fetch`
    say          gets a line for each mirror that is passed over or asked again
    """
    partial = store.build / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    return fetch(mirrors.urls(path), pin, store.blobs, partial=partial / sha256(path.encode()),
                 most=most, check=check, patience=replace(mirrors.patience, say=say))


def read_offer(
    path: str, mirrors: Mirrors, store: Store, *, signer: TrustedKey | None, say: Say
) -> Repository:
    """The packages in the folder at `path`, from a mirror's root.

    signer  who has signed them, where they are; packages of a folder without a summary are read
    say     gets a line for each of those that cannot be read
    Raises SourceError: `no-summary`, `summary`, or as `fetch` does.
    """
    for name in SUMMARIES:
        try:
            return _read_summary(f"{path}/{name}", mirrors, store, say)
        except SourceError as error:
            if error.reason not in ABSENT:
                raise
    urls = mirrors.urls(path)
    folders = [place for place in map(folder_of, urls) if place is not None and place.is_dir()]
    if folders:
        found = list(_read_folder(folders[0], store, signer, say))
        if found:
            return Repository(found, where=str(folders[0]))
    raise SourceError(
        "the repository has no summary", where=urls[0] if urls else path,
        why=f"none of {', '.join(SUMMARIES)} is there"
        + (", and the folder has no packages" if folders else ""),
        hint="check packages.path of the release definition; a summary is made where the packages "
        "are: pkg_info -X *.tgz | gzip -9 >pkg_summary.gz; or copy the packages into a "
        "folder, and name it (`mirror=FOLDER`)",
        reason="no-summary",
    )


def _read_summary(where: str, mirrors: Mirrors, store: Store, say: Say) -> Repository:
    """The packages in the first mirror's summary that can be read."""
    read: list[Repository] = []

    def check(file: Path) -> None:
        if not file.stat().st_size:
            raise SourceError("the summary is empty", where=where, reason="summary",
                              hint="use another mirror (`mirror=URL`)")
        read.append(Repository(parse(chunks(file, where=where), where=where), where=where))

    fetch_file(where, Pin(""), mirrors, store, most=limits.SUMMARY, say=say, check=check)
    return read.pop()


def _read_folder(
    folder: Path, store: Store, signer: TrustedKey | None, say: Say
) -> Iterator[Summary]:
    """The summaries of the packages in a folder, by file name."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.name.endswith(ENDINGS) or not path.is_file():
            continue
        try:
            yield _summary(path, store, signer)
        except SourceError as error:
            why = f" ({error.why.splitlines()[0]})" if error.why else ""
            say(f"passed over  {path.name}: {error.what}{why}")


def _summary(path: Path, store: Store, signer: TrustedKey | None) -> Summary:
    inner = path
    if signer is not None and is_signed(path):
        blob = unwrap(path, store.blobs, key=signer.key, fingerprint=signer.fingerprint,
                      where=path.name)
        inner = store.blobs.path(blob)
    package = metadata(inner, where=path.name)
    return summary_of(package, file_name=path.name, file_size=path.stat().st_size)
