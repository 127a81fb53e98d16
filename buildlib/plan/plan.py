"""From release, lock and recipes to the stages and products of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.config.boot_test import Medium, Platform
from buildlib.config.external_program import Hypervisor
from buildlib.config.project import Project
from buildlib.config.recipe import BootConfig, Lock, LockedPackage, Pinned, Recipe, Release
from buildlib.engine.graph import Graph
from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef, SourceFile, SourceTree, Stage
from buildlib.plan.boot_loaders import boot_images, menus, xen_stage
from buildlib.plan.recipe_check import DOM0, IMAGES, XEN, read_all
from buildlib.sources.kernel_config import pieces
from buildlib.sources.mirrors import Mirrors, mirrors_of
from buildlib.stages.boot.pvh_note import PvhKernel
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.image_folder import DIGESTS, KERNELS, ImageFolder
from buildlib.stages.images.image_version import ImageVersion, version_files
from buildlib.stages.images.iso import Iso, added_files
from buildlib.stages.images.package_repository import PackageRepo, repo_files
from buildlib.stages.inputs.checksums import Checksums
from buildlib.stages.inputs.fetch import Fetch
from buildlib.stages.inputs.local_mirror import Press
from buildlib.stages.inputs.signature import Signature
from buildlib.stages.inputs.signed_package import SignedPackage
from buildlib.stages.inputs.unpack import Unpack
from buildlib.stages.netbsd.build_sh import BuildSh, files_named
from buildlib.stages.netbsd.kernel import Kernel
from buildlib.stages.netbsd.toolchain import Toolchain
from buildlib.stages.system.manifest import Audit
from buildlib.stages.system.package_install import Installing
from buildlib.stages.system.packages import Packages
from buildlib.stages.system.root import Root

PRESS, LIST, SIGNATURE, TOOLCHAIN, HYPERVISOR = (
    "press", "fetch:list", "signature", "toolchain", "hypervisor")


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


@dataclass
class _Builder:
    """Collects stages in an order where what is needed comes first."""

    project: Project
    folder: Path  # of the release definition
    release: Release
    lock: Lock
    recipes: Mapping[str, Recipe]
    epoch: int
    stages: dict[str, Stage] = field(default_factory=dict)
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    docs: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, stage: Stage, doc: str, *, after: tuple[str, ...] = ()) -> str:
        if name not in self.stages:
            self.stages[name], self.docs[name] = stage, doc
            if after:
                self.after[name] = after
        return name

    # what comes in

    def fetch(self, name: str, path: str, pin: Pinned, *, after: tuple[str, ...]) -> OutputRef:
        stage = Fetch(path, pin.sha512, pin.sha256, pin.size)
        return OutputRef(self.add(name, stage, f"fetch {path}", after=after), "file")

    def list_files(self, first: tuple[str, ...]) -> None:
        """The signed list, the lists beside the sets, and the check of the lock against them."""
        release, lock = self.release, self.lock
        assert lock.list is not None  # `check_lock` has seen to it
        signed = self.fetch(LIST, release.signature.list, lock.list, after=first)
        lists = {
            path: self.fetch(f"fetch:{path}", f"{release.path}/{path}", lock.files[path],
                             after=first)
            for path in release.list_paths() if path.endswith("/SHA512")
        }
        key = self.folder / release.signature.key
        stage = Signature(
            list=signed,
            key=SourceFile(key, self.project.name_of(key)),
            fingerprint=release.signature.fingerprint,
            lists=lists,
            # all that is pinned is checked, used or not: what is not pinned nobody can fetch
            pins={path: lock.files[path].sha512 for path in release.set_paths()
                  if path in lock.files},
        )
        self.add(SIGNATURE, stage, "check the lock against the signed list of digests")

    def set_file(self, path: str) -> OutputRef:
        """A set, fetched once the lock has been found signed."""
        return self.fetch(f"fetch:{path}", f"{self.release.path}/{path}", self.lock.files[path],
                          after=(SIGNATURE,))

    def binary_set(self, name: str) -> OutputRef:
        archive = self.set_file(self.release.binary_path(name))
        return OutputRef(
            self.add(f"unpack:{name}", Unpack(archive, name), f"unpack set {name}"), "tree"
        )

    # what is made of it

    def source_sets(self) -> tuple[OutputRef, ...]:
        return tuple(self.set_file(self.release.source_path(name))
                     for name in self.release.source_sets)

    def toolchain(self) -> OutputRef:
        stage = Toolchain(self.build_sh())
        return OutputRef(self.add(TOOLCHAIN, stage, "build the release's toolchain"), "identity")

    def installing(self, recipe: Recipe) -> Installing:
        """How to apply what packages declare."""
        source = self.release.packages
        return Installing(source.database, source.prefix, recipe.outside, self.project.accounts(),
                          OutputRef(self.toolchain().stage, "pwd_mkdb"))

    def build_sh(self) -> BuildSh:
        release, build = self.release, self.release.build
        environment = build.compiler.settings() | dict(build.environment)
        return BuildSh(
            self.source_sets(), build.version or release.version, release.machine,
            release.machine_arch, (build.compiler.c, build.compiler.cxx), build.flags,
            environment, files_named(build.flags, environment),
        )

    def kernel(self, name: str) -> OutputRef:
        path = self.project.kernel_config(name)
        toolchain = self.toolchain()
        config, *includes = (SourceFile(piece, self.project.name_of(piece))
                             for piece in (path, *pieces(path, self.project)))
        stage = Kernel(config, toolchain, self.build_sh(), self.epoch, tuple(includes))
        return OutputRef(self.add(f"kernel:{name}", stage, f"compile the kernel {name}"), "kernel")

    def package_file(self, item: LockedPackage) -> OutputRef:
        """A package's archive as the repository has it."""
        return self.fetch(f"fetch:{item.file}", f"{self.release.packages.path}/{item.file}",
                          item.pin, after=(SIGNATURE,))

    def package(self, item: LockedPackage) -> OutputRef:
        """A package, out of its signed wrapping where packages are signed."""
        archive, source = self.package_file(item), self.release.packages
        if not source.key:
            return archive
        key = self.folder / source.key
        stage = SignedPackage(archive, item.file, SourceFile(key, self.project.name_of(key)),
                              source.fingerprint)
        name = self.add(f"signed:{item.file}", stage, f"check who signed {item.file}")
        return OutputRef(name, "file")

    def package_repo(self) -> dict[str, OutputRef]:
        """The files of a repository that has all locked packages, by path."""
        locked = self.lock.packages
        if not locked:
            return {}
        files = {item.file: self.package_file(item) for item in locked}
        stage = PackageRepo(files, {item.file: self.package(item) for item in locked},
                            {item.file: item.pin.sha512 for item in locked})
        name = self.add("package-lists", stage, "list the packages of the repository")
        return repo_files(name, files)

    def packages(self, recipe_name: str) -> tuple[OutputRef, ...]:
        locked = [item for item in self.lock.packages if recipe_name in item.recipes]
        if not locked:
            return ()
        archives = {item.pkgname: self.package(item) for item in locked}
        stage = Packages(
            archives, tuple(item.pkgname for item in locked if recipe_name not in item.wanted_by),
            self.release.packages.database, self.release.machine_arch, self.release.version,
            self.epoch, self.release.packages.prefix, self.recipes[recipe_name].outside,
        )
        name = f"packages:{_short(recipe_name)}"
        return (OutputRef(self.add(name, stage, f"stage the packages of {recipe_name}"), "tree"),)

    def root(self, recipe_name: str, recipe: Recipe) -> OutputRef:
        folder = self.project.root / "recipes"
        overlays = tuple(
            SourceTree(folder / path, self.project.name_of(folder / path))
            for path in recipe.overlays
        )
        packages = self.packages(recipe_name)
        kernel = (
            self.started(recipe.kernel, recipe.boot or BootConfig())
            if recipe_name == DOM0
            else self.kernel(recipe.kernel)
        )
        stage = Root(
            layers=(*(self.binary_set(name) for name in recipe.sets), *packages),
            packages=self.installing(recipe) if packages else None,
            overlays=overlays,
            time=self.epoch,
            remove=recipe.remove,
            keep=recipe.keep,
            files={recipe.kernel_path: kernel},
            audit=None if recipe_name == DOM0 else Audit(),  # the CD has one of all that is on it
        )
        name = f"root:{_short(recipe_name)}"
        return OutputRef(self.add(name, stage, f"compose the root tree of {recipe_name}"), "tree")

    def domu_image(self, domu: str) -> OutputRef:
        name = f"domu/{domu}"
        recipe = self.recipes[name]
        stage = FfsImage(self.root(name, recipe), self.epoch, recipe.free,
                         volume=f"{self.release.name} {domu}")
        return OutputRef(
            self.add(f"image:{domu}", stage, f"write the FFS image of {domu}"), "image"
        )

    def image_folder(self, domus: tuple[str, ...]) -> dict[str, OutputRef]:
        """What the CD's folder of images holds, by path: images, their kernels, lists of both."""
        if not domus:
            return {}
        stage = self.images_of(domus)
        lists = self.add("checksums:images", stage, "list kernels and digests of the domU images")
        files = {
            **stage.files,
            KERNELS: OutputRef(lists, "kernels"),
            DIGESTS: OutputRef(lists, "sha256"),
        }
        return {f"{IMAGES}/{name}": ref for name, ref in files.items()}

    def images_of(self, domus: tuple[str, ...]) -> ImageFolder:
        """The images of these domUs, with their kernels."""
        kernels = {f"{domu}.ffs": self.recipes[f"domu/{domu}"].kernel for domu in domus}
        files = {f"{domu}.ffs": self.domu_image(domu) for domu in domus}
        return ImageFolder(
            files | {kernel: self.kernel(kernel) for kernel in kernels.values()}, kernels)

    def image_version(self, domus: tuple[str, ...]) -> dict[str, OutputRef]:
        """The files of the version that hosts can fetch, by name; all images."""
        if not domus:
            return {}
        folder = self.images_of(domus)
        lists = self.add("checksums:served", folder, "list the kernels of the served images")
        files = {**folder.files, KERNELS: OutputRef(lists, "kernels")}
        stage = self.add("checksums:version", ImageVersion(self.release.name, files),
                         "name the version of the served images")
        return version_files(stage, files)

    def started(self, name: str, boots: BootConfig) -> OutputRef:
        """A kernel of dom0, of which is known that it can be started as the recipe says."""
        kernel = self.kernel(name)
        if boots.dom0 == "pv":
            return kernel
        return OutputRef(self.add(f"pvh:{name}", PvhKernel(kernel, name),
                             f"see that {name} can be a PVH dom0"), "kernel")

    def boot_images(self, boots: BootConfig) -> dict[str, OutputRef]:
        """The boot images, by the names that `Iso` has for them."""
        images = {}
        for image, (name, stage, doc) in boot_images(boots, self.project, time=self.epoch).items():
            images[image] = OutputRef(self.add(name, stage, doc), "image")
        return images

    def cd(self, recipe: Recipe) -> str:
        """The boot CD; the name of the stage that writes it."""
        root = self.root(DOM0, recipe)
        files = self.image_folder(recipe.domus)
        chosen = recipe.hypervisor or Hypervisor(distribution="xen-hypervisor-*-amd64")
        if not chosen.package:
            files[XEN] = OutputRef(
                self.add(HYPERVISOR, xen_stage(chosen, self.project),
                         "take the hypervisor from its package"), "xen")
        boots = recipe.boot or BootConfig()
        stick = ""
        if boots.stick:
            stick = f"{recipe.kernel_path}.stick"
            files[stick] = self.started(boots.stick.kernel, boots)
        title = f"{self.release.name} {self.release.version} {DOM0}"
        grub = self.boot_images(boots)
        texts = menus(boots, title=title, xen=chosen.package or XEN, kernel=recipe.kernel_path,
                      stick=stick)
        tree = Root(layers=(root,), overlays=(), time=self.epoch, files=files, texts=texts,
                    audit=Audit(added_files(grub), disc=True))
        self.add("tree:cd", tree, "put kernel, hypervisor and images in their places")
        iso = Iso(OutputRef("tree:cd", "tree"), grub, volume=f"{self.release.name} {DOM0}",
                  application=f"{title} boot CD", time=self.epoch, disk=boots.disk,
                  disk_code=OutputRef("grub:bios", "disk_code") if "bios" in grub and
                  boots.disk != "none" else None)
        return self.add("image:cd", iso, "write the boot CD")


