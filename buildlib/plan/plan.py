"""From release, lock and recipes to the stages and products of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildlib.config.boot_test import Medium, Platform
from buildlib.config.project import Project
from buildlib.config.recipe import BootConfig, Lock, Release
from buildlib.engine.graph import Graph
from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef
from buildlib.plan.builder import Builder
from buildlib.plan.disc import add_cd
from buildlib.plan.inputs import PRESS, add_lists, press_stage
from buildlib.plan.recipe_check import DOM0, read_all
from buildlib.plan.served import package_repository, served_images
from buildlib.plan.systems import root_image
from buildlib.sources.mirrors import Mirrors, mirrors_of
from buildlib.stages.inputs.checksums import Checksums


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run can do: stages, products, and what they were made from.

    version     the files of the version of the domU images that hosts can fetch
    repository  the files of the repository of all locked packages, by path
    platforms, media   what the boot CD's image is made for
    boots       how the CD starts
    """

    definition: Path
    release: Release
    lock: Lock
    graph: Graph
    products: Mapping[str, Product]
    version: Mapping[str, OutputRef]
    repository: Mapping[str, OutputRef]
    mirrors: Mirrors
    boots: BootConfig
    platforms: tuple[Platform, ...]
    media: tuple[Medium, ...]


def make_plan(
    project: Project,
    release_name: str,
    *,
    build: Path,
    dist: Path,
    mirror: str,
    offline: bool,
    epoch: int | None,
) -> Plan:
    """The plan for one release and all recipes.

    mirror  a URL or folder that takes the place of the release's mirrors and archives, or empty
    offline  whether no server may be asked
    epoch   SOURCE_DATE_EPOCH, or None for that of the lock
    Raises ConfigError.
    """
    definition = project.release_file(release_name)
    release, lock, recipes = read_all(project, release_name)
    recipe = recipes[DOM0]
    domus = tuple(dict.fromkeys((*recipe.domus, *project.domus())))
    builder = Builder(
        project, definition.parent, release, lock, recipes, lock.epoch if epoch is None else epoch
    )
    first: tuple[str, ...] = ()
    products: dict[str, Product] = {}
    mirrors = mirrors_of(release, mirror=mirror, offline=offline)
    if release.mirror_source:
        stage, product = press_stage(project, release, definition, build)
        builder.add(PRESS, stage, f"press the mirror of {release.name}")
        products[product.name] = product
        if not mirror:
            first, mirrors = (product.name,), Mirrors((str(product.folder),), offline=offline)
    add_lists(builder, first)
    for domu in domus:
        root_image(builder, domu)
    products |= _images(builder, add_cd(builder, recipe), dist)
    version, repository = served_images(builder, domus), package_repository(builder)
    results = {product.name: product.takes() for product in products.values()}
    results |= {"image-server": tuple(version.values()), "package-repo": tuple(repository.values())}
    graph = Graph(builder.stages, builder.after, builder.docs, results)
    boots = recipe.boot or BootConfig()
    return Plan(definition, release, lock, graph, products, version, repository, mirrors,
                boots, boots.chosen(), boots.media())


def _images(builder: Builder, cd: str, dist: Path) -> dict[str, Product]:
    """The CD that stage `cd` writes, and the root images, with what lies beside them."""
    release = builder.release.name
    products = {"iso": _product(
        builder, "iso", "press the boot CD", folder=dist, base=f"{release}-{DOM0}.iso",
        image=OutputRef(cd, "iso"))}
    for domu in builder.project.domus():
        name = f"domu-images:{domu}"
        products[name] = _product(
            builder, name, f"the root image of {domu}", folder=dist, base=f"{release}-{domu}.ffs",
            image=OutputRef(f"image:{domu}", "image"))
    return products


def _product(
    builder: Builder, name: str, doc: str, *, folder: Path, base: str, image: OutputRef
) -> Product:
    sums = builder.add(f"checksums:{base}", Checksums({base: image}), f"checksums of {base}")
    files = {
        base: image,
        f"{base}.sha256": OutputRef(sums, "sha256"),
        f"{base}.sha512": OutputRef(sums, "sha512"),
        f"{base}.mtree": OutputRef(image.stage, "spec"),
    }
    return Product(
        name, folder, files, record=f"{base}.json", doc=doc, labels=OutputRef(image.stage, "labels")
    )
