"""Xen, from the build host's distribution."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from buildlib.sources.archive import compress, tar
from buildlib.sources.mirrors import offline
from buildlib.stages.stage import HostPackage, Job, Outputs, SourceFile, Stage
from buildlib.words.errors import SourceError

_IMAGE = re.compile(r"boot/xen-[0-9.]+-amd64\.gz\Z")


@dataclass(frozen=True)
class DistributionXen(Stage):
    """The hypervisor in a package of the distribution, as it is there. Output: `xen`."""

    TOOLS = ("apt-get", "dpkg-deb", "sh")

    package: HostPackage

    def run(self, job: Job) -> Outputs:
        """Download the package, check it, take the image out."""
        found = job.host_packages[self.package]
        if job.mirrors.offline:
            raise offline(f"the package {found.name} {found.version}", where=f"stage {job.name}")
        job.run("apt-get", "-q", "download", f"{found.name}={found.version}")
        (deb,) = job.folder.glob("*.deb")
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        if digest != found.sha256:
            raise SourceError(
                "the package is not the one in the distribution's index",
                where=deb.name, why=f"index  {found.sha256}\nfound  {digest}",
                hint="run `apt-get update`", reason="checksum",
            )
        # dpkg-deb knows every compression its distribution packs with; unpacking stays with us
        unpacked = job.folder / "data.tar"
        job.run("sh", "-c", 'exec "$0" --fsys-tarfile "$1" >"$2"', job.tools["dpkg-deb"], deb,
                unpacked)
        reader = tar.Reader(compress.chunks(unpacked, where=deb.name), where=deb.name)
        for member in reader:
            if member.kind == "file" and _IMAGE.match(member.path):
                return {"xen": job.blobs.put(reader.all_data())}
        raise SourceError("the package holds no hypervisor", where=deb.name,
                          why="expected boot/xen-VERSION-amd64.gz", reason="no-hypervisor")


@dataclass(frozen=True)
class FileXen(Stage):
    """The hypervisor in a file of the checkout. Output: `xen`."""

    file: SourceFile
    sha256: str

    def run(self, job: Job) -> Outputs:
        """Copy it in, if it is what the recipe pins."""
        blob = job.blobs.copy_in(self.file.path)
        if blob.sha256 != self.sha256:
            raise SourceError(
                "the hypervisor is not the pinned one", where=self.file.name,
                why=f"pinned {self.sha256}\nfound  {blob.sha256}", reason="checksum",
            )
        return {"xen": blob}
