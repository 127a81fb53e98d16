"""The command `config-image`: a machine's configuration partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from buildlib.cli.commands.build import Own
from buildlib.cli.terminal import size_text
from buildlib.cli.variables import command_line
from buildlib.config.settings import read_epoch, read_settings
from buildlib.model.errors import ConfigError, printable

VARIABLES = ("to", "size", "checkout")


class ConfigImage(Own):
    """`doit config-image NAME SITE`: an image for a machine's partition."""

    name = "config-image"
    makes = True
    doc_purpose = "write the image of a host's or domU's configuration partition"
    doc_usage = "NAME SITE [to=FILE] [size=64m] [checkout=URL|no]"
    doc_description = (
        "NAME is a folder of SITE's pservers or vservers. The image is an FFS file system with "
        "the marker GOLDMASTER, NAME's folder in local and what all share in global: checkouts "
        "of URL, or of what SITE itself was checked out from; else, or with checkout=no, a plain "
        "copy. SITE is checked first. SOURCE_DATE_EPOCH replaces the time stamps of a plain copy."
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Check the site, write the image, and print a summary."""
        del options
        from buildlib.operations.fleet import config_image
        from buildlib.stages.images.config_partition import size_of

        if len(names) != 2:
            raise ConfigError(
                "doit config-image takes a machine's name and a site",
                why=f"it was given {' '.join(names) or 'nothing'}",
                reason="usage",
            )
        project, given = Path.cwd(), command_line()
        own = {key: given.pop(key) for key in VARIABLES if key in given}
        settings = read_settings(project, given)
        size = size_of(own["size"]) if "size" in own else 0
        machine = config_image.find_machine(names[0], Path(names[1]), project)
        path = _target(own.get("to") or f"{settings.dist}/config-{machine.name}.ffs")
        time = epoch if (epoch := read_epoch()) is not None else config_image.TIME
        requested = own.get("checkout", "")
        if config_image.wants_checkout(machine.site, requested):
            from buildlib.host.process import Runner

            made = config_image.write_checkout(
                machine,
                path,
                time=time,
                size=size,
                url=requested,
                runner=Runner(),
                work=Path(settings.build) / "config-image",
            )
            what = f"checkouts of {made.url}, revision {made.revision}"
        else:
            made = config_image.write_copy(machine, path, time=time, size=size)
            what = "a plain copy"
        print(printable(f"{path}: {size_text(made.size)}, {made.files} files, {what}"))
        if machine.others:
            print(
                f"other machines have problems, which do not affect this image: {machine.others}; "
                f"doit site-check {printable(str(machine.site))} shows them"
            )
        return 0


def _target(name: str) -> Path:
    path = Path(name)
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise ConfigError(
            f"{path} is not a regular file",
            hint="write to a file, then copy that to the disk with dd",
            reason="not-a-file",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
