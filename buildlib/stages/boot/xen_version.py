"""Checks that hypervisor and tools on a disc have the same version of Xen.

xl creates domains through the domctl and sysctl interfaces, which have a version. A hypervisor of
another version refuses them, so dom0 starts but no domU does. Source: Xen, public/domctl.h.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.errors import SourceError
from buildlib.sources.archive import compress

# libxenctrl uses these interfaces (PLIST 1.1 of sysutils/xentools420: lib/libxenctrl.so.4.20.0)
_TOOLS = re.compile(r"(?:.*/)?lib/libxenctrl\.so\.([0-9]{1,2}\.[0-9]{1,3})(?:\.[0-9]{1,3})?")
# "Xen 4.20.1 (c/s …) EFI loader" in UTF-16: xen/common/efi/boot.c
_LOADER = re.compile(rb"X\0e\0n\0 \0((?:[0-9]\0){1,2}\.\0(?:[0-9]\0){1,3})")
# xen420-kernel/xen.gz, xen-4.17-amd64.gz, xen-hypervisor-4.17-amd64
_NAMED = re.compile(r"xen(?:-[a-z]+)?-?([0-9])\.?([0-9]{1,2})(?![0-9])")


@dataclass(frozen=True)
class OneXen(Stage):
    """The hypervisor, if it has the same version as the tools. Output: `xen`.

    name      of the hypervisor's file, for messages; its version is used if `xen` contains none
    packages  the tree of dom0's packages
    """

    xen: OutputRef
    name: str
    packages: OutputRef

    def run(self, context: StageContext) -> Outputs:
        """Compare both versions, as far as they are known. Raises SourceError (`xen-version`)."""
        tools = tools_version(context.tree(self.packages).tree.by_path)
        if tools:
            data = b"".join(compress.chunks(context.path(self.xen), where=self.name))
            version = hypervisor_version(data, self.name)
            if version and version != tools:
                raise _differ(version, self.name, tools)
        return {"xen": context.inputs[self.xen].blob}


def tools_version(paths: Iterable[str]) -> str:
    """The version of Xen's tools among these files, such as `4.20`; empty: unknown."""
    found = {match[1] for path in paths if (match := _TOOLS.fullmatch(path))}
    return max(found, default="")


def hypervisor_version(data: bytes, name: str) -> str:
    """The version of the hypervisor, from its unpacked `data` or its name; empty: unknown."""
    if match := _LOADER.search(data):
        return match[1].decode("utf-16-le")
    named = _NAMED.search(name)
    return f"{named[1]}.{named[2]}" if named else ""


def _differ(version: str, name: str, tools: str) -> SourceError:
    digits = tools.replace(".", "")
    return SourceError(
        f"the hypervisor is Xen {version}, but the tools are those of Xen {tools}",
        where="recipes/dom0.toml: hypervisor and packages",
        why=f"{name} would refuse requests of these tools' xl, so no domU would start",
        hint=f"use both from pkgsrc: name sysutils/xenkernel{digits} beside "
        f"sysutils/xentools{digits} in packages, and set hypervisor.package = "
        f'"usr/pkg/xen{digits}-kernel/xen.gz"',
        reason="xen-version",
    )
