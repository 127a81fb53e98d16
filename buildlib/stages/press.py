"""Pressing a release of one's own: from plain folders to a mirror.

The folder of the release holds

    source/SET/usr/src/…          source sets
    binary/SET/… + SET.mtree      binary sets
    packages/NAME/package.toml, files/…   binary packages
    hashes.asc                    the clear-signed list of the sets' digests

and the mirror that comes out has the layout, lists and archive formats of NetBSD's. Archives are
made of stored blocks, so that they have the same digests wherever they are pressed.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildlib.sources.archive.pack import gzip_stored, tar
from buildlib.sources.checksums import format_list
from buildlib.sources.folder import read_tree, walk
from buildlib.stages.stage import Job, Outputs, SourceTree, Stage
from buildlib.store.blobs import BlobWriter
from buildlib.store.packs import PackWriter, StoredTree, content_of, read_content
from buildlib.words.digest import Blob
from buildlib.words.tree import Entry, Tree
