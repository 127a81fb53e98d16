"""Read-only root images: FFS version 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from buildlib.config.amount import amount as parsed
from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.formats.ffs.layout import FfsLayout
from buildlib.formats.image_writer import place_of, write_image
from buildlib.formats.volume_label import document, key_of, volume_name
from buildlib.model.errors import StageError
from buildlib.model.mtree import without_tags
from buildlib.store.packs import Place


@dataclass(frozen=True)
class FfsImage(Stage):
    """A read-only root image: FFS version 1, little endian. Outputs: `image`, `spec`, `labels`.

    root   the tree
    volume release and recipe; a key is appended
    time   of the superblock, seconds since 1970
    free   free space: bytes (suffix b, k, m or g: units of 512, 2^10, 2^20, 2^30) or percent
    inodes number of free inodes
    """

    root: OutputRef
    time: int
    free: str = "5%"
    inodes: int = 1000
    volume: str = ""

    def run(self, context: StageContext) -> Outputs:
        """Compute the layout, then write structures and contents."""
        stored = context.tree(self.root)
        spec = context.blobs.put(without_tags(context.read(self.root)))
        size, percent = amount(self.free)
        key = key_of({"spec": spec.sha256, "free": self.free, "inodes": self.inodes})
        image = FfsLayout(
            stored.tree,
            time=self.time,
            identity=int(key[:8], 16),
            free_bytes=size,
            free_percent=percent,
            free_inodes=self.inodes,
            volume=volume_name(self.volume, key),
        )
        places = context.packs.contents(stored)
        path = context.folder / "image"
        written = write_image(
            path,
            image.size,
            parts=image.render(),
            pieces=_pieces(image, places),
            tell=lambda done, total: context.tell(done, total, "bytes"),
        )
        labels = context.blobs.put(document(self.volume, key))
        return {"image": context.blobs.adopt(path, blob=written), "spec": spec, "labels": labels}


def _pieces(image: FfsLayout, places: Mapping[str, Place]) -> Iterator[tuple[int, Place]]:
    for node, offset, at, size in image.extents():
        place = place_of(places, node.entry)
        yield at, Place(place.pack, place.offset + offset, size)


def amount(text: str) -> tuple[int, int]:
    """(bytes, percent) of an amount such as `64m` or `5%`; one is 0. Raises StageError."""
    try:
        return parsed(text)
    except ValueError as error:
        raise StageError(str(error), hint="write 5% or 64m", reason="ffs-free") from None
