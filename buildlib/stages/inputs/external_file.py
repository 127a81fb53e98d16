"""A file out of a package of the build host's distribution, or of the project, and checked.

The package is downloaded and unpacked, never installed: it may be one that changes how its host
boots.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from buildlib.engine.stage import HostPackage, SourceFile, StageContext
from buildlib.model.digest import Blob
from buildlib.model.errors import SourceError, ToolError
from buildlib.sources.archive import compress, tar
from buildlib.sources.mirrors import Mirrors, offline

PACKAGE_TOOLS = ("apt-get", "dpkg-deb", "sh")  # of a stage that calls `from_package`

# What apt-get says of a package that is gone from its archive.
_STALE = ("404  Not Found", "404 Not Found", "was not found", "Unable to locate package")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file: what people call it, its path in packages (a regular expression), and in words."""

    what: str
    path: str
    expected: str


def from_package(context: StageContext, package: HostPackage, wanted: Wanted) -> Blob:
    """The file in a package of the distribution. Raises SourceError, ToolError."""
    found = context.host_packages[package]
    if context.service(Mirrors).offline:
        raise offline(f"the package {found.name} {found.version}", where=f"stage {context.name}")
    _download(context, f"{found.name}={found.version}")
    (deb,) = context.folder.glob("*.deb")
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    if digest != found.sha256:
        raise SourceError(
            "the package is not the one in the distribution's index",
            where=deb.name, why=f"index  {found.sha256}\nfound  {digest}",
            hint="run `apt-get update`", reason="checksum",
        )
    # dpkg-deb knows every compression its distribution packs with; unpacking stays with us
    unpacked = context.folder / "data.tar"
    context.run(
        "sh", "-c", 'exec "$0" --fsys-tarfile "$1" >"$2"', context.tools["dpkg-deb"], deb, unpacked
    )
    reader = tar.Reader(compress.chunks(unpacked, where=deb.name), where=deb.name)
    for member in reader:
        if member.kind == "file" and re.fullmatch(wanted.path, member.path):
            return context.blobs.put(reader.all_data())
    raise SourceError(f"the package holds no {wanted.what}", where=deb.name,
                      why=f"expected {wanted.expected}",
                      reason=f"no-{wanted.what.replace(' ', '-')}")


def _download(context: StageContext, package: str) -> None:
    try:
        context.run("apt-get", "-q", "download", package, fetches=True)
    except ToolError as error:
        said = "\n".join(error.tail)
        if any(word in said for word in _STALE):
            error.why = "the distribution has another version by now than this host's lists say"
            error.hint = "run `apt-get update`, then run again"
        else:
            error.hint = error.hint or (
                "see that `apt-get download` works by hand; it goes by http_proxy and https_proxy")
        raise


def from_file(context: StageContext, file: SourceFile, sha256: str, wanted: Wanted) -> Blob:
    """A file of the checkout, if it is what the recipe pins. Raises SourceError."""
    blob = context.blobs.copy_in(file.path)
    if blob.sha256 != sha256:
        raise SourceError(
            f"the {wanted.what} is not the pinned one", where=file.name,
            why=f"pinned {sha256}\nfound  {blob.sha256}", reason="checksum",
        )
    return blob
