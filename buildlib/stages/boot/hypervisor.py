"""Xen: from a package of pkgsrc or the host's distribution, or from a file of the project."""

from __future__ import annotations

from dataclasses import dataclass

from buildlib.engine.stage import (
    HostPackage,
    OutputRef,
    Outputs,
    SourceFile,
    Stage,
    StageContext,
)
from buildlib.model.errors import SourceError
from buildlib.model.nearness import near
from buildlib.stages.inputs.external_file import PACKAGE_TOOLS, Wanted, from_file, from_package
from buildlib.store.packs import content_of, read_content

_XEN = Wanted("hypervisor", r"boot/xen-[0-9.]+-amd64\.gz", "boot/xen-VERSION-amd64.gz")


@dataclass(frozen=True)
class DistributionXen(Stage):
    """The hypervisor from a package of the distribution, unchanged. Output: `xen`."""

    TOOLS = PACKAGE_TOOLS

    package: HostPackage

    def run(self, context: StageContext) -> Outputs:
        """Download the package, verify it and extract the image."""
        return {"xen": from_package(context, self.package, _XEN)}


@dataclass(frozen=True)
class FileXen(Stage):
    """The hypervisor from a file of the checkout. Output: `xen`."""

    file: SourceFile
    sha256: str

    def run(self, context: StageContext) -> Outputs:
        """Copy the file if it has the digest that the recipe pins."""
        return {"xen": from_file(context, self.file, self.sha256, _XEN)}


@dataclass(frozen=True)
class PackageXen(Stage):
    """The hypervisor from dom0's packages, which the lock pins. Output: `xen`.

    packages  the tree of these packages
    path      of the hypervisor in it, such as `usr/pkg/xen420-kernel/xen.gz`
    """

    packages: OutputRef
    path: str

    def run(self, context: StageContext) -> Outputs:
        """Copy it from the tree. Raises SourceError (`no-hypervisor`)."""
        stored = context.tree(self.packages)
        entry = stored.tree.by_path.get(self.path)
        if entry is None or entry.kind != "file":
            alike = [path for path in stored.tree.by_path if path.endswith("/xen.gz")]
            raise SourceError(
                f"no package of dom0 has the hypervisor {self.path}",
                where="recipes/dom0.toml: hypervisor.package",
                why=f"there is {', '.join(near(self.path, alike))}" if alike else None,
                hint="add its package to packages, such as sysutils/xenkernel420",
                reason="no-hypervisor",
            )
        places = context.packs.contents(stored)
        return {"xen": context.keep(read_content(content_of(places, entry)))}