def make_plan(
    project: Project, release_name: str, *, build: Path, dist: Path, mirror: str,
    offline: bool, epoch: int | None,
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
    builder = _Builder(project, definition.parent, release, lock, recipes,
                       lock.epoch if epoch is None else epoch)
    first: tuple[str, ...] = ()
    products: dict[str, Product] = {}
    mirrors = mirrors_of(release, mirror=mirror, offline=offline)
    if release.mirror_source:
        stage, product = press_stage(project, release, definition, build)
        builder.add(PRESS, stage, f"press the mirror of {release.name}")
        products[product.name] = product
        if not mirror:
            first, mirrors = (product.name,), Mirrors((str(product.folder),), offline=offline)
    builder.list_files(first)
    for domu in domus:
        builder.domu_image(domu)
    cd = builder.cd(recipe)
    products["iso"] = _product(
        builder, "iso", "press the boot CD", folder=dist, base=f"{release.name}-{DOM0}.iso",
        image=OutputRef(cd, "iso"))
    for domu in project.domus():
        name = f"domu-images:{domu}"
        products[name] = _product(
            builder, name, f"the root image of {domu}", folder=dist,
            base=f"{release.name}-{domu}.ffs", image=OutputRef(f"image:{domu}", "image"))
    version, repository = builder.image_version(domus), builder.package_repo()
    results = {product.name: product.takes() for product in products.values()}
    results |= {"image-server": tuple(version.values()),
                "package-repo": tuple(repository.values())}
    graph = Graph(builder.stages, builder.after, builder.docs, results)
    boots = recipe.boot or BootConfig()
    return Plan(definition, release, lock, graph, products, version, repository, mirrors,
                boots, boots.chosen(), boots.media())


def press_stage(
    project: Project, release: Release, definition: Path, build: Path
) -> tuple[Press, Product]:
    """The stage that presses a release's mirror, and the mirror as a product.

    definition  the file the release is defined in
    """
    folder = definition.parent / release.mirror_source
    sets = {release.source_path(name): f"source/{name}" for name in release.source_sets}
    sets |= {release.binary_path(name): f"binary/{name}" for name in release.binary_sets}
    stage = Press(
        SourceTree(folder, project.name_of(folder)), release.path, sets, release.signature.list,
        release.packages.path, release.machine_arch, release.version, release.mirror_time,
    )
    product = Product("mirror", build / "mirror" / release.name, all_of=PRESS,
                      doc=f"the mirror of {release.name}, pressed from its folder")
    return stage, product


def _product(
    builder: _Builder, name: str, doc: str, *, folder: Path, base: str, image: OutputRef
) -> Product:
    sums = builder.add(f"checksums:{base}", Checksums({base: image}), f"checksums of {base}")
    files = {
        base: image,
        f"{base}.sha256": OutputRef(sums, "sha256"),
        f"{base}.sha512": OutputRef(sums, "sha512"),
        f"{base}.mtree": OutputRef(image.stage, "spec"),
    }
    return Product(name, folder, files, record=f"{base}.json", doc=doc,
                   labels=OutputRef(image.stage, "labels"))


def _short(recipe_name: str) -> str:
    return recipe_name.rpartition("/")[2]
