"""Plans the boot CD."""

from __future__ import annotations

from buildlib.config.configuration import DOM0
from buildlib.config.external_program import Hypervisor
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError
from buildlib.model.names import bare
from buildlib.plan.boot_loaders import boot_images, menus, xen_stage
from buildlib.plan.builder import Builder
from buildlib.plan.kernels import add_kernel, dom0_kernel
from buildlib.plan.recipe_check import IMAGES, XEN
from buildlib.plan.systems import add_root, root_image, staged_packages
from buildlib.stages.boot.xen_version import OneXen
from buildlib.stages.images.image_folder import DIGESTS, KERNELS, ImageFolder
from buildlib.stages.images.iso import Iso, added_files
from buildlib.stages.system.manifest import Audit
from buildlib.stages.system.root import Root, Text

HYPERVISOR = "hypervisor"


def images_of(builder: Builder, domus: tuple[str, ...]) -> ImageFolder:
    """The images of these domUs, with their kernels."""
    named = {f"{domu}.ffs": builder.recipes[f"domu/{domu}"].kernel for domu in domus}
    files = {f"{domu}.ffs": root_image(builder, domu) for domu in domus}
    files |= {bare(kernel): add_kernel(builder, kernel) for kernel in named.values()}
    return ImageFolder(files, {image: bare(kernel) for image, kernel in named.items()})


def image_folder(builder: Builder, domus: tuple[str, ...]) -> dict[str, OutputRef]:
    """The CD's folder of images, by path: images, their kernels, lists of both."""
    if not domus:
        return {}
    stage = images_of(builder, domus)
    lists = builder.add("checksums:images", stage, "list kernels and digests of the domU images")
    files = {
        **stage.files,
        KERNELS: OutputRef(lists, "kernels"),
        DIGESTS: OutputRef(lists, "sha256"),
    }
    return {f"{IMAGES}/{name}": ref for name, ref in files.items()}


def add_boot_images(builder: Builder, boots: BootConfig) -> dict[str, OutputRef]:
    """The boot images, by `Iso`'s names for them."""
    images = {}
    made = boot_images(boots, builder.configuration.files, time=builder.epoch)
    for image, (name, stage, doc) in made.items():
        images[image] = OutputRef(builder.add(name, stage, doc), "image")
    return images


def add_xen(builder: Builder, recipe: Recipe) -> OutputRef:
    """The hypervisor, checked to have the same version as the tools in dom0's packages."""
    chosen = recipe.hypervisor or Hypervisor(distribution="xen-hypervisor-*-amd64")
    if chosen.package:
        chosen = builder.release.packages.hypervisor or chosen
    (packages,) = staged_packages(builder, DOM0) or (None,)
    if packages is None and chosen.package:
        raise builder.configuration.placed(
            ConfigError(
                f"dom0 has no packages, and takes its hypervisor {chosen.package} from one",
                where="recipes/dom0.toml: packages",
                hint="add the hypervisor's package, such as sysutils/xenkernel420",
                reason="no-hypervisor",
            )
        )
    stage = xen_stage(chosen, builder.configuration.files, packages)
    xen = OutputRef(builder.add(HYPERVISOR, stage, "take the hypervisor from its package"), "xen")
    if packages is None:
        return xen
    name = chosen.package or chosen.file or chosen.distribution
    doc = "compare the versions of the hypervisor and its tools"
    return OutputRef(builder.add("xen-version", OneXen(xen, name, packages), doc), "xen")


def add_cd(builder: Builder, recipe: Recipe) -> str:
    """Add the boot CD; returns the name of the stage that writes it."""
    root = add_root(builder, DOM0, recipe)
    files = image_folder(builder, recipe.domus)
    files[XEN] = add_xen(builder, recipe)
    boots = recipe.boot or BootConfig()
    stick = ""
    if boots.stick:
        stick = f"{recipe.kernel_path}.stick"
        files[stick] = dom0_kernel(builder, boots.stick.kernel, boots)
    title = f"{builder.release.name} {builder.release.version} {DOM0}"
    grub = add_boot_images(builder, boots)
    texts = menus(boots, title=title, xen=XEN, kernel=recipe.kernel_path, stick=stick)
    tree = Root(
        layers=(root,),
        overlays=(),
        time=builder.epoch,
        files=files,
        texts={path: Text("menu", text) for path, text in texts.items()},
        audit=Audit(added_files(grub), disc=True),
    )
    builder.add("tree:cd", tree, "add kernel, hypervisor and images to the CD's tree")
    iso = Iso(
        OutputRef("tree:cd", "tree"),
        grub,
        volume=f"{builder.release.name} {DOM0}",
        application=f"{title} boot CD",
        time=builder.epoch,
        disk=boots.disk,
        disk_code=OutputRef("grub:bios", "disk_code")
        if "bios" in grub and boots.disk != "none"
        else None,
    )
    return builder.add("image:cd", iso, "write the boot CD")
