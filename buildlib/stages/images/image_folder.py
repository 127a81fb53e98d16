"""The lists in a folder of images: which kernel starts which image, and all digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.digest import sha256
from buildlib.sources.checksums import format_list

KERNELS, DIGESTS = "KERNELS", "SHA256"


@dataclass(frozen=True)
class ImageFolder(Stage):
    """The lists of a folder of images. Outputs: `kernels` and `sha256`.

    files    name in the folder to content: images, and kernels named by their configurations
    kernels  image to the kernel that starts it

    `kernels` has a line `IMAGE KERNEL` for each image. `sha256`, in BSD form, covers that list
    too, so any replaced file in the folder is detected.
    """

    files: Mapping[str, OutputRef]
    kernels: Mapping[str, str]

    def run(self, context: StageContext) -> Outputs:
        """Build both lists; a blob's name is its SHA-256, so no content is read."""
        lines = [f"{image} {kernel}\n" for image, kernel in sorted(self.kernels.items())]
        text = "".join(lines).encode()
        digests = {name: context.inputs[ref].blob.sha256 for name, ref in self.files.items()}
        digests[KERNELS] = sha256(text)
        return {
            "kernels": context.blobs.put(text),
            "sha256": context.blobs.put(format_list("SHA256", dict(sorted(digests.items())))),
        }
