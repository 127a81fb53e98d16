"""A verified file from a package of the build host's distribution, or from the project.

The package is downloaded and unpacked but never installed: installing it could change how the
host boots.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from buildlib.engine.stage import HostPackage, SourceFile, StageContext
from buildlib.host.environment import has_no_other_users
from buildlib.model.digest import Blob
from buildlib.model.errors import SourceError, ToolError
from buildlib.sources.archive import compress, tar
from buildlib.sources.mirrors import Mirrors, offline

PACKAGE_TOOLS = ("apt-get", "dpkg-deb", "sh")  # needed by stages that call `from_package`

# What apt-get prints about a package that is no longer in its archive.
_STALE = ("404  Not Found", "404 Not Found", "was not found", "Unable to locate package")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file: its name in messages, its path in packages (a regular expression), and a sample."""

    what: str
    path: str
    expected: str


def from_package(context: StageContext, package: HostPackage, wanted: Wanted) -> Blob:
    """The file from a package of the distribution. Raises SourceError, ToolError."""
    found = context.host_packages[package]
    if context.service(Mirrors).offline:
        raise offline(f"the package {found.name} {found.version}", where=f"stage {context.name}")
    _download(context, f"{found.name}={found.version}")
    (deb,) = context.folder.glob("*.deb")
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    if digest != found.sha256:
        raise SourceError(
            "the package is not the one in the distribution's index",
            where=deb.name,
            why=f"index  {found.sha256}\nfound  {digest}",
            hint="run `apt-get update`",
            reason="checksum",
        )
    # dpkg-deb handles every compression of its distribution; our reader unpacks the tar archive
    unpacked = context.folder / "data.tar"
    context.run(
        "sh", "-c", 'exec "$0" --fsys-tarfile "$1" >"$2"', context.tools["dpkg-deb"], deb, unpacked
    )
    reader = tar.Reader(compress.chunks(unpacked, where=deb.name), where=deb.name)
    for member in reader:
        if member.kind == "file" and re.fullmatch(wanted.path, member.path):
            return context.blobs.put(reader.all_data())
    raise SourceError(
        f"the package does not contain {wanted.what}",
        where=deb.name,
        why=f"expected {wanted.expected}",
        reason=f"no-{wanted.what.replace(' ', '-')}",
    )


def _download(context: StageContext, package: str) -> None:
    try:
        # apt's programs for the network become another user where root starts them
        same_user = ("-o", "APT::Sandbox::User=root") if has_no_other_users() else ()
        context.run("apt-get", "-q", "download", package, *same_user, fetches=True)
    except ToolError as error:
        output = "\n".join(error.tail)
        if any(word in output for word in _STALE):
            error.why = "the distribution has a newer version than this host's package index"
            error.hint = "run `apt-get update`, then try again"
        else:
            error.hint = error.hint or (
                "check that `apt-get download` works by hand; it uses http_proxy and https_proxy"
            )
        raise


def from_file(context: StageContext, file: SourceFile, sha256: str, wanted: Wanted) -> Blob:
    """A file of the checkout, if it has the digest that the recipe pins. Raises SourceError."""
    blob = context.blobs.copy_in(file.path)
    if blob.sha256 != sha256:
        raise SourceError(
            f"the {wanted.what} differs from the pinned one",
            where=file.name,
            why=f"pinned {sha256}\nfound  {blob.sha256}",
            reason="checksum",
        )
    return blob
