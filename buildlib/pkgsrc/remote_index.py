"""The index of a repository of binary packages: its summary, or its packages one by one.

    pkg_summary.gz, else .bz2, else .xz      from any mirror
    NAME.tgz, …                              from a folder that has no summary

Directory listings of servers are not used, because their form is not standardised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from buildlib.host.reading import is_file
from buildlib.model.digest import Blob, sha256
from buildlib.model.errors import SourceError
from buildlib.pkgsrc.package import summary_of
from buildlib.pkgsrc.package_file import is_signed, metadata, unwrap
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.summary import Summary, parse
from buildlib.pkgsrc.trust import Signer
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


def fetch_file(
    path: str,
    pin: Pin,
    mirrors: Mirrors,
    store: Store,
    *,
    most: int,
    say: Say,
    check: Callable[[Path], None] | None = None,
) -> Blob:
    """The file at `path` (from a mirror's root), from the first mirror that has it.

    most, check  for unpinned files, as in `fetch`
    say          gets a line for each mirror that is skipped or tried again
    """
    partial = store.build / "partial"
    partial.mkdir(parents=True, exist_ok=True)
    return fetch(
        mirrors.urls(path),
        pin,
        store.blobs,
        partial=partial / sha256(path.encode()),
        most=most,
        check=check,
        patience=replace(mirrors.patience, say=say),
    )


def read_offer(
    path: str, mirrors: Mirrors, store: Store, *, signer: Signer | None, say: Say
) -> Repository:
    """The packages in the folder at `path`, from a mirror's root.

    signer  who signed the packages, which are read if a folder has no summary
    say     gets a line for each package that cannot be read
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
        "the repository has no summary",
        where=urls[0] if urls else path,
        why=f"there is none of {', '.join(SUMMARIES)}"
        + (", and the folder has no packages" if folders else ""),
        hint="check packages.path of the release definition; to create a summary, run in the "
        "folder of the packages: pkg_info -X *.tgz | gzip -9 >pkg_summary.gz; or copy the "
        "packages into a folder, and name it (`mirror=FOLDER`)",
        reason="no-summary",
    )


def _read_summary(where: str, mirrors: Mirrors, store: Store, say: Say) -> Repository:
    """The packages in the summary of the first mirror with a readable one."""
    read: list[Repository] = []

    def check(file: Path) -> None:
        if not file.stat().st_size:
            raise SourceError(
                "the summary is empty",
                where=where,
                reason="summary",
                hint="use another mirror (`mirror=URL`)",
            )
        read.append(Repository(parse(chunks(file, where=where), where=where), where=where))

    fetch_file(where, Pin(""), mirrors, store, most=limits.SUMMARY, say=say, check=check)
    return read.pop()


def _read_folder(folder: Path, store: Store, signer: Signer | None, say: Say) -> Iterator[Summary]:
    """The summaries of the packages in a folder, by file name."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.name.endswith(ENDINGS) or not is_file(path):
            continue
        try:
            yield _summary(path, store, signer)
        except SourceError as error:
            why = f" ({error.why.splitlines()[0]})" if error.why else ""
            say(f"skipped  {path.name}: {error.what}{why}")


def _summary(path: Path, store: Store, signer: Signer | None) -> Summary:
    inner = path
    if signer is not None and is_signed(path):
        blob = unwrap(path, store.blobs, signer=signer, where=path.name)
        inner = store.blobs.path(blob)
    package = metadata(inner, where=path.name)
    return summary_of(package, file_name=path.name, file_size=path.stat().st_size)
