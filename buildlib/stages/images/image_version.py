"""A version of the domU images: what the authoritative server hands out, but for the signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.digest import sha256
from buildlib.sources.checksums import format_list
from buildlib.stages.images.image_folder import DIGESTS

VERSION = "VERSION"
_DIGITS = 12


@dataclass(frozen=True)
class ImageVersion(Stage):
    """The lists of a version. Outputs: `version` and `sha256`, the files VERSION and SHA256.

    release  the name that versions begin with
    files    name in the folder to content: images, kernels, KERNELS

    A version's name is made of its content, so the same content has the same name everywhere.
    VERSION has that name in its first line, then lines `FILE BYTES`: by these a host knows how
    much there is to fetch. SHA256 has VERSION too, so its signature vouches for all of it.
    """

    release: str
    files: Mapping[str, OutputRef]

    def run(self, context: StageContext) -> Outputs:
        """SHA-256 is the content's name already: nothing is read."""
        blobs = {name: context.inputs[ref].blob for name, ref in self.files.items()}
        digests = {name: blob.sha256 for name, blob in blobs.items()}
        name = f"{self.release}-{sha256(format_list('SHA256', digests))[:_DIGITS]}"
        sizes = [f"{name} {blob.size}\n" for name, blob in sorted(blobs.items())]
        version = context.blobs.put("".join([f"{name}\n", *sizes]).encode())
        digests[VERSION] = version.sha256
        return {"version": version, "sha256": context.blobs.put(format_list("SHA256", digests))}


def version_files(stage: str, files: Mapping[str, OutputRef]) -> dict[str, OutputRef]:
    """All that is in a version's folder, by name, but for the signature; `stage` lists `files`."""
    return {**files, VERSION: OutputRef(stage, "version"), DIGESTS: OutputRef(stage, "sha256")}
