"""A version of the domU images as the authoritative server serves it, without the signature."""

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

    release  prefix of the version's name
    files    name in the folder to content: images, kernels, KERNELS

    A version's name is derived from its content, so the same content has the same name everywhere.
    VERSION has that name in its first line, then lines `FILE BYTES`, from which a host knows how
    much there is to fetch. SHA256 covers VERSION too, so its signature covers everything.
    """

    release: str
    files: Mapping[str, OutputRef]

    def run(self, context: StageContext) -> Outputs:
        """Build both lists; a blob's name is its SHA-256, so no content is read."""
        blobs = {name: context.inputs[ref].blob for name, ref in self.files.items()}
        digests = {name: blob.sha256 for name, blob in blobs.items()}
        name = f"{self.release}-{sha256(format_list('SHA256', digests))[:_DIGITS]}"
        sizes = [f"{name} {blob.size}\n" for name, blob in sorted(blobs.items())]
        version = context.blobs.put("".join([f"{name}\n", *sizes]).encode())
        digests[VERSION] = version.sha256
        return {"version": version, "sha256": context.blobs.put(format_list("SHA256", digests))}


def version_files(stage: str, files: Mapping[str, OutputRef]) -> dict[str, OutputRef]:
    """All files of a version by name, without the signature; `stage` made the lists of `files`."""
    return {**files, VERSION: OutputRef(stage, "version"), DIGESTS: OutputRef(stage, "sha256")}
