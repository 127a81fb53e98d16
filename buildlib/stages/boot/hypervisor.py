"""Xen, from the build host's distribution or a file of the project."""

from __future__ import annotations

from dataclasses import dataclass

from buildlib.engine.stage import HostPackage, Outputs, SourceFile, Stage, StageContext
from buildlib.stages.inputs.external_file import PACKAGE_TOOLS, Wanted, from_file, from_package

_XEN = Wanted("hypervisor", r"boot/xen-[0-9.]+-amd64\.gz", "boot/xen-VERSION-amd64.gz")


@dataclass(frozen=True)
class DistributionXen(Stage):
    """The hypervisor in a package of the distribution, as it is there. Output: `xen`."""

    TOOLS = PACKAGE_TOOLS

    package: HostPackage

    def run(self, context: StageContext) -> Outputs:
        """Download the package, check it, take the image out."""
        return {"xen": from_package(context, self.package, _XEN)}


@dataclass(frozen=True)
class FileXen(Stage):
    """The hypervisor in a file of the checkout. Output: `xen`."""

    file: SourceFile
    sha256: str

    def run(self, context: StageContext) -> Outputs:
        """Copy it in, if it is what the recipe pins."""
        return {"xen": from_file(context, self.file, self.sha256, _XEN)}
