"""The boot CD."""

from __future__ import annotations

from buildlib.config.external_program import Hypervisor
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.engine.stage import OutputRef
from buildlib.plan.boot_loaders import boot_images, menus, xen_stage
from buildlib.plan.builder import Builder
from buildlib.plan.kernels import add_kernel, dom0_kernel
from buildlib.plan.recipe_check import DOM0, IMAGES, XEN
from buildlib.plan.systems import add_root, root_image
from buildlib.stages.images.image_folder import DIGESTS, KERNELS, ImageFolder
from buildlib.stages.images.iso import Iso, added_files
from buildlib.stages.system.manifest import Audit
from buildlib.stages.system.root import Root

HYPERVISOR = "hypervisor"


def images_of(builder: Builder, domus: tuple[str, ...]) -> ImageFolder:
    """The images of these domUs, with their kernels."""
    kernels = {f"{domu}.ffs": builder.recipes[f"domu/{domu}"].kernel for domu in domus}
    files = {f"{domu}.ffs": root_image(builder, domu) for domu in domus}
    return ImageFolder(
        files | {kernel: add_kernel(builder, kernel) for kernel in kernels.values()}, kernels
    )


def image_folder(builder: Builder, domus: tuple[str, ...]) -> dict[str, OutputRef]:
    """What the CD's folder of images holds, by path: images, their kernels, lists of both."""
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
    """The boot images, by the names that `Iso` has for them."""
    images = {}
    for image, (name, stage, doc) in boot_images(
        boots, builder.project, time=builder.epoch
    ).items():
        images[image] = OutputRef(builder.add(name, stage, doc), "image")
    return images


def add_cd(builder: Builder, recipe: Recipe) -> str:
    """The boot CD; the name of the stage that writes it."""
    root = add_root(builder, DOM0, recipe)
    files = image_folder(builder, recipe.domus)
    chosen = recipe.hypervisor or Hypervisor(distribution="xen-hypervisor-*-amd64")
    if not chosen.package:
        files[XEN] = OutputRef(
            builder.add(
                HYPERVISOR,
                xen_stage(chosen, builder.project),
                "take the hypervisor from its package",
            ),
            "xen",
        )
    boots = recipe.boot or BootConfig()
    stick = ""
    if boots.stick:
        stick = f"{recipe.kernel_path}.stick"
        files[stick] = dom0_kernel(builder, boots.stick.kernel, boots)
    title = f"{builder.release.name} {builder.release.version} {DOM0}"
    grub = add_boot_images(builder, boots)
    texts = menus(
        boots, title=title, xen=chosen.package or XEN, kernel=recipe.kernel_path, stick=stick
    )
    tree = Root(
        layers=(root,),
        overlays=(),
        time=builder.epoch,
        files=files,
        texts=texts,
        audit=Audit(added_files(grub), disc=True),
    )
    builder.add("tree:cd", tree, "put kernel, hypervisor and images in their places")
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
