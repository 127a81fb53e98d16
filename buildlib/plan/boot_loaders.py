"""What starts the CD: the stages of its boot images and its hypervisor, and its menus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypedDict

from buildlib.config.consoles import Consoles
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.config.project import Project
from buildlib.config.recipe import BootConfig
from buildlib.engine.stage import HostPackage, SourceFile, Stage
from buildlib.stages.boot import grub, grub_legacy
from buildlib.stages.boot.hypervisor import DistributionXen, FileXen

Described: TypeAlias = tuple[str, Stage, str]  # name, stage, what it does


def boot_images(boots: BootConfig, project: Project, *, time: int) -> dict[str, Described]:
    """The stages that make boot images, by the names that `Iso` has for these.

    GRUB legacy finds itself on discs only: where it is chosen, a disk is started by GRUB 2.
    """
    made: dict[str, Described] = {}
    for platform in boots.chosen():
        name: str = platform
        if platform == "bios" and boots.loader == "legacy":
            made["bios"] = ("grub:legacy", _legacy(boots.legacy, project),
                            "take GRUB legacy from its package")
            if boots.disk == "none":
                continue
            name = "disk"
        made[name] = (f"grub:{platform}", grub.GrubImage(platform, time, boots.console_config()),
                      f"make GRUB's boot image for {platform}")
    return made


def _legacy(chosen: Origin, project: Project) -> Stage:
    if chosen.distribution:
        return grub_legacy.DistributionLegacy(_package(chosen.distribution))
    return grub_legacy.FileLegacy(_source(chosen.file, project), chosen.sha256)


def xen_stage(chosen: Hypervisor, project: Project) -> Stage:
    """The stage that takes the hypervisor from where the recipe says."""
    if chosen.distribution:
        return DistributionXen(_package(chosen.distribution))
    return FileXen(_source(chosen.file, project), chosen.sha256)


def _package(pattern: str) -> HostPackage:
    return HostPackage(
        pattern, hint="on a host without such a package, say in the recipe "
        "`{ file = …, sha256 = … }` for `hypervisor` or `boot.legacy`")


def _source(name: str, project: Project) -> SourceFile:
    path = project.root / name
    return SourceFile(path, project.name_of(path))


def menus(
    boots: BootConfig, *, title: str, xen: str, kernel: str, stick: str = ""
) -> dict[str, str]:
    """The menus' texts, by path. Raises ConfigError.

    xen, kernel  paths on the disc; stick: of the kernel for sticks, if there is one
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
    """What both menus are made of."""

    title: str
    xen: str
    xen_words: tuple[str, ...]
    kernel: str
    kernel_words: tuple[str, ...]
    timeout: int
    menu_entries: Mapping[str, tuple[str, ...]]
    consoles: Consoles
