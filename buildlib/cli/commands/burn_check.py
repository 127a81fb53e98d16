"""The command `burn-check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from buildlib.cli.commands.build import Own
from buildlib.cli.terminal import make_display
from buildlib.host.environment import monotonic
from buildlib.model.errors import ConfigError, printable
from buildlib.model.events import Finished, Note, Progress, Started


class BurnCheck(Own):
    """`doit burn-check DEVICE`: compares a disc or stick with its image."""

    name = "burn-check"
    doc_purpose = "compare a burnt disc or a written stick with the boot CD's image"
    doc_usage = "DEVICE|FILE [release=NAME] [dist=FOLDER]"
    doc_description = (
        "Compares the whole image. If the medium differs, names the first file that does. "
        "Exit status 1: it differs."
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Compare the medium, and print the result."""
        del options
        from buildlib.operations.burn_check import check_image, compare

        if len(names) != 1:
            raise ConfigError("doit burn-check takes one device or file", reason="usage")
        session, medium = self.boot_media(), Path(names[0])
        product = session.products["iso"]
        image = product.folder / next(iter(product.files))
        if not image.is_file():
            raise ConfigError(f"there is no {image}", hint="build it: doit iso", reason="no-image")
        check_image(image)
        display = make_display(session.settings.progress, sys.stdout)
        task, started = f"burn-check {medium}", monotonic()
        display.event(Started(task))
        try:
            found = compare(
                image,
                medium,
                note=lambda text: display.event(Note(text, task)),
                tell=lambda done, total: display.event(Progress(task, done, total, "bytes")),
            )
            size = image.stat().st_size
            result = (
                f"the same as {image.name}"
                if found is None
                else (f"{found.place} {found.how}, at byte {found.offset} of {size}")
            )
            display.event(
                Finished(
                    task,
                    "failed" if found else "passed",
                    monotonic() - started,
                    size,
                    printable(result),
                )
            )
        finally:
            display.close()
        return 0 if found is None else 1
