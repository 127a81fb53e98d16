"""The lists of a package repository that pkg_add, pkgin and pkg_chk request from a server."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.digest import Blob
from buildlib.pkgsrc.package import summary_of
from buildlib.pkgsrc.package_file import metadata
from buildlib.pkgsrc.summary import Summary, format_summary
from buildlib.sources.archive.pack import gzip_stored
from buildlib.sources.checksums import format_list

SUMMARY, INDEX, DIGESTS = "pkg_summary.gz", "index.html", "SHA512"
FOLDER = "All"


@dataclass(frozen=True)
class PackageRepo(Stage):
    """The lists of a repository. Outputs: `summary`, `index` and `digests`.

    files     file name to the archive as it is served
    packages  file name to the package in it, which differs from the archive for signed packages
    pins      file name to the archive's SHA-512 (hex)

    pkg_summary(5) gives size and digest of each file for the client to check. The index is a page
    with a link to each file: pkg_add finds a package by reading such a page, and not every server
    generates one. The digests cover all files but their own list, by path.
    """

    files: Mapping[str, OutputRef]
    packages: Mapping[str, OutputRef]
    pins: Mapping[str, str]

    def run(self, context: StageContext) -> Outputs:
        """Read the metadata of every package and build the lists."""
        summaries = []
        for number, name in enumerate(self.files, 1):
            summaries.append(self._summary(name, context))
            context.tell(number, len(self.files), "files", name)
        with context.blobs.writer() as writer:
            for piece in gzip_stored([format_summary(summaries)]):
                writer.write(piece)
        summary, index = writer.blob, context.blobs.put(_index(self.files))
        digests = {f"{FOLDER}/{name}": digest for name, digest in self.pins.items()}
        digests |= {
            f"{FOLDER}/{name}": _sha512(context, blob)
            for name, blob in ((SUMMARY, summary), (INDEX, index))
        }
        return {
            "summary": summary,
            "index": index,
            "digests": context.blobs.put(format_list("SHA512", digests)),
        }

    def _summary(self, name: str, context: StageContext) -> Summary:
        package = metadata(context.path(self.packages[name]), where=name)
        return summary_of(
            package,
            file_name=name,
            file_cksum=f"sha512 {self.pins[name]}",
            file_size=context.inputs[self.files[name]].blob.size,
        )


def repo_files(stage: str, files: Mapping[str, OutputRef]) -> dict[str, OutputRef]:
    """All files of the repository by path; `stage` makes its lists."""
    return {
        **{f"{FOLDER}/{name}": ref for name, ref in files.items()},
        f"{FOLDER}/{SUMMARY}": OutputRef(stage, "summary"),
        f"{FOLDER}/{INDEX}": OutputRef(stage, "index"),
        DIGESTS: OutputRef(stage, "digests"),
    }


def _index(files: Mapping[str, OutputRef]) -> bytes:
    names = [SUMMARY, *sorted(files)]
    lines = [
        "<!DOCTYPE html>",
        "<title>Packages</title>",
        *(f'<a href="{quote(name)}">{html.escape(name)}</a><br>' for name in names),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _sha512(context: StageContext, blob: Blob) -> str:
    with context.blobs.open(blob) as file:
        return hashlib.file_digest(file, "sha512").hexdigest()
