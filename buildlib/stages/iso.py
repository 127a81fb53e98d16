"""The boot CD: an ISO 9660 image with Rock Ridge and El Torito."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from buildlib.stages import eltorito
from buildlib.stages.ffs import copy_range
from buildlib.stages.iso9660 import SECTOR, Image, Labels, Node
from buildlib.stages.rockridge import plain_target
from buildlib.stages.stage import From, Job, Outputs, Stage
from buildlib.store.packs import Place, content_of
from buildlib.words.digest import sha256
from buildlib.words.errors import StageError
from buildlib.words.mtree import format_tree
from buildlib.words.tree import Entry, Tree, tree_of

BOOT_FOLDER = "boot/grub"
CATALOG = f"{BOOT_FOLDER}/boot.cat"


@dataclass(frozen=True)
class Iso(Stage):
    """An ISO 9660 image of `tree`. Outputs: `iso`, and `spec`, the tree as it is on the disc.

    images       platform (`bios`, `efi`) to the boot image for it
    volume       the volume's name, 32 characters at most; `application` says what it holds
    time         of the volume and of what this stage adds, seconds since 1970
    """

    tree: From
    images: Mapping[str, From]
    volume: str
    application: str
    time: int

    def run(self, job: Job) -> Outputs:
        """Lay out, then write structures, boot images and contents."""
        stored = job.tree(self.tree)
        boot = {platform: job.read(ref) for platform, ref in self.images.items()}
        tree = tree_of([*map(_on_disc, stored.tree), *self._added(boot)])
        labels = Labels(self.volume, application=self.application)
        image = Image(tree, labels=labels, time=self.time)
        places = job.packs.contents(stored)
        path = job.folder / "iso"
        with path.open("xb") as file:
            descriptor = file.fileno()
            os.ftruncate(descriptor, image.sectors * SECTOR)
            for sector, data in image.render():
                _write(descriptor, sector, data)
            changed = self._write_boot(descriptor, image, boot)
            _write_files(descriptor, image, places, set(changed), job)
        tree = Tree(tuple(changed.get(entry.path, entry) for entry in tree))
        spec = job.blobs.put(format_tree(tree))
        return {"iso": job.blobs.adopt(path), "spec": spec}

    def _added(self, boot: Mapping[str, bytes]) -> list[Entry]:
        """The entries of the boot images and the boot catalog."""
        contents = {_image_path(platform): data for platform, data in boot.items()}
        contents[CATALOG] = bytes(SECTOR)
        return [
            Entry(path, "file", 0o444, time=self.time, size=len(data), sha256=sha256(data),
                  origin="grub")
            for path, data in contents.items()
        ]

    def _write_boot(
        self, descriptor: int, image: Image, boot: Mapping[str, bytes]
    ) -> dict[str, Entry]:
        """Write boot record, catalog and images; the entries as they are on the disc."""
        images = [
            eltorito.BootImage(
                cast("Literal['bios', 'efi']", platform), _image_path(platform),
                image.sector_of(_image_path(platform)), len(boot[platform]),
            )
            for platform in eltorito.PLATFORMS if platform in boot
        ]
        contents = {CATALOG: eltorito.catalog(images)}
        for item in images:
            data = boot[item.platform]
            if item.platform == "bios":
                data = eltorito.with_info_table(data, sector=item.sector)
            contents[item.path] = data
        _write(descriptor, eltorito.BOOT_RECORD, eltorito.boot_record(image.sector_of(CATALOG)))
        for path, data in contents.items():
            _write(descriptor, image.sector_of(path), data)
        return {
            path: replace(image.nodes[path].entry, sha256=sha256(data))
            for path, data in contents.items()
        }


def _on_disc(entry: Entry) -> Entry:
    """The entry as a reader will find it."""
    if entry.kind != "link":
        return entry
    target = plain_target(entry.link)
    return entry if target == entry.link else replace(entry, link=target)


def _image_path(platform: str) -> str:
    return f"{BOOT_FOLDER}/{platform}.img"


def _write(descriptor: int, sector: int, data: bytes) -> None:
    view, at = memoryview(data), sector * SECTOR
    while view:
        done = os.pwrite(descriptor, view, at)
        view, at = view[done:], at + done


def _write_files(
    descriptor: int, image: Image, places: dict[str, Place], written: set[str], job: Job
) -> None:
    """Copy the contents: neighbours in a pack that are neighbours on the disc in one call."""
    runs = _runs([node for node in image.files if node.entry.path not in written], places)
    total = sum(place.size for _, place in runs)
    sources: dict[str, int] = {}
    done = 0
    try:
        for sector, place in runs:
            if place.pack not in sources:
                sources[place.pack] = os.open(place.pack, os.O_RDONLY)
            os.lseek(descriptor, sector * SECTOR, os.SEEK_SET)
            copy_range(sources[place.pack], place.offset, descriptor, place.size)
            done += place.size
            job.tell(done, total, "bytes")
    finally:
        for source in sources.values():
            os.close(source)


def _runs(nodes: list[Node], places: dict[str, Place]) -> list[tuple[int, Place]]:
    """(first sector on the disc, place in a pack) of what can be copied at once.

    What lies between two contents of one run is less than a sector: the padding that packs and
    discs both have. Raises StageError where a content is not of its entry's size.
    """
    runs: list[tuple[int, Place]] = []
    for node in nodes:
        place = content_of(places, node.entry)
        if place.size != node.size:
            raise StageError(
                f"{node.entry.path} has {place.size} bytes, not {node.size}",
                where=f"{node.entry.path} (from {node.entry.origin or '?'})", reason="short-content",
            )
        if runs:
            sector, last = runs[-1]
            reach = place.offset - last.offset
            if (
                place.pack == last.pack
                and reach == (node.sector - sector) * SECTOR
                and 0 <= reach - last.size < SECTOR
            ):
                runs[-1] = (sector, Place(last.pack, last.offset, reach + place.size))
                continue
        runs.append((node.sector, place))
    return runs
