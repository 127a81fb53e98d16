"""Turns a configuration into the stages and products of a run.

A pure function: it uses no files, no clock and no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildlib.config.boot_test import Medium, Platform
from buildlib.config.configuration import DOM0, Configuration, Place
from buildlib.config.lock import Lock
from buildlib.config.recipe import BootConfig
from buildlib.config.release import Release
from buildlib.engine.graph import Graph
from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef
from buildlib.plan.builder import Builder
from buildlib.plan.disc import add_cd
from buildlib.plan.inputs import PRESS, add_lists, press_stage
from buildlib.plan.recipe_check import checked
from buildlib.plan.served import chosen_domus, package_repository, served_images
from buildlib.plan.systems import root_image
from buildlib.sources.mirrors import Mirrors, mirrors_of
from buildlib.stages.inputs.checksums import Checksums


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run can make: stages, products, and the inputs they were planned from.

    lock        that of the configuration, which is whole
    epoch       of all time stamps, seconds since 1970
    version     the files of the version of the domU images that hosts can fetch
    repository  the files of the repository of all locked packages, by path
    boots       how the CD starts
    """

    configuration: Configuration
    lock: Lock
    epoch: int
    graph: Graph
    products: Mapping[str, Product]
    version: Mapping[str, OutputRef]
    repository: Mapping[str, OutputRef]
    mirrors: Mirrors
    boots: BootConfig

    @property
    def release(self) -> Release:
        """The release definition."""
        return self.configuration.release

    @property
    def beside(self) -> Mapping[str, Place]:
        """The files that it names."""
        return self.configuration.beside

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The firmware that the boot CD's image supports."""
        return self.boots.chosen()

    @property
    def media(self) -> tuple[Medium, ...]:
        """The media that it supports."""
        return self.boots.media()


def make_plan(configuration: Configuration) -> Plan:
    """The plan for a release and all recipes. Raises ConfigError with every problem."""
    lock, settings, release = checked(configuration), configuration.settings, configuration.release
    epoch = lock.epoch if configuration.epoch is None else configuration.epoch
    builder = Builder(configuration, lock, epoch)
    first: tuple[str, ...] = ()
    products: dict[str, Product] = {}
    mirrors = mirrors_of(release, mirror=settings.mirror, offline=settings.offline)
    if release.mirror_source:
        stage, product = press_stage(configuration)
        builder.add(PRESS, stage, f"press the mirror of {release.name}")
        products[product.name] = product
        if not settings.mirror:
            first = (product.name,)
            mirrors = Mirrors((str(product.folder),), offline=settings.offline)
    add_lists(builder, first)
    recipe = builder.recipes[DOM0]
    domus = tuple(dict.fromkeys((*recipe.domus, *configuration.domus)))
    for domu in domus:
        root_image(builder, domu)
    products |= _images(builder, add_cd(builder, recipe))
    version = served_images(builder, chosen_domus(settings.served, domus))
    repository = package_repository(builder)
    results = {product.name: product.takes() for product in products.values()}
    results |= {"image-server": tuple(version.values()), "package-repo": tuple(repository.values())}
    graph = Graph(builder.stages, builder.after, builder.docs, results)
    boots = recipe.boot or BootConfig()
    return Plan(configuration, lock, epoch, graph, products, version, repository, mirrors, boots)


def _images(builder: Builder, cd: str) -> dict[str, Product]:
    """The CD written by stage `cd`, and the root images, with the files beside them."""
    release, configuration = builder.release.name, builder.configuration
    dist = configuration.root / configuration.settings.dist
    products = {
        "iso": _product(
            builder,
            "iso",
            "build the boot CD",
            folder=dist,
            base=f"{release}-{DOM0}.iso",
            image=OutputRef(cd, "iso"),
        )
    }
    for domu in configuration.domus:
        name = f"domu-images:{domu}"
        products[name] = _product(
            builder,
            name,
            f"the root image of {domu}",
            folder=dist,
            base=f"{release}-{domu}.ffs",
            image=OutputRef(f"image:{domu}", "image"),
        )
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
