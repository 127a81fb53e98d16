"""docs/reference/site.md, every key of a fleet's configuration: python tools/site_page.py

Keys, defaults and meanings come from the dataclasses of `buildlib.config.site.fleet`.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from buildlib.config.site.fleet import DomuConf, HostConf, ServerConf, StorageConf
from tools.dataclass_docs import REFERENCE, meanings, summary

PAGE = REFERENCE / "site.md"
# The files, by the headings of their sections, and their paths in a site.
FILES: Mapping[str, type] = {
    "host.conf": HostConf,
    "domUs/NAME": DomuConf,
    "server.conf": ServerConf,
    "storage.conf": StorageConf,
}
PLACES: Mapping[str, str] = {
    "host.conf": "pservers/HOST/host.conf",
    "domUs/NAME": "pservers/HOST/domUs/NAME",
    "server.conf": "vservers/NAME/server.conf",
    "storage.conf": "vservers/NAME/storage.conf",
}
NOTES: Mapping[str, str] = {
    "domUs/NAME": """
A disk is a partition (`/dev/wd0e`), a wedge (`/dev/dk3`), a logical volume (`/dev/mapper/vg0-web`)
or a ZFS volume (`/dev/zvol/dsk/POOL/VOLUME`). Name its block device; the host finds the raw one.
`d` means the whole disk, so `/dev/wd1d` and `/dev/wd1e` cannot belong to two domUs. Two domUs of
one host cannot share a disk, even with `,r`: see
[domus.md](../domus.md#a-disk-belongs-to-one-domu). A regular file is not a disk: give the domU a
partition, or attach the file with vnconfig(8) first.
""",
    "storage.conf": """
Name a storage server by its folder in the site, by host name or by address. A colon and a port may
follow.
""",
}
ABOUT = """
A site is the folder with the configuration of a fleet. A host has a folder in `pservers`, a domU
one in `vservers`, and `global` contains the files that all of them share.

`host.conf`, `server.conf`, `storage.conf` and the files in `domUs` are written in the style of
rc.conf. The servers read them with sh:

    # a comment
    memory=4096                     # bare: letters, digits and . _ / : , @ % + = -
    image='base.ffs'                # anything but '
    bridges="bridge0 bridge1"       # anything but " $ ` \\

Each line has one assignment; values are in ASCII. Anything that the shell would expand or run is
refused, so a file of the site can only set its keys. A key that is not listed here is an error.
"""
HEAD = f"""# Every key of a site
{ABOUT}
[../site.md](../site.md) explains what else is in a site, and what `goldmaster site-check` checks.
This page is generated from the code by `tools/site_page.py`.
"""


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """Keys of a file with the same meaning.

    default  as it would be written
    """

    names: tuple[str, ...]
    needed: bool
    default: str
    meaning: str


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, kind in FILES.items():
        parts += [f"## `{name}`\n", f"{purpose_of(name)}\n", _table(kind)]
        parts += [NOTES[name].lstrip()] if name in NOTES else []
    return "\n".join(parts)


def purpose_of(name: str) -> str:
    """A file's purpose, with its path in a site."""
    return f"`{PLACES[name]}`: {summary(FILES[name]).partition(': ')[2]}"


def keys_of(kind: type) -> Iterator[SiteKeys]:
    """The keys of a file, in the order of the dataclass."""
    known = meanings(kind)
    for meaning, fields in groupby(dataclasses.fields(kind), lambda one: known.get(one.name, "")):
        first, *more = fields
        needed = bool(first.metadata["needed"])
        names = tuple(field.name for field in (first, *more))
        yield SiteKeys(names, needed, "" if needed else _written(first.default), meaning)


def _table(kind: type) -> str:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for key in keys_of(kind):
        names = " ".join(f"`{name}`" for name in key.names)
        default = "**required**" if key.needed else f"`{key.default}`" if key.default else "–"
        rows.append(f"| {names} | {default} | {key.meaning} |")
    return "\n".join(rows) + "\n"


def _written(value: object) -> str:
    """A default as it would be written; empty: none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(value)
    return str(value) if value else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
