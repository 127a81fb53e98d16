"""Plans what servers serve: versions of the domU images, and packages."""

from __future__ import annotations

from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError
from buildlib.model.names import shown
from buildlib.model.schema import nearest
from buildlib.plan.builder import Builder
from buildlib.plan.disc import images_of
from buildlib.plan.inputs import package_archive, unwrapped_package
from buildlib.stages.images.image_folder import KERNELS
from buildlib.stages.images.image_version import ImageVersion, version_files
from buildlib.stages.images.package_repository import PackageRepo, repo_files


def chosen_domus(served: str, domus: tuple[str, ...]) -> tuple[str, ...]:
    """The domU recipes that the setting `served` names, in the order of `domus`; all if empty.

    Raises ConfigError for names of no recipe.
    """
    wanted = {name.strip() for name in served.split(",")} - {""}
    unknown = sorted(wanted - {*domus})
    if unknown:
        raise ConfigError(
            "served: no such domU recipes",
            where="setting served",
            problems=tuple(f"{shown(name)}{nearest(name, domus)}" for name in unknown),
            hint=f"recipes are {', '.join(domus)}" if domus else "there are none in recipes/domu",
            reason="served",
        )
    return tuple(domu for domu in domus if not wanted or domu in wanted)


def served_images(builder: Builder, domus: tuple[str, ...]) -> dict[str, OutputRef]:
    """The files of the version that hosts can fetch, by name: the images of these domUs."""
    if not domus:
        return {}
    folder = images_of(builder, domus)
    lists = builder.add("checksums:served", folder, "list the kernels of the served images")
    files = {**folder.files, KERNELS: OutputRef(lists, "kernels")}
    stage = builder.add(
        "checksums:version",
        ImageVersion(builder.release.name, files),
        "name the version of the served images",
    )
    return version_files(stage, files)


def package_repository(builder: Builder) -> dict[str, OutputRef]:
    """The files of a repository with all locked packages, by path."""
    locked = builder.lock.packages
    if not locked:
        return {}
    files = {item.file: package_archive(builder, item) for item in locked}
    stage = PackageRepo(
        files,
        {item.file: unwrapped_package(builder, item) for item in locked},
        {item.file: item.pin.sha512 for item in locked},
    )
    name = builder.add("package-lists", stage, "list the packages of the repository")
    return repo_files(name, files)
