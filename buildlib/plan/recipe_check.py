"""What recipes name and is not there, or lies in the place of something else: all of it, at once.

Nothing is run for it, and nothing but the recipes, the folders they name and the specs beside
these is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from buildlib.config.amount import amount
from buildlib.config.project import Project
from buildlib.config.recipe import BootConfig, Lock, Recipe, Release
from buildlib.formats.fixed_fields import limits
from buildlib.formats.iso9660.layout import FILE_LIMIT
from buildlib.host.reading import read_small
from buildlib.model.errors import ConfigError
from buildlib.model.names import label
from buildlib.model.schema import nearest
from buildlib.model.spec import read_spec, spec_error
from buildlib.plan.lock_check import check_lock
from buildlib.stages.boot import grub, grub_legacy
from buildlib.stages.images.image_folder import DIGESTS, KERNELS
from buildlib.stages.images.iso import added_files
from buildlib.stages.system.manifest import LIST
from buildlib.store.source_files import has_spec

DOM0 = "dom0"
XEN = "boot/xen.gz"
IMAGES = "images"
# Seconds since 1970 that a CD and an FFS image can have, and in which years those are.
_TIMES = {True: (-2_208_988_800, 5_869_583_999, "a CD has one byte for the year: 1900 to 2155"),
          False: (*limits(32, signed=True), "FFS version 1 has 32 bits for it: 1901 to 2038")}


def read_all(project: Project, release_name: str) -> tuple[Release, Lock, dict[str, Recipe]]:
    """Release, lock and recipes. Raises ConfigError with all that is wrong with any of them."""
    release, definition = project.release(release_name), project.release_file(release_name)
    problems, wrong = list[ConfigError](), list[ConfigError]()
    lock: Lock | None = None
    try:
        lock = project.lock(release_name)
    except ConfigError as error:
        problems.append(error)
    recipes = read_recipes(project, wrong)
    if lock is not None:
        try:
            check_lock(
                release, lock, recipes, where=project.name_of(project.lock_file(release_name)),
                has_key=project.has_file(definition.parent / release.signature.key),
                again=f"doit lock release={release_name}")
        except ConfigError as error:
            problems.append(error)
    problems += [*wrong, *release_problems(project, release, definition),
                 *recipe_problems(project, release, recipes)]
    if problems or lock is None:
        raise ConfigError.together(problems)
    return release, lock, recipes


def read_recipes(project: Project, problems: list[ConfigError]) -> dict[str, Recipe]:
    """All recipes by name, dom0's first; what is wrong with any goes to `problems`."""
    recipes: dict[str, Recipe] = {}

    def read(name: str) -> None:
        try:
            recipes[name] = project.recipe(name)
        except ConfigError as error:
            problems.append(error)

    read(DOM0)
    carried = recipes[DOM0].domus if recipes else ()
    for domu in dict.fromkeys((*carried, *project.domus())):
        try:
            label(domu)
        except ValueError as error:
            problems.append(ConfigError(f"a domU cannot be called so: {error}",
                                        where=f"recipes/domu/{domu}.toml",
                                        hint="rename the file", reason="recipe-name"))
        else:
            read(f"domu/{domu}")
    return recipes


def recipe_problems(
    project: Project, release: Release, recipes: Mapping[str, Recipe]
) -> Iterator[ConfigError]:
    """Everything that is wrong with the recipes of a project, for a release."""
    for name, recipe in recipes.items():
        where = f"recipes/{name}.toml"
        yield from _unknown_sets(recipe, release, where)
        yield from _kernels(project, recipe, where)
        yield from _files(project, recipe, where)
        for number, path in enumerate(recipe.overlays):
            yield from _overlay(project, name, path, f"{where}: overlays[{number}]")
        yield from _clashes(name, recipe, where)
    if DOM0 in recipes:
        yield from _images(recipes)


def release_problems(
    project: Project, release: Release, definition: Path
) -> Iterator[ConfigError]:
    """What a release names and is not there; its signing key is looked for with the lock."""
    where = project.name_of(definition)
    folder = definition.parent
    if release.mirror_source and not (folder / release.mirror_source).is_dir():
        known = sorted(path.name for path in folder.iterdir() if path.is_dir())
        yield ConfigError(
            f"there is no folder {release.mirror_source}{nearest(release.mirror_source, known)}",
            where=f"{where}: mirror_source", reason="no-folder")
    key = release.packages.key
    if key and not project.has_file(folder / key):
        yield ConfigError(f"there is no file {key}", where=f"{where}: packages.key",
                          why="packages cannot be checked without it", reason="no-key",
                          hint="put it there, beside the release definition")


def _unknown_sets(recipe: Recipe, release: Release, where: str) -> Iterator[ConfigError]:
    known = release.binary_sets
    for name in recipe.sets:
        if name not in known:
            yield ConfigError(
                f"the release has no set {name}{nearest(name, known)}", where=f"{where}: sets",
                why=f"known: {', '.join(known)}", reason="unknown-set",
                hint="binary_sets in the release definition says which are used")


def _kernels(project: Project, recipe: Recipe, where: str) -> Iterator[ConfigError]:
    stick = recipe.boot.stick if recipe.boot else None
    named = {"kernel": recipe.kernel, **({"boot.stick.kernel": stick.kernel} if stick else {})}
    for key, kernel in named.items():
        try:
            project.kernel_config(kernel)
        except ConfigError as error:
            error.hint = f"{where}: {key} names it"
            yield error


