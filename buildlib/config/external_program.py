"""Where programs come from that are not in NetBSD's releases: Xen, GRUB legacy.

These are tables of a recipe, see `recipe`.
"""

from __future__ import annotations

from dataclasses import dataclass

from buildlib.model import names
from buildlib.model.digest import SHA256_HEX


@dataclass(frozen=True, slots=True)
class Origin:
    """A package of the host's distribution, or a file; exactly one of these is given.

    distribution  pattern of the package, such as grub-legacy
    file          path of the file, from the project's folder
    sha256        digest that the file must have, 64 hexadecimal digits; belongs to `file`
    """

    distribution: str = ""
    file: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if bool(self.distribution) == bool(self.file):
            raise ValueError("give one of distribution, file")
        _check(self)


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """Where Xen comes from; exactly one of these is given.

    distribution  pattern of a package of the host's distribution, such as xen-hypervisor-*-amd64
    file          path of the file, from the project's folder
    sha256        digest that the file must have, 64 hexadecimal digits; belongs to `file`
    package       path of it in a pkgsrc package of dom0's, such as usr/pkg/xen420-kernel/xen.gz
    """

    distribution: str = ""
    file: str = ""
    sha256: str = ""
    package: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.distribution, self.file, self.package))) != 1:
            raise ValueError("give one of distribution, file, package")
        _check(self)
        with names.fields() as check:
            check.one("package", self.package, names.path, empty=True)


def _check(origin: Origin | Hypervisor) -> None:
    with names.fields() as check:
        check.one("distribution", origin.distribution, names.line, empty=True)
        check.one("file", origin.file, names.path, empty=True)
    if origin.file and not SHA256_HEX.match(origin.sha256):
        raise ValueError("file needs sha256, its digest")
    if origin.sha256 and not origin.file:
        raise ValueError("sha256 belongs to file: give file too, or leave sha256 out")
