"""Packages of the distribution, by a fake apt and real and damaged .debs."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import few

from buildlib.sources.distribution import DistributionPackage, candidate, deb_data
from buildlib.words.digest import sha256
from buildlib.words.errors import ArchiveError, SourceError, ToolError

PATTERN = "xen-hypervisor-*-amd64"
DIGEST = sha256(b"a package")


class Apt:
    """apt-cache with the packages it is given: name to what `show` prints, or nothing."""

    def __init__(self, packages: dict[str, str | None]) -> None:
        self._packages = packages
        self.asked: list[list[str]] = []

    def __call__(self, argv: Sequence[str]) -> str:
        self.asked.append(list(argv))
        if argv[1] == "pkgnames":
            return "".join(f"{name}\n" for name in self._packages if name.startswith(argv[2]))
        text = self._packages[argv[-1]]
        if text is None:
            raise ToolError("apt-cache failed with exit status 100")
        return text


def show(version: str, digest: str = DIGEST) -> str:
    return (f"Package: x\nVersion: {version}\nDescription: Xen: the hypervisor\n"
            f" SHA256: not this one\nSHA256: {digest}\n\n")


def test_the_newest_package_is_chosen() -> None:
    apt = Apt({
        "xen-hypervisor-4.9-amd64": show("4.9-1"),
        "xen-hypervisor-4.17-amd64": show("4.17.2+1-g2b"),
        "xen-hypervisor-4.17-amd64-dbg": show("9"),
        "xen-hypervisor-4.20-arm64": show("9"),
        "xen-hypervisor-common": show("9"),
        "xen-hypervisor-4.x-amd64": show("9"),
    })
    assert candidate(PATTERN, apt) == DistributionPackage(
        "xen-hypervisor-4.17-amd64", "4.17.2+1-g2b", DIGEST)
    assert apt.asked == [
        ["apt-cache", "pkgnames", "xen-hypervisor-"],
        ["apt-cache", "show", "--no-all-versions", "xen-hypervisor-4.17-amd64"]]


@pytest.mark.parametrize(
    "newest", [None, "", "Package: x\n", "Version: 1\n", show("4.20", "abc"),
               f"SHA256: {DIGEST}\n"])
def test_a_name_without_a_package_is_passed_over(newest: str | None) -> None:
    apt = Apt({"xen-hypervisor-4.20-amd64": newest, "xen-hypervisor-4.17-amd64": show("4.17")})
    assert candidate(PATTERN, apt).name == "xen-hypervisor-4.17-amd64"


@pytest.mark.parametrize("packages", [{}, {"xen-hypervisor-4.20-amd64": None}])
def test_no_package(packages: dict[str, str | None]) -> None:
    with pytest.raises(SourceError) as caught:
        candidate(PATTERN, Apt(packages))
    assert caught.value.reason == "no-package"
    assert PATTERN in caught.value.what
    assert "apt-get update" in (caught.value.hint or "")


def test_a_name_is_no_regular_expression() -> None:
    apt = Apt({"a.b-1-amd64": show("1"), "aXb-2-amd64": show("2")})
    assert candidate("a.b-*-amd64", apt).name == "a.b-1-amd64"


def data_tar(mode: str = "w:xz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in (("./boot/xen-4.17-amd64.gz", b"xen"), ("./usr/share/doc", b"text")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def ar(*members: tuple[str, bytes], magic: bytes = b"!<arch>\n") -> bytes:
    return magic + b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}".encode() + b"`\n" + data
        + b"\n" * (len(data) % 2)
        for name, data in members)


def deb(name: str = "data.tar.xz", data: bytes | None = None) -> bytes:
    return ar(("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"),
              (name, data_tar() if data is None else data))


def contents(folder: Path, data: bytes) -> dict[str, bytes]:
    (folder / "x.deb").write_bytes(data)
    (folder / "scratch").unlink(missing_ok=True)
    members = deb_data(folder / "x.deb", folder / "scratch", where="x.deb")
    return {member.path: reader.all_data() for member, reader in members}


@pytest.mark.parametrize(("name", "mode"), [
    ("data.tar.xz", "w:xz"), ("data.tar.gz/", "w:gz"), ("data.tar", "w"),
    ("data.tar.bz2", "w:bz2")])
def test_a_package(tmp_path: Path, name: str, mode: str) -> None:
    assert contents(tmp_path, deb(name, data_tar(mode))) == {
        "boot/xen-4.17-amd64.gz": b"xen", "usr/share/doc": b"text"}


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no Debian host")
def test_a_package_of_dpkg(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: X <x@x.org>\nDescription: x\n")
    (root / "boot").mkdir()
    (root / "boot/xen.gz").write_bytes(b"xen")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "-b", root, tmp_path / "made.deb"],
                   check=True, capture_output=True)
    found = contents(tmp_path, (tmp_path / "made.deb").read_bytes())
    assert found["boot/xen.gz"] == b"xen"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "no Debian package"),
        (b"<html>", "no Debian package"),
        (b"!<arch>\n", "no data archive"),
        (ar(("debian-binary", b"2.0\n")), "no data archive"),
        (ar(("data.tar.xz", b""))[:-1], "ar header"),
        (deb().replace(b"`\n", b"``"), "ar header"),
        (deb().replace(b"4         `", b"-4        `", 1), "ar header"),
        (deb(data=b""), "incomplete"),
        (deb("data.tar.zst", b"\x28\xb5\x2f\xfd" + bytes(20)), "zstd"),
    ],
)
def test_a_damaged_package(tmp_path: Path, data: bytes, text: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        contents(tmp_path, data)
    assert caught.value.where == "x.deb"
    assert text in str(caught.value)


@few
@given(st.data())
def test_no_cut_package_is_taken(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
                                 ) -> None:
    whole = deb()
    cut = data.draw(st.integers(0, len(whole) - 2))  # the last byte is padding
    with pytest.raises(ArchiveError):
        contents(tmp_path_factory.getbasetemp(), whole[:cut])
