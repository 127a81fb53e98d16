"""Plans the trees of systems (sets, packages, overlays) and the root images of domUs."""

from __future__ import annotations

from buildlib.config.configuration import DOM0
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.engine.stage import OutputRef, SourceTree
from buildlib.plan.builder import Builder, short_name
from buildlib.plan.inputs import unpacked_set, unwrapped_package
from buildlib.plan.kernels import add_kernel, add_toolchain, dom0_kernel
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.system.manifest import Audit
from buildlib.stages.system.package_install import Installing
from buildlib.stages.system.packages import Packages
from buildlib.stages.system.root import Root


def installing(builder: Builder, recipe: Recipe) -> Installing:
    """How to apply what packages declare."""
    source = builder.release.packages
    return Installing(
        source.database,
        source.prefix,
        recipe.outside,
        builder.configuration.accounts,
        OutputRef(add_toolchain(builder).stage, "pwd_mkdb"),
    )


def staged_packages(builder: Builder, recipe_name: str) -> tuple[OutputRef, ...]:
    """The tree of a recipe's packages; empty if it has none."""
    locked = [item for item in builder.lock.packages if recipe_name in item.recipes]
    if not locked:
        return ()
    archives = {item.pkgname: unwrapped_package(builder, item) for item in locked}
    stage = Packages(
        archives,
        tuple(item.pkgname for item in locked if recipe_name not in item.wanted_by),
        builder.release.packages.database,
        builder.release.machine_arch,
        builder.release.version,
        builder.epoch,
        builder.release.packages.prefix,
        builder.recipes[recipe_name].outside,
    )
    name = f"packages:{short_name(recipe_name)}"
    return (OutputRef(builder.add(name, stage, f"stage the packages of {recipe_name}"), "tree"),)


def add_root(builder: Builder, recipe_name: str, recipe: Recipe) -> OutputRef:
    """The tree of a system: sets, packages, overlays, and its kernel."""
    places = [builder.configuration.overlays[name].place for name in recipe.overlays]
    packages = staged_packages(builder, recipe_name)
    kernel = (
        dom0_kernel(builder, recipe.kernel, recipe.boot or BootConfig())
        if recipe_name == DOM0
        else add_kernel(builder, recipe.kernel)
    )
    stage = Root(
        layers=(*(unpacked_set(builder, name) for name in recipe.sets), *packages),
        packages=installing(builder, recipe) if packages else None,
        overlays=tuple(SourceTree(place.path, place.name) for place in places),
        time=builder.epoch,
        remove=recipe.remove,
        keep=recipe.keep,
        files={recipe.kernel_path: kernel},
        audit=None if recipe_name == DOM0 else Audit(),  # the CD has a manifest of the whole disc
    )
    name = f"root:{short_name(recipe_name)}"
    return OutputRef(builder.add(name, stage, f"compose the root tree of {recipe_name}"), "tree")


def root_image(builder: Builder, domu: str) -> OutputRef:
    """The read-only root image of a domU."""
    name = f"domu/{domu}"
    recipe = builder.recipes[name]
    stage = FfsImage(
        add_root(builder, name, recipe),
        builder.epoch,
        recipe.free,
        volume=f"{builder.release.name} {domu}",
    )
    return OutputRef(builder.add(f"image:{domu}", stage, f"write the FFS image of {domu}"), "image")
