"""The lists of a package repository, read as each of its clients does."""

from __future__ import annotations

import gzip
import hashlib
from html.parser import HTMLParser
from urllib.parse import unquote

from support.machines.packages import certificate, packed, signed, source, summary
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef, SourceFile
from buildlib.pkgsrc.summary import parse
from buildlib.sources import checksums
from buildlib.stages.images.package_repository import PackageRepo, repo_files
from buildlib.stages.inputs.signed_package import SignedPackage

MADE = [
    source("gtk3+-3.24", depends=("zlib>=1", "{a,b}-[0-9]*"), conflicts=("gtk2<1",)),
    source("zlib-1.3nb1", provides=("/usr/pkg/lib/libz.so.1",), requires=("/lib/libc.so.12",)),
    source("a-1"),
]
ARCHIVES = {f"{made.pkgname}.tgz": packed(made) for made in MADE}


def refs(kind: str) -> dict[str, OutputRef]:
    return {name: OutputRef(f"{kind}:{name}", "file") for name in ARCHIVES}


def lists(bench: Bench, served: dict[str, bytes], *, kind: str = "fetch") -> dict[str, bytes]:
    files, packages = refs("fetch"), refs(kind)
    pins = {name: hashlib.sha512(data).hexdigest() for name, data in served.items()}
    contents = {packages[name]: data for name, data in ARCHIVES.items()}
    made = bench.run_stage(
        PackageRepo(files, packages, pins),
        contents | {files[name]: data for name, data in served.items()},
    )
    return {name: bench.read(output) for name, output in made.items()}


def test_the_summary_is_what_each_package_says(bench: Bench) -> None:
    found = list(parse([gzip.decompress(lists(bench, ARCHIVES)["summary"])]))
    assert found == [
        summary(made, file_size=len(data), file_cksum=f"sha512 {hashlib.sha512(data).hexdigest()}")
        for made, data in sorted(
            zip(MADE, ARCHIVES.values(), strict=True), key=lambda pair: pair[0].pkgname
        )
    ]


def test_the_index_leads_to_every_file(bench: Bench) -> None:
    """pkg_add takes the value of href, unquoted, as a name in the folder."""
    links: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            links.extend(
                unquote(value or "") for name, value in attrs if (tag, name) == ("a", "href")
            )

    index = lists(bench, ARCHIVES)["index"].decode()
    Reader().feed(index)
    assert links == ["pkg_summary.gz", *sorted(ARCHIVES)]
    assert index.count('<a href="') == len(links)


def test_the_digests_are_of_all_files_but_their_own(bench: Bench) -> None:
    made = lists(bench, ARCHIVES)
    contents = {f"All/{name}": data for name, data in ARCHIVES.items()} | {
        "All/pkg_summary.gz": made["summary"],
        "All/index.html": made["index"],
    }
    listed = {line.path: line.digest for line in checksums.parse(made["digests"], where="SHA512")}
    assert listed == {path: hashlib.sha512(data).hexdigest() for path, data in contents.items()}
    assert set(repo_files("lists", refs("fetch"))) == {*contents, "SHA512"}


def test_the_same_packages_make_the_same_lists(bench: Bench) -> None:
    backwards = dict(reversed(ARCHIVES.items()))
    assert lists(bench, ARCHIVES) == lists(bench, backwards)


def test_signed_packages_are_served_signed(bench: Bench) -> None:
    """Size and digest are those of the served file."""
    served = {name: signed(name.removesuffix(".tgz"), data) for name, data in ARCHIVES.items()}
    made = lists(bench, served, kind="signed")
    for one in parse([gzip.decompress(made["summary"])]):
        assert one.file_size == len(served[one.file_name])
        assert one.file_cksum == f"sha512 {hashlib.sha512(served[one.file_name]).hexdigest()}"


def test_a_signed_package_comes_out_of_its_wrapping(bench: Bench) -> None:
    key = bench.store.build / "key.asc"
    key.write_text(str(certificate()))
    archive = OutputRef("fetch:a", "file")
    stage = SignedPackage(
        archive, "a-1.tgz", SourceFile(key, "keys/key.asc"), str(certificate().fingerprint)
    )
    made = bench.run_stage(stage, {archive: signed("a-1", ARCHIVES["a-1.tgz"])})
    assert bench.read(made["file"]) == ARCHIVES["a-1.tgz"]
