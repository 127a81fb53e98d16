"""Reads everything that is stored: every blob and pack, and every product with its digests.

A build reads only what it uses. This check reads every byte, to find errors of the disk.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from buildlib.engine.engine import Engine
from buildlib.engine.product import Product
from buildlib.host.reading import read_small
from buildlib.model import json_text
from buildlib.model.errors import GoldmasterError
from buildlib.operations.served_files import sha256_of
from buildlib.sources import checksums
from buildlib.store.seal import break_seal
from buildlib.store.store import Store


@dataclass(frozen=True, slots=True)
class Item:
    """A checked item: its kind, name, size in bytes, and whether it is intact."""

    kind: str
    name: str
    size: int
    is_whole: bool


def check_store(store: Store) -> Iterator[Item]:
    """Read everything in the store; remove what is damaged, so that it is made again when needed.

    Call it with the store's lock held.
    """
    owners = _owners(store)
    for kind, kept in (("blob", store.blobs), ("pack", store.packs)):
        for name in list(kept.all()):
            size, sound = _size(Path(kept.where(name))), kept.is_sound(name)
            yield Item(kind, f"{name[:12]} {owners.get(name, '')}".rstrip(), size, sound)
            if not sound:
                kept.discard(name)
    for key in list(store.records.all()):
        whole = store.records.get(key) is not None
        yield Item("record", key[:12], 0, whole)
        if not whole:
            store.records.drop(key)
    for name in store.records.clear_last():
        yield Item("last result", name, 0, is_whole=False)


def _owners(store: Store) -> dict[str, str]:
    """Digest of each content to the last stage that produced it."""
    found = {}
    for stage, key in store.records.all_last().items():
        record = store.records.get(key)
        for output in record.outputs.values() if record else ():
            for blob in (*output.packs, *output.files, output.blob):
                found[blob.sha256] = f"of {stage}"
    return found


def check_products(products: Iterable[Product], engine: Engine) -> Iterator[Item]:
    """Read every existing product and compare it with its build record and its digests.

    A damaged product is kept; the next build replaces it.
    """
    for product in products:
        for name, sha256 in sorted(_expected(product, engine).items()):
            path = product.folder / name
            if not path.is_file():
                if os.path.lexists(path):
                    yield Item("product", name, 0, is_whole=False)
                continue
            whole = sha256_of(path) == sha256
            yield Item("product", name, _size(path), whole)
            if not whole:
                break_seal(str(path))


def is_damaged(product: Product, engine: Engine) -> bool:
    """Whether a file of the product differs from what was published; the next build replaces it."""
    wrong = [item for item in check_products([product], engine) if not item.is_whole]
    return bool(wrong)


def _expected(product: Product, engine: Engine) -> dict[str, str]:
    """File name to SHA-256, as published."""
    for record in _records(product, engine):
        files = _files(record, engine)
        if files and files.keys() >= product.files.keys():
            return {**files, product.record: record}
    return _listed(product)


def _records(product: Product, engine: Engine) -> Iterator[str]:
    """Digests of build records that may describe the product.

    First the record beside the product, if this store made it; then the last one.
    """
    if not product.record:
        return
    if (path := product.folder / product.record).is_file():
        with contextlib.suppress(OSError):
            yield sha256_of(path)
    last = engine.last(f"record:{product.name}")
    if last is not None and "record" in last.outputs:
        yield last.outputs["record"].blob.sha256


def _files(record: str, engine: Engine) -> dict[str, str]:
    """The files in a build record; empty if the store has no valid record with that digest."""
    try:
        files = json_text.loads(engine.store.blobs.read(record))["files"]
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (GoldmasterError, OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _listed(product: Product) -> dict[str, str]:
    """The digests from the lists beside the product."""
    found: dict[str, str] = {}
    for name in product.files:
        if not name.endswith(".sha256"):
            continue
        try:
            path = product.folder / name
            lines = checksums.parse(read_small(path), where=str(path))
        except (GoldmasterError, OSError):
            continue  # it is not a list
        found |= {
            line.path: line.digest
            for line in lines
            if line.algorithm == "SHA256" and "/" not in line.path
        }
    return found


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
