"""The index of a repository: its summary in any form, or its packages one by one."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from support.machines.packages import certificate, packed, repository, signed, source, summary
from support.readers.archives import gz
from support.servers.mirror import Fault, Mirror

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.remote_index import read_offer
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.summary import format_summary
from buildlib.pkgsrc.trust import TrustedKey
from buildlib.sources.mirrors import Mirrors
from buildlib.store.store import Store

MADE = [source("a-1.0", depends=("b>=2",)), source("b-2.0nb1", provides=("/usr/pkg/lib/b.so.1",))]
TEXT = format_summary(map(summary, MADE))
SIGNER = TrustedKey(str(certificate()).encode(), str(certificate().fingerprint))
KINDS: dict[str, Callable[[bytes], bytes]] = {"gz": gz, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "build")


def read(
    store: Store,
    *roots: str | Path,
    signer: TrustedKey | None = None,
    said: list[str] | None = None,
    offline: bool = False,
) -> Repository:
    lines: list[str] = [] if said is None else said
    mirrors = Mirrors(tuple(map(str, roots)), offline=offline)
    return read_offer("packages", mirrors, store, signer=signer, say=lines.append)


def refused(store: Store, *roots: str | Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(store, *roots)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_a_summary_in_each_form(store: Store, tmp_path: Path, kind: str) -> None:
    """From a server, and from a folder."""
    data = {f"packages/pkg_summary.{kind}": KINDS[kind](TEXT)}
    with Mirror(data) as mirror:
        served = read(store, mirror.url)
        asked = [path.rpartition(".")[2] for path, _ in mirror.requests]
    assert asked == list(KINDS)[: list(KINDS).index(kind) + 1], "the best known first"
    (tmp_path / "packages").mkdir()
    (tmp_path / f"packages/pkg_summary.{kind}").write_bytes(KINDS[kind](TEXT))
    for found in (served, read(store, tmp_path), read(store, f"file://{tmp_path}", offline=True)):
        assert [found[name] for name in ("a-1.0", "b-2.0nb1")] == list(map(summary, MADE))
        assert found.where == f"packages/pkg_summary.{kind}"


def test_a_summary_whose_name_says_another_form(store: Store) -> None:
    """The content determines the compression."""
    with Mirror({"packages/pkg_summary.gz": lzma.compress(TEXT)}) as mirror:
        assert len(read(store, mirror.url)) == 2


def test_a_page_is_no_summary(store: Store) -> None:
    with Mirror({"packages/pkg_summary.xz": lzma.compress(TEXT)}) as mirror:
        for name in ("gz", "bz2"):
            mirror.misbehave(f"packages/pkg_summary.{name}", Fault("page"))
        assert len(read(store, mirror.url)) == 2


def test_another_mirror_has_it(store: Store, tmp_path: Path) -> None:
    """A mirror with the first form is preferred to one with the second."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages/pkg_summary.xz").write_bytes(lzma.compress(b""))
    with Mirror({"packages/pkg_summary.gz": gz(TEXT)}) as mirror:
        assert len(read(store, tmp_path, mirror.url)) == 2


def test_a_server_that_is_ill_is_not_one_without(store: Store) -> None:
    with Mirror({}) as mirror, Mirror({}) as ill:
        ill.misbehave("packages/pkg_summary.gz", Fault("status", status=503))
        error = refused(store, ill.url, mirror.url)
    assert error.reason == "http-status"
    assert f"{ill.url}/packages/pkg_summary.gz: the server answered 503" in (error.why or "")


def test_a_server_without_summary(store: Store) -> None:
    """No directory listing is requested; the error says what is missing and what to do."""
    with Mirror({"packages/a-1.0.tgz": packed(MADE[0])}) as mirror:
        error = refused(store, mirror.url)
        assert {path.rpartition("/")[2] for path, _ in mirror.requests} == {
            "pkg_summary.gz",
            "pkg_summary.bz2",
            "pkg_summary.xz",
        }
    assert error.reason == "no-summary"
    assert error.where == f"{mirror.url}/packages"
    assert error.why == "there is none of pkg_summary.gz, pkg_summary.bz2, pkg_summary.xz"
    for word in ("pkg_info -X", "packages.path", "mirror=FOLDER"):
        assert word in (error.hint or "")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-20],
        lambda data: data[:10],
        lambda _: b"\x28\xb5\x2f\xfd zstd",
        lambda data: data + b"behind",
        lambda _: gz(b"PKGNAME=a-1\nrubbish\n\n"),
    ],
    ids=["cut", "cut early", "zstd", "more", "rubbish"],
)
def test_a_damaged_summary(store: Store, damage: Callable[[bytes], bytes]) -> None:
    with Mirror({"packages/pkg_summary.gz": damage(gz(TEXT))}) as mirror:
        error = refused(store, mirror.url)
    assert error.reason in {"damaged", "compression", "summary"}
    assert "packages/pkg_summary.gz" in (error.where or "")


# a folder of packages


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_folder_without_summary(store: Store, tmp_path: Path, kind: str) -> None:
    """Each package gives the same data as pkg_summary, and its file's size."""
    folder = tmp_path / "packages"
    folder.mkdir()
    ending = {"gz": "tgz", "bz2": "tbz", "xz": "tar.xz"}[kind]
    for made in MADE:
        (folder / f"{made.pkgname}.{ending}").write_bytes(packed(made, kind=kind))
    for name in (".hidden.tgz", "SHA512", "a.txt"):
        (folder / name).write_bytes(b"none")
    (folder / "folder.tgz").mkdir()
    (folder / "long.tgz").symlink_to("x" * 1100)  # longer than a name can be
    said: list[str] = []
    found = read(store, tmp_path, said=said)
    assert said == []
    assert len(found) == 2
    for made in MADE:
        file = folder / f"{made.pkgname}.{ending}"
        assert found[made.pkgname] == summary(
            made, file_name=file.name, file_size=file.stat().st_size
        )


def test_what_cannot_be_read_is_reported_and_skipped(store: Store, tmp_path: Path) -> None:
    for name, data in repository(*MADE).items():
        if not name.endswith("gz") or "summary" not in name:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data)
    folder = tmp_path / "packages"
    (folder / "cut-1.tgz").write_bytes(packed(source("cut-1"))[:100])
    (folder / "text-1.tgz").write_bytes(b"no archive")
    (folder / "zstd-1.tgz").write_bytes(b"\x28\xb5\x2f\xfd and so on")
    said: list[str] = []
    assert len(read(store, tmp_path, said=said)) == 2
    assert [line.split()[:2] for line in said] == [
        ["skipped", f"{name}-1.tgz:"] for name in ("cut", "text", "zstd")
    ]
    assert "compressed with zstd" in said[2]


def test_signed_packages_of_a_folder(store: Store, tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    for name, key in (("a-1.0", "packager"), ("b-2.0nb1", "other")):
        (tmp_path / f"packages/{name}.tgz").write_bytes(signed(name, packed(source(name)), by=key))
    said: list[str] = []
    found = read(store, tmp_path, signer=SIGNER, said=said)
    assert ("a-1.0" in found, "b-2.0nb1" in found) == (True, False)
    assert "the signature is not good" in said[0]


def test_an_empty_folder(store: Store, tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    assert "the folder has no packages" in (refused(store, tmp_path).why or "")
