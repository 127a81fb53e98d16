"""Plans how the CD boots: the stages of its boot images and hypervisor, and its menus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypedDict

from buildlib.config.configuration import Place
from buildlib.config.consoles import Consoles
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.config.recipe import BootConfig
from buildlib.engine.stage import HostPackage, OutputRef, SourceFile, Stage
from buildlib.stages.boot import grub, grub_legacy
from buildlib.stages.boot.hypervisor import DistributionXen, FileXen, PackageXen

Described: TypeAlias = tuple[str, Stage, str]  # name, stage, description


def boot_images(
    boots: BootConfig, files: Mapping[str, Place], *, time: int
) -> dict[str, Described]:
    """The stages that make boot images, by `Iso`'s names for these.

    files  name of a file in the recipe to its path
    GRUB legacy finds its files only on discs, so disks are always booted by GRUB 2.
    """
    made: dict[str, Described] = {}
    for platform in boots.chosen():
        name: str = platform
        if platform == "bios" and boots.loader == "legacy":
            made["bios"] = (
                "grub:legacy",
                _legacy(boots.legacy, files),
                "take GRUB legacy from its package",
            )
            if boots.disk == "none":
                continue
            name = "disk"
        made[name] = (
            f"grub:{platform}",
            grub.GrubImage(platform, time, boots.console_config()),
            f"make GRUB's boot image for {platform}",
        )
    return made


def _legacy(chosen: Origin, files: Mapping[str, Place]) -> Stage:
    if chosen.distribution:
        return grub_legacy.DistributionLegacy(_package(chosen.distribution))
    return grub_legacy.FileLegacy(_source(files[chosen.file]), chosen.sha256)


def xen_stage(chosen: Hypervisor, files: Mapping[str, Place], packages: OutputRef | None) -> Stage:
    """The stage that provides the hypervisor, as the recipe chose it.

    packages  the tree of dom0's packages; required if one of them has the hypervisor
    """
    if packages is not None and chosen.package:
        return PackageXen(packages, chosen.package)
    if chosen.distribution:
        return DistributionXen(_package(chosen.distribution))
    return FileXen(_source(files[chosen.file]), chosen.sha256)


def _package(pattern: str) -> HostPackage:
    return HostPackage(
        pattern,
        hint="on a host without such a package, set `hypervisor` or `boot.legacy` in the recipe "
        "to `{ file = …, sha256 = … }`",
    )


def _source(place: Place) -> SourceFile:
    return SourceFile(place.path, place.name)


def menus(
    boots: BootConfig, *, title: str, xen: str, kernel: str, stick: str = ""
) -> dict[str, str]:
    """The menus' texts, by path. Raises ConfigError.

    xen, kernel  paths on the disc; stick: path of the kernel for sticks, if there is one
    """
    same: _Same = {
        "title": title,
        "xen": xen,
        "xen_words": boots.xen_words(),
        "kernel": kernel,
        "kernel_words": boots.kernel_words(),
        "timeout": boots.timeout,
        "menu_entries": boots.menu_entries,
        "consoles": boots.console_config(),
    }
    texts = {grub.MENU: grub.menu(**same, stick=(stick, boots.stick_words()) if stick else None)}
    if boots.loader == "legacy":
        texts[grub_legacy.MENU] = grub_legacy.menu(**same)
    return texts


class _Same(TypedDict):
    """The contents common to both menus."""

    title: str
    xen: str
    xen_words: tuple[str, ...]
    kernel: str
    kernel_words: tuple[str, ...]
    timeout: int
    menu_entries: Mapping[str, tuple[str, ...]]
    consoles: Consoles
