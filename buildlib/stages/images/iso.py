"""The boot CD: an ISO 9660 image with Rock Ridge and El Torito."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.formats.image_writer import place_of, write_image
from buildlib.formats.iso9660 import el_torito
from buildlib.formats.iso9660.layout import SECTOR, IsoLayout
from buildlib.formats.iso9660.rock_ridge import plain_target
from buildlib.formats.iso9660.volume_descriptor import Labels
from buildlib.formats.partitions import BLOCK, Disk
from buildlib.formats.volume_label import application, document, key_of, volume_name, volume_set
from buildlib.model.digest import Blob, sha256
from buildlib.model.mtree import without_tags
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.store.trees import put_spec

BOOT_FOLDER = "boot/grub"
CATALOG = f"{BOOT_FOLDER}/boot.cat"


def added_files(images: Iterable[str]) -> tuple[str, ...]:
    """The files that the stage adds to the tree on the disc."""
    return (CATALOG, *map(_image_path, images))


@dataclass(frozen=True)
class Iso(Stage):
    """An ISO 9660 image of `tree`. Outputs: `iso`; `spec`, the tree as it is on the disc; `labels`.

    images       platform (`bios`, `efi`) to its boot image; `disk`: what a BIOS loads from a disk,
                 if that differs from what it loads from a disc
    disk         the partition table that makes it bootable as a disk: `gpt`, `mbr` or `none`
    disk_code    GRUB's boot sector for booting from a disk by BIOS, if there is a `bios` image
    volume       release and recipe; `application` names the content. A key is appended to both.
    time         of the volume and of the files added here, seconds since 1970
    """

    tree: OutputRef
    images: Mapping[str, OutputRef]
    volume: str
    application: str
    time: int
    disk: Literal["gpt", "mbr", "none"] = "none"
    disk_code: OutputRef | None = None

    def run(self, context: StageContext) -> Outputs:
        """Compute the layout, then write structures, boot images and contents."""
        tree, written, labels = self._write(context)
        spec = put_spec(context.blobs, tree)
        return {
            "iso": context.blobs.adopt(context.folder / "iso", blob=written),
            "spec": spec,
            "labels": labels,
        }

    def _write(self, context: StageContext) -> tuple[Tree, Blob, Blob]:
        """Write `iso` in the stage's folder; returns the tree on it, its blob and its labels."""
        stored = context.tree(self.tree)
        boot = {platform: context.read(ref) for platform, ref in self.images.items()}
        tree = tree_of([*map(_on_disc, stored.tree), *self._added(boot)])
        content = sha256(without_tags(context.read(self.tree)))
        key = self._key(context, content)
        labels = Labels(
            volume_name(self.volume, key),
            volume_set=volume_set(self.volume, key),
            application=application(self.application, key),
        )
        image = IsoLayout(tree, labels=labels, time=self.time)
        places = context.packs.contents(stored)
        contents = self._boot_files(image, boot, key)
        pieces = (
            (node.sector * SECTOR, place_of(places, node.entry))
            for node in image.files
            if node.entry.path not in contents
        )
        parts = [(sector * SECTOR, data) for sector, data in image.render()]
        parts += [(image.sector_of(path) * SECTOR, data) for path, data in contents.items()]
        parts.append(
            (el_torito.BOOT_RECORD * SECTOR, el_torito.boot_record(image.sector_of(CATALOG)))
        )
        parts += [
            (block * BLOCK, data) for block, data in self._tables(context, image, boot, content)
        ]
        written = write_image(
            context.folder / "iso",
            image.sectors * SECTOR,
            parts=parts,
            pieces=pieces,
            tell=lambda done, total: context.tell(done, total, "bytes"),
        )
        tree = Tree(tuple(_with_content(entry, contents) for entry in tree))
        return tree, written, context.blobs.put(document(self.volume, key))

    def _key(self, context: StageContext, content: str) -> str:
        """The key that identifies this disc, derived from everything on it.

        content  digest of the tree, without where each entry came from: that is not on the disc
        """
        boot = {platform: context.inputs[ref].blob.sha256 for platform, ref in self.images.items()}
        return key_of({"tree": content, "boot": boot, "disk": self.disk})

    def _added(self, boot: Mapping[str, bytes]) -> list[Entry]:
        """The entries of the boot images and the boot catalog."""
        contents = {_image_path(platform): data for platform, data in boot.items()}
        contents[CATALOG] = bytes(SECTOR)
        return [
            Entry(
                path,
                "file",
                0o444,
                time=self.time,
                size=len(data),
                sha256=sha256(data),
                origin="grub",
            )
            for path, data in contents.items()
        ]

    def _boot_files(
        self, image: IsoLayout, boot: Mapping[str, bytes], key: str
    ) -> dict[str, bytes]:
        """Path to content of the boot catalog and the boot images, with their own locations."""
        images = [
            el_torito.BootImage(
                cast("Literal['bios', 'efi']", platform),
                _image_path(platform),
                image.sector_of(_image_path(platform)),
                len(boot[platform]),
            )
            for platform in el_torito.PLATFORMS
            if platform in boot
        ]
        contents = {CATALOG: el_torito.catalog(images, title=self.volume, key=key)}
        for name, data in boot.items():
            path = _image_path(name)
            sector = image.sector_of(path)
            contents[path] = data
            if self.disk_code and name == _disk_image(boot):
                contents[path] = el_torito.with_block_list(data, sector=sector)
            if name == "bios":
                contents[path] = el_torito.with_info_table(contents[path], sector=sector)
        return contents

    def _tables(
        self, context: StageContext, image: IsoLayout, boot: Mapping[str, bytes], content: str
    ) -> list[tuple[int, bytes]]:
        """(block, bytes) of the partition tables, if the image is to be bootable as a disk."""
        if self.disk == "none":
            return []
        blocks = SECTOR // BLOCK
        code, core, system = b"", 0, None
        if self.disk_code:
            code = context.read(self.disk_code)
            core = image.sector_of(_image_path(_disk_image(boot))) * blocks + el_torito.CD_BLOCKS
        if "efi" in boot:
            system = image.sector_of(_image_path("efi")) * blocks, len(boot["efi"]) // BLOCK
        disk = Disk(
            image.sectors * blocks,
            name=content,
            code=code,
            core=core,
            system=system,
        )
        return disk.gpt() if self.disk == "gpt" else disk.mbr()


def _with_content(entry: Entry, contents: Mapping[str, bytes]) -> Entry:
    """The entry with the content that its path has on the disc."""
    data = contents.get(entry.path)
    return entry if data is None else replace(entry, sha256=sha256(data))


def _on_disc(entry: Entry) -> Entry:
    """The entry as it reads on the disc."""
    if entry.kind != "link":
        return entry
    target = plain_target(entry.link)
    return entry if target == entry.link else replace(entry, link=target)


def _image_path(name: str) -> str:
    return f"{BOOT_FOLDER}/{name}.img"


def _disk_image(boot: Mapping[str, bytes]) -> str:
    """The image that a BIOS loads from a disk."""
    return "disk" if "disk" in boot else "bios"
