"""Publishing products: outputs under their file names, and the build record."""

from __future__ import annotations

import errno
import json
import stat
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from buildlib.engine.engine import Engine
from buildlib.engine.product import Product
from buildlib.host.atomic_files import beside, leftovers, move, remove, serve_folder, sync
from buildlib.host.environment import monotonic
from buildlib.host.reading import status_at
from buildlib.model import json_text
from buildlib.model.digest import Blob, digest_of
from buildlib.model.events import Finished, Sink
from buildlib.store.records import Document, Output, Record


class Publisher:
    """Puts products into their folders. Correct files are left alone.

    records  SHA-256 of every build record that was used
    """

    def __init__(self, engine: Engine, sink: Sink, *, facts: Mapping[str, str | int]) -> None:
        self._engine = engine
        self._store = engine.store
        self._sink = sink
        self._facts = dict(facts)
        self.records: set[str] = set()

    def is_current(self, product: Product) -> bool:
        """Whether every file of the product exists with the right content.

        Takes one `lstat` for a file that is a hard link to the store; a copy is hashed once.
        """
        files = self._files(product, make_record=False)
        if files is None or any(leftovers(folder) for folder in _folders(product.folder, files)):
            return False
        return all(self._is_blob(product.folder / name, blob) for name, blob in files.items())

    def publish(self, product: Product) -> None:
        """Make every file of the product current, each by one rename. All of them are on the disk
        before this is reported.
        """
        started = monotonic()
        size = self._engine.use(product.stages(), lambda: self._put_all(product))
        self._sink(
            Finished(product.name, "built", monotonic() - started, size, str(product.folder))
        )

    def _put_all(self, product: Product) -> int:
        files = self._files(product, make_record=True)
        assert files is not None
        folders = _folders(product.folder, files)
        for rest in chain.from_iterable(map(leftovers, folders)):
            remove(rest)
        changed = [
            name for name, blob in files.items() if not self._is_blob(product.folder / name, blob)
        ]
        for name in changed:
            self._put(files[name], product.folder / name)
        for folder in _folders(product.folder, changed):
            sync(folder)
        return sum(blob.size for blob in files.values())

    def _put(self, blob: Blob, target: Path) -> None:
        """Put the blob at `target` by one rename: from the store, so that a kill leaves nothing
        behind, or on another file system, from a hidden copy, which the next run removes.
        """
        if not target.parent.is_dir():
            serve_folder(target.parent)
        if target.is_dir() and not target.is_symlink():
            target.rmdir()  # fails if it is not empty: it may belong to the user
        for scratch in (self._store.blobs.fresh(), beside(target)):
            try:
                self._store.blobs.place(blob, scratch)
                sync(scratch)
                move(scratch, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            else:
                return
            finally:
                remove(scratch)

    def names(self, product: Product) -> list[str]:
        """The file names of a product whose stages have been made."""
        names = [*product.files, *([product.record] if product.record else [])]
        if product.all_of and product.all_of in self._engine.done:
            names += self._engine.outputs(product.all_of)
        return names

    def _files(self, product: Product, *, make_record: bool) -> dict[str, Blob] | None:
        """File name to content, or None if the build record is not made yet."""
        files = {name: self._engine.output(ref).blob for name, ref in product.files.items()}
        if product.all_of:
            outputs = self._engine.outputs(product.all_of)
            files |= {name: output.blob for name, output in outputs.items()}
        if product.record:
            record = self._record(product, make=make_record)
            if record is None:
                return None
            files[product.record] = record
        return files

    def _is_blob(self, path: Path, blob: Blob) -> bool:
        blobs = self._store.blobs
        status, kept = status_at(path), status_at(blobs.where(blob.sha256))
        if status is None or kept is None:
            return False
        if (status.st_dev, status.st_ino) == (kept.st_dev, kept.st_ino):
            return blobs.has(blob)
        if status.st_dev == kept.st_dev and status.st_nlink > 1 and blobs.seal.holds(status):
            return False  # another blob of the store, so it need not be read
        return (
            stat.S_ISREG(status.st_mode)
            and status.st_size == blob.size
            and self._store.seen.sha256(str(path)) == blob.sha256
        )

    def _record(self, product: Product, *, make: bool) -> Blob | None:
        """The build record, stored under the digest of the keys it lists; None if not made."""
        stages = self._engine.graph.closure([ref.stage for ref in product.files.values()])
        act = self._engine.build if make else self._engine.resolve
        if any(act(name).record is None for name in stages):
            return None
        keys = {name: self._engine.key(name) for name in stages}
        document: Document = {"record": 1, "product": product.name, "keys": keys, **self._facts}
        key = digest_of(document)
        if make:
            self._engine.set_last(f"record:{product.name}", key)
        known = self._store.records.get(key)
        output = known.outputs.get("record") if known is not None else None
        if output is not None and self._store.has(output):
            self.records.add(output.blob.sha256)
            return output.blob
        if not make:
            return None
        text = json.dumps(self._build_record(product, stages), indent=1, sort_keys=True) + "\n"
        blob = self._store.blobs.put(text.encode())
        self.records.add(blob.sha256)
        self._store.records.put(key, Record(document, {"record": Output(blob)}))
        return blob

    def _build_record(self, product: Product, stages: list[str]) -> dict[str, Any]:
        """Every input with its digest, every tool with its version, every stage with its key."""
        inputs: dict[str, str] = {}
        tools: dict[str, dict[str, str]] = {}
        libraries: dict[str, str] = {}
        host: dict[str, str] = {}
        keys = {}
        for name in stages:
            document = self._engine.document(name)
            inputs |= self._engine.keys.inputs(self._engine.graph.stages[name])
            for tool, digest in document.get("tools", {}).items():
                tools[tool] = {"sha256": digest, "version": self.tool_version(tool)}
            libraries |= document.get("libraries", {})
            host |= document.get("host", {})
            keys[name] = {
                "key": self._engine.key(name),
                "outputs": {
                    output_name: output.blob.sha256
                    for output_name, output in self._engine.outputs(name).items()
                },
            }
        labels = self._engine.output(product.labels).blob.sha256 if product.labels else ""
        return {
            "goldmaster": 1,
            **self._facts,
            "product": product.name,
            "labels": json_text.loads(self._store.blobs.read(labels)) if labels else {},
            "files": {
                name: self._engine.output(ref).blob.sha256 for name, ref in product.files.items()
            },
            "inputs": inputs,
            "tools": tools,
            "libraries": libraries,
            "host": host,
            "stages": keys,
        }

    def tool_version(self, tool: str) -> str:
        """The version of a host tool's package, or `unknown` if dpkg does not know it."""
        path = self._engine.keys.tool(tool)[0]
        return self._store.seen.memo(str(path), self._ask_version, kind="version")

    def _ask_version(self, path: str) -> str:
        answer = self._store.runner.answer
        for name in (path, path.removeprefix("/usr")):  # dpkg may list it without /usr
            owner = (answer(["dpkg-query", "-S", name]) or "").partition(": ")[0].split(",")[0]
            query = ["dpkg-query", "-W", "-f", "${Package} ${Version}", owner]
            if owner and (version := answer(query)):
                return version
        return "unknown"


def _folders(folder: Path, files: Iterable[str]) -> set[Path]:
    """The folders that contain files of a product."""
    return {(folder / name).parent for name in files}
