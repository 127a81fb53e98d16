"""An image server over HTTP, and a host that fetches from it."""

from __future__ import annotations

from dataclasses import dataclass

from support.servers.image_server import Shelf, image
from support.servers.mirror import Mirror
from support.simulator.imagehost import ImageHost, Said

BASE, KERNEL = "base.ffs", "XEN3_DOMU_RO"
KEY = "/etc/goldmaster/images.pem"
ONE = {BASE: image("one"), KERNEL: b"kernel one\n"}
TWO = {BASE: image("two"), KERNEL: b"kernel one\n"}
THREE = {BASE: image("three"), KERNEL: b"kernel three\n"}


@dataclass
class Fleet:
    """A server's folder, served over HTTP, and a host that fetches from it."""

    host: ImageHost
    shelf: Shelf
    mirror: Mirror

    def asked(self) -> list[str]:
        """Paths fetched since the last call, except the lists."""
        paths = [path for path, _ in self.mirror.requests]
        self.mirror.requests.clear()
        return [
            path
            for path in paths
            if path.rpartition("/")[2] not in {"LATEST", "SHA256", "SHA256.sig", "VERSION"}
        ]

    def check(self) -> None:
        """Invariants: every version is complete, and slots name existing versions."""
        for version in self.host.versions():
            served = {
                path.name: path.read_bytes() for path in (self.shelf.folder / version).iterdir()
            }
            kept = dict(self.host.content(version))
            assert kept.pop(".installed")
            assert kept == served, version
        for name in ("current", *(f"pins/{path.name}" for path in self.host.store.glob("pins/*"))):
            lines = self.host.slot(name)
            assert not lines or lines[0] in {"cd", *self.host.versions()}, (name, lines)

    def nothing_happened(self, *versions: str) -> None:
        """Only these versions are stored, and domUs get the last one."""
        self.check()
        assert self.host.versions() == set(versions)
        assert self.host.slot()[:1] == [*versions][-1:]


def table(said: Said) -> dict[str, list[str]]:
    """The printed list: version to row."""
    head, *rows = said.text.splitlines()
    starts = [head.index(word) for word in head.split()]
    cells = [
        [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        for row in rows
    ]
    return {name: rest for name, *rest in cells}