def _files(project: Project, recipe: Recipe, where: str) -> Iterator[ConfigError]:
    boots = recipe.boot
    for key, file in (("hypervisor.file", recipe.hypervisor.file if recipe.hypervisor else ""),
                      ("boot.legacy.file", boots.legacy.file if boots else "")):
        if file and not project.has_file(project.root / file):
            yield ConfigError(f"there is no file {file}", where=f"{where}: {key}",
                              why="a path is from the project's folder", reason="no-file")


def _overlay(project: Project, name: str, path: str, where: str) -> Iterator[ConfigError]:
    """What is wrong with an overlay: no folder, not in the recipes, or a spec nobody can read."""
    recipes = project.root / "recipes"
    folder = recipes / path
    if not folder.is_dir():
        known = sorted(found.relative_to(recipes).as_posix()
                       for found in recipes.rglob("overlay*") if found.is_dir())
        yield ConfigError(f"there is no folder {path}{nearest(path, known)}", where=where,
                          why=f"known: {', '.join(known) or 'none'}", reason="no-overlay")
        return
    real = folder.resolve()
    if not real.is_relative_to(recipes.resolve()):
        yield ConfigError(f"{path} is a link that leads out of the recipes", where=where,
                          why=f"to {real}", reason="overlay-link",
                          hint="copy what is there, so that all that is built from is in one place")
        return
    if (inner := next(folder.glob("*.toml"), None)) and (
            real in {recipes.resolve(), (recipes / "domu").resolve()}):
        yield ConfigError(f"{path} has recipes in it", where=where, why=f"{inner.name}",
                          reason="overlay-recipes", hint="name one overlay, such as "
                          f"{path}/overlay")
        return
    spec = folder.with_name(f"{folder.name}.mtree")
    try:
        yield from _spec(spec, is_disc=name == DOM0)
    except ConfigError as error:
        yield error


def _spec(spec: Path, *, is_disc: bool) -> Iterator[ConfigError]:
    if not has_spec(spec):
        return
    try:
        data = read_small(spec)
    except OSError as error:
        yield ConfigError("the spec cannot be read", where=spec, why=error.strerror,
                          reason="folder")
        return
    least, most, why = _TIMES[is_disc]
    late = [(line.line, f"{path}: the time {seconds} cannot be written: {why}")
            for path, line in read_spec(data, where=str(spec)).items() if line.says("time")
            and not least <= (seconds := int(line.keywords["time"].partition(".")[0])) <= most]
    if late:
        yield spec_error(late, where=str(spec))


def _clashes(name: str, recipe: Recipe, where: str) -> Iterator[ConfigError]:
    """Paths of the recipe at which something else lies, or below or above which."""
    own = {"kernel_path": recipe.kernel_path,
           **{f"keep.{old}": new for old, new in recipe.keep.items()}}
    fixed = {LIST: "the list of all files"}
    if name == DOM0:
        fixed |= _on_the_disc(recipe)
    for key, path in own.items():
        for other, what in fixed.items():
            if _overlap(path, other):
                yield ConfigError(f"{path}: {what} is at {other}", where=f"{where}: {key}",
                                  hint="choose another path", reason="clash")
        if key != "kernel_path" and path != recipe.kernel_path and _overlap(
                path, recipe.kernel_path):
            yield ConfigError(f"{path}: the kernel is at {recipe.kernel_path}",
                              where=f"{where}: {key}", hint="choose another path", reason="clash")


def _on_the_disc(recipe: Recipe) -> dict[str, str]:
    boots = recipe.boot or BootConfig()
    chosen = recipe.hypervisor
    images = added_files((*boots.chosen(), "disk"))
    return {
        **({} if chosen and chosen.package else {XEN: "the hypervisor"}),
        **dict.fromkeys(images, "what starts the disc"),
        grub.MENU: "GRUB's menu", grub_legacy.MENU: "GRUB's menu",
        **({f"{recipe.kernel_path}.stick": "the kernel for sticks"} if boots.stick else {}),
        **({f"{IMAGES}/{KERNELS}": "the folder of images"} if recipe.domus else {}),
    }


def _overlap(path: str, other: str) -> bool:
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


def _images(recipes: Mapping[str, Recipe]) -> Iterator[ConfigError]:
    """What the folder of images on the disc cannot hold."""
    carried = [domu for domu in recipes[DOM0].domus if f"domu/{domu}" in recipes]
    taken = {KERNELS, DIGESTS, *(f"{domu}.ffs" for domu in carried)}
    for domu in carried:
        name = f"domu/{domu}"
        where, recipe = f"recipes/{name}.toml", recipes[name]
        if recipe.kernel in taken:
            yield ConfigError(f"a kernel named {recipe.kernel} has an image's name",
                              where=f"{where}: kernel", reason="clash")
        size, _ = amount(recipe.free)
        if size >= FILE_LIMIT:
            yield ConfigError(
                f"the image of {domu} cannot be put on a CD", where=f"{where}: free",
                why=f"{recipe.free} are free in it, and a CD has 32 bits for a file's size: 4 GiB",
                hint="keep less free, or take it out of domus in recipes/dom0.toml",
                reason="iso-size")
