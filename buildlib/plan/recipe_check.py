"""Checks that a configuration can be planned, and reports every problem at once.

It adds to the reader's findings files that would replace others and keys that do not fit the
release. It runs nothing and reads no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from buildlib.config.amount import amount
from buildlib.config.configuration import DOM0, Configuration, Overlay, kernels_named
from buildlib.config.lock import Lock
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.config.release import Release
from buildlib.formats.fixed_fields import limits
from buildlib.formats.iso9660.layout import FILE_LIMIT
from buildlib.model.errors import ConfigError
from buildlib.model.names import bare
from buildlib.model.schema import nearest
from buildlib.model.spec import spec_error
from buildlib.plan.lock_check import check_lock
from buildlib.stages.boot import grub, grub_legacy
from buildlib.stages.images.image_folder import DIGESTS, KERNELS
from buildlib.stages.images.iso import added_files
from buildlib.stages.system.manifest import LIST

XEN = "boot/xen.gz"
IMAGES = "images"
# First and last time that a CD and an FFS image can record, in seconds since 1970, and the reason.
_TIMES = {
    True: (-2_208_988_800, 5_869_583_999, "a CD has one byte for the year: 1900 to 2155"),
    False: (*limits(32, signed=True), "FFS version 1 has 32 bits for it: 1901 to 2038"),
}


def checked(configuration: Configuration) -> Lock:
    """The lock, if the configuration can be planned. Raises ConfigError with every problem."""
    lock = configuration.lock
    problems = [
        *configuration.unread,
        *recipe_problems(configuration.release, configuration.recipes, configuration.overlays),
        *configuration.missing,
    ]
    if isinstance(lock, ConfigError):
        raise ConfigError.together([lock, *map(configuration.placed, problems)])
    problems = [*_lock_problems(configuration, lock), *problems]
    if problems:
        raise ConfigError.together([*map(configuration.placed, problems)])
    return lock


def _lock_problems(configuration: Configuration, lock: Lock) -> Iterator[ConfigError]:
    try:
        check_lock(
            configuration.release,
            lock,
            configuration.recipes,
            where=configuration.lock_file.name,
            has_key=configuration.has_key,
            again=f"doit lock release={configuration.settings.release}",
        )
    except ConfigError as error:
        yield error


def recipe_problems(
    release: Release, recipes: Mapping[str, Recipe], overlays: Mapping[str, Overlay]
) -> Iterator[ConfigError]:
    """Everything that is wrong with recipes, for a release."""
    for name, recipe in recipes.items():
        where = f"recipes/{name}.toml"
        yield from _unknown_sets(recipe, release, where)
        for overlay in recipe.overlays:
            if overlay in overlays:
                yield from _times(overlays[overlay], is_disc=name == DOM0)
        yield from _clashes(name, recipe, where)
    yield from _twins(recipes)
    if DOM0 in recipes:
        yield from _images(recipes)


def _unknown_sets(recipe: Recipe, release: Release, where: str) -> Iterator[ConfigError]:
    known = release.binary_sets
    for name in recipe.sets:
        if name not in known:
            yield ConfigError(
                f"the release has no set {name}{nearest(name, known)}",
                where=f"{where}: sets",
                why=f"known: {', '.join(known)}",
                reason="unknown-set",
                hint="binary_sets in the release definition lists the sets in use",
            )


def _twins(recipes: Mapping[str, Recipe]) -> Iterator[ConfigError]:
    """Kernels that would have one name on the disc."""
    first: dict[str, str] = {}
    for name, recipe in recipes.items():
        for key, kernel in kernels_named(recipe).items():
            other = first.setdefault(bare(kernel), kernel)
            if other != kernel:
                yield ConfigError(
                    f"{other} and {kernel} are two kernels of one name",
                    where=f"recipes/{name}.toml: {key}",
                    hint="rename the file of your own",
                    reason="clash",
                )


def _times(overlay: Overlay, *, is_disc: bool) -> Iterator[ConfigError]:
    """Times in the spec of an overlay that the image cannot have."""
    least, most, why = _TIMES[is_disc]
    late = [
        (line.line, f"{path}: the time {seconds} cannot be written: {why}")
        for path, line in overlay.said.items()
        if line.says("time")
        and not least <= (seconds := int(line.keywords["time"].partition(".")[0])) <= most
    ]
    if late:
        yield spec_error(late, where=str(overlay.spec))


def _clashes(name: str, recipe: Recipe, where: str) -> Iterator[ConfigError]:
    """Paths of the recipe that are equal to, below or above the path of something else."""
    own = {
        "kernel_path": recipe.kernel_path,
        **{f"keep.{old}": new for old, new in recipe.keep.items()},
    }
    fixed = {LIST: "the list of all files"}
    if name == DOM0:
        fixed |= _on_the_disc(recipe)
    for key, path in own.items():
        for other, what in fixed.items():
            if _overlap(path, other):
                yield ConfigError(
                    f"{path}: {what} is at {other}",
                    where=f"{where}: {key}",
                    hint="choose another path",
                    reason="clash",
                )
        if (
            key != "kernel_path"
            and path != recipe.kernel_path
            and _overlap(path, recipe.kernel_path)
        ):
            yield ConfigError(
                f"{path}: the kernel is at {recipe.kernel_path}",
                where=f"{where}: {key}",
                hint="choose another path",
                reason="clash",
            )


def _on_the_disc(recipe: Recipe) -> dict[str, str]:
    boots = recipe.boot or BootConfig()
    images = added_files((*boots.chosen(), "disk"))
    return {
        XEN: "the hypervisor",
        **dict.fromkeys(images, "a boot image or the boot catalog"),
        grub.MENU: "GRUB's menu",
        grub_legacy.MENU: "GRUB's menu",
        **({f"{recipe.kernel_path}.stick": "the kernel for sticks"} if boots.stick else {}),
        **({f"{IMAGES}/{KERNELS}": "the folder of images"} if recipe.domus else {}),
    }


def _overlap(path: str, other: str) -> bool:
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


def _images(recipes: Mapping[str, Recipe]) -> Iterator[ConfigError]:
    """Images and kernels that cannot be in the disc's folder of images."""
    carried = [domu for domu in recipes[DOM0].domus if f"domu/{domu}" in recipes]
    taken = {KERNELS, DIGESTS, *(f"{domu}.ffs" for domu in carried)}
    for domu in carried:
        name = f"domu/{domu}"
        where, recipe = f"recipes/{name}.toml", recipes[name]
        if bare(recipe.kernel) in taken:
            yield ConfigError(
                f"a kernel named {bare(recipe.kernel)} has an image's name",
                where=f"{where}: kernel",
                reason="clash",
            )
        size, _ = amount(recipe.free)
        if size >= FILE_LIMIT:
            yield ConfigError(
                f"the image of {domu} cannot be put on a CD",
                where=f"{where}: free",
                why=f"{recipe.free} of it are free, but a CD has 32 bits for a file's size: 4 GiB",
                hint="leave less space free, or remove it from domus in recipes/dom0.toml",
                reason="iso-size",
            )
