"""Packages that we write can be read again, and always have the same bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.package import check_platform, read_package
from buildlib.pkgsrc.pkginstall import User, parse_install
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.resolution.resolve import resolve
from buildlib.pkgsrc.summary import format_summary, parse
from buildlib.pkgsrc.writer import Member, PackageSource, SourceFile, make_package

HELLO = PackageSource(
    pkgname="hello-2.12nb1",
    pkgpath="misc/hello",
    comment="Greets",
    description="Says hello.\n\nNothing else.",
    depends=("libhello>=2",),
    conflicts=("hi-[0-9]*",),
    requires=("/usr/pkg/lib/libhello.so.2", "/usr/lib/libc.so.12"),
    categories="misc",
    license="gnu-gpl-v3",
    install=b"#!/bin/sh\nexit 0\n# USER: hello:hello\n",
    files=(
        SourceFile(path="share/doc/hello", content=b"doc\n"),
        SourceFile(path="bin/hello", content=b"\x7fELF", mode=0o4555, owner="hello"),
        SourceFile(path="bin/hi", symlink="hello"),
    ),
    directories=("share/hello.d",),
    os_version="10.1",
    build_date="2024-12-16 12:00:00 +0000",
)
CONTENTS = b"""\
@name hello-2.12nb1
@cwd /usr/pkg
@pkgdep libhello>=2
@pkgcfl hi-[0-9]*
@owner hello
bin/hello
@comment MD5:d1531b1622de54fe3a0187c3344600e9
@owner root
bin/hi
@comment Symlink:hello
share/doc/hello
@comment MD5:49995c85be6f95a1dbef19aafa8f1f53
@pkgdir share/hello.d
@cwd /usr/pkg
@ignore
+COMMENT
@ignore
+DESC
@ignore
+INSTALL
@ignore
+BUILD_INFO
@ignore
+SIZE_PKG
@ignore
+SIZE_ALL
"""


def test_members() -> None:
    members, summary = make_package(HELLO)
    assert [(one.name, oct(one.mode)) for one in members] == [
        ("+CONTENTS", "0o644"),
        ("+COMMENT", "0o444"),
        ("+DESC", "0o444"),
        ("+INSTALL", "0o555"),
        ("+BUILD_INFO", "0o444"),
        ("+SIZE_PKG", "0o444"),
        ("+SIZE_ALL", "0o444"),
        ("bin/hello", "0o4555"),
        ("bin/hi", "0o777"),
        ("share/doc/hello", "0o644"),
    ]
    assert members[0].content == CONTENTS
    assert members[5].content == b"8\n"
    assert members[8] == Member("bin/hi", 0o777, symlink="hello")
    assert (members[7].owner, members[7].group) == ("hello", "wheel")
    assert summary.archive == "hello-2.12nb1.tgz"
    assert summary.requires == ("/usr/lib/libc.so.12", "/usr/pkg/lib/libhello.so.2")
    assert list(parse([format_summary([summary])])) == [summary]


def test_what_was_written_can_be_read() -> None:
    members, _ = make_package(HELLO)
    meta = {one.name: one.content for one in members if one.name.startswith("+")}
    package = read_package(meta, where="hello", expected=HELLO.pkgname)
    assert check_platform(package, machine_arch="x86_64", os_version="10.1") is None
    assert [file.path for file in package.plist.files] == [one.name for one in members[7:]]
    assert package.description == HELLO.description
    assert package.install is not None
    assert parse_install(package.install, prefix=package.prefix).users == (User("hello", "hello"),)


def test_a_repository_of_our_own() -> None:
    library = PackageSource(
        pkgname="libhello-2.0",
        pkgpath="devel/libhello",
        comment="Library",
        provides=("/usr/pkg/lib/libhello.so.2",),
    )
    summaries = [make_package(source)[1] for source in (HELLO, library)]
    repository = Repository(parse([format_summary(summaries)]))
    resolution = resolve(["misc/hello"], repository, provided_libs={"/usr/lib/libc.so.12"})
    assert resolution.names == ("libhello-2.0", "hello-2.12nb1")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pkgname": "hello"}, "pkgname"),
        ({"pkgname": "hel lo-1"}, "summary"),
        ({"homepage": "a\nPKGNAME=b-1"}, "summary"),
        ({"depends": ("a\n@exec rm",)}, "plist"),
        ({"files": (SourceFile(path="../x"),)}, "plist"),
        ({"files": (SourceFile(path="@x"),)}, "plist"),
        ({"files": (SourceFile(path="x", symlink="a\nb"),)}, "plist"),
        ({"files": (SourceFile(path="+INSTALL"),)}, "pkg-file"),
        ({"files": (SourceFile(path="x"), SourceFile(path="x"))}, "pkg-file"),
    ],
)
def test_errors(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        make_package(replace(HELLO, **change))
    assert caught.value.reason == reason


FILES = st.lists(
    st.builds(
        SourceFile,
        path=st.from_regex(r"[a-z]{1,4}(/[a-z]{1,3}){0,2}", fullmatch=True),
        content=st.binary(max_size=8),
        symlink=st.sampled_from(["", "../x", "/y"]),
        owner=st.sampled_from(["root", "bin"]),
        group=st.sampled_from(["wheel", "games"]),
    ),
    max_size=6,
    unique_by=lambda file: file.path,
)


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(FILES)
def test_order_of_files_does_not_matter(files: list[SourceFile]) -> None:
    members, _ = make_package(replace(HELLO, files=tuple(files)))
    assert make_package(replace(HELLO, files=tuple(reversed(files))))[0] == members
    meta = {one.name: one.content for one in members if one.name.startswith("+")}
    listed = read_package(meta, where="hello").plist.files
    packed = [one for one in members if not one.name.startswith("+")]
    assert [(file.path, file.symlink) for file in listed] == [
        (one.name, one.symlink) for one in packed
    ]
    for file, one in zip(listed, packed, strict=True):
        assert (file.owner or "root", file.group or "wheel") == (one.owner, one.group)
