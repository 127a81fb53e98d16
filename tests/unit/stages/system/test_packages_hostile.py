"""Hostile or damaged packages give an error or write nothing outside of their folders."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.readers.archives import header, member, pax
from support.readers.strategies import some
from support.stages.hostile_packages import DATABASE, META, Stager, check, check_error, tar_of

from buildlib.model.errors import GoldmasterError


@pytest.fixture(scope="module")
def stager(tmp_path_factory: pytest.TempPathFactory) -> Stager:
    return Stager(tmp_path_factory.mktemp("staged"))


def test_a_good_one(stager: Stager) -> None:
    tree, content = stager.stage({"a-1.0": tar_of(META, member(b"bin/a", b"A"))})
    check(tree, content)
    assert content("usr/pkg/bin/a") == b"A"
    assert content(f"{DATABASE}/a-1.0/+CONTENTS") == META["+CONTENTS"]


A = member(b"bin/a", b"A")


@pytest.mark.parametrize(
    ("contents", "members", "reason"),
    [
        # hard links to files that are not in the package
        (b"", (member(b"bin/a", flag=b"1", link=b"+CONTENTS"),), "hard-link"),
        (b"", (A, member(b"bin/b", flag=b"1", link=b"+DESC")), "hard-link"),
        (b"", (member(b"bin/a", flag=b"1", link=b"/etc/passwd"),), "escape"),
        (b"", (member(b"bin/a", flag=b"1", link=b"bin/a"),), "hard-link"),
        # files below a link, which would be written to its target
        (b"", (member(b"bin", flag=b"2", link=b"/etc"), A), "below-link"),
        # names that leave the prefix, in the archive and in the packing list
        (b"", (A, member(b"../../etc/passwd", b"x")), "escape"),
        (b"", (A, member(b"/etc/passwd", b"x")), "escape"),
        (b"../../etc/passwd\n", (A,), "plist"),
        (b"@pkgdir ../../etc\n", (A,), "plist"),
        (b"@pkgdir /etc/x\n", (A,), "pkg-outside"),
        # into the database of packages
        (b"pkgdb/a-1.0/+EXTRA\n", (A, member(b"pkgdb/a-1.0/+EXTRA", b"x")), "pkg-outside"),
        (b"./pkgdb//b-1/+DESC\n", (A, member(b"pkgdb/b-1/+DESC", b"x")), "pkg-file"),
        # one name for a file and a folder, or for two files
        (b"@pkgdir bin/a\n", (A,), "pkg-conflict"),
        (b"bin/a/b\n", (A, member(b"bin/a/b", b"x")), "below-link"),
        (b"bin/./a\n", (A,), "pkg-file"),
        # types that a package cannot contain
        (b"dev/mem\n", (A, member(b"dev/mem", flag=b"3")), "member-type"),
        (b"bin/b\n", (A,), "pkg-file"),
        (b"share\n", (A, member(b"share", flag=b"5")), "pkg-file"),
    ],
)
def test_harm(stager: Stager, contents: bytes, members: tuple[bytes, ...], reason: str) -> None:
    meta = META | {"+CONTENTS": META["+CONTENTS"] + contents}
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of(meta, *members)})
    assert caught.value.reason == reason
    assert caught.value.where


@pytest.mark.parametrize(
    ("prefix", "good"),
    [
        ("/usr/pkg", True),
        ("/usr/pkg/", True),
        ("//usr//pkg", True),
        ("/var/games", True),
        ("usr/pkg", True),
        ("/", False),
        ("/etc", False),
        ("/usr/pkg/../../etc", False),
        ("/usr/pkgs", False),
        ("/usr", False),
        (".", False),
        ("..", False),
        ("/usr/pkg/..", False),
    ],
)
def test_prefixes(stager: Stager, prefix: str, good: bool) -> None:
    meta = META | {"+CONTENTS": f"@name a-1.0\n@cwd {prefix}\nbin/a\n".encode()}
    try:
        tree, content = stager.stage({"a-1.0": tar_of(meta, A)})
    except GoldmasterError as error:
        assert not good
        assert error.reason in {"pkg-outside", "plist"}  # noqa: PT017  either is right
    else:
        assert good
        check(tree, content)


@pytest.mark.parametrize("flag", [b"1", b"2", b"3", b"5", b"6"])
def test_metadata_is_files(stager: Stager, flag: bytes) -> None:
    """Metadata that is not a regular file would be read as empty."""
    head = {name: data for name, data in META.items() if name != "+BUILD_INFO"}
    wrong = member(b"+BUILD_INFO", flag=flag, link=b"+DESC")
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of(head, wrong, A)})
    assert caught.value.reason in {"pkg-meta", "member-type"}


def test_metadata_of_gigabytes(stager: Stager) -> None:
    huge = header(b"+DESC", size=1 << 32)
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of({"+CONTENTS": b""}, huge)})
    assert caught.value.reason == "pkg-meta"


NAMES = st.sampled_from(
    [
        b"bin/a",
        b"bin/b",
        b"./bin/a",
        b"bin//a",
        b"bin",
        b"lib",
        b"lib/c",
        b"+CONTENTS",
        b"+DESC",
        b"+EVIL",
        b"../etc/passwd",
        b"/etc/passwd",
        b"x/../../y",
        b".",
        b"..",
        b"",
        b"/",
        b"\xff\xfe",
        b"n" * 100,
        b"pkgdb/a-1.0/+DESC",
        b"share/a b",
        b"@cwd /etc",
        b"bin/a/c",
        b"tab\tname",
    ]
)
LINKS = st.sampled_from([b"", b"bin/a", b"+CONTENTS", b"/etc/passwd", b"../../..", b"lib", b"."])
FLAGS = st.sampled_from(
    [
        b"0",
        b"0",
        b"0",
        b"1",
        b"2",
        b"5",
        b"3",
        b"4",
        b"6",
        b"7",
        b"\0",
        b"L",
        b"K",
        b"x",
        b"g",
        b"S",
        b"V",
    ]
)
MEMBERS = st.one_of(
    st.builds(
        lambda name, data, flag, link: member(name, data, flag, link=link),
        NAMES,
        st.sampled_from([b"", b"A", b"b" * 600]),
        FLAGS,
        LINKS,
    ),
    st.builds(
        lambda name, size: header(name, size=size),
        NAMES,
        st.sampled_from([1, 512, 10**9, b"\x80" + b"\xff" * 11, b"-1", b""]),
    ),
    st.builds(
        lambda name, link: pax({"path": name or b"q", "linkpath": link or b"q"}), NAMES, LINKS
    ),
    st.binary(max_size=20),
)
LINES = st.sampled_from(
    [
        b"bin/a",
        b"bin/b",
        b"lib/c",
        b"lib",
        b"+DESC",
        b"share/a b",
        b"@cwd /etc",
        b"@cwd /usr/pkg",
        b"@cwd /var/games",
        b"@name b-2",
        b"@ignore",
        b"@mode 4755",
        b"@mode u+s",
        b"@owner root",
        b"@group nobody",
        b"@exec rm -rf /",
        b"@unexec rm -rf /",
        b"@pkgdir bin",
        b"@pkgdir etc/x",
        b"@pkgdir /etc",
        b"@pkgdir /usr/pkg/x",
        b"@pkgdep a>=1",
        b"@pkgdep b-[0-9]*",
        b"@pkgcfl a-1.0",
        b"@comment MD5:0cc175b9c0f1b6a831c399e269772661",
        b"@comment Symlink:/etc",
        b"@dirrm bin",
        b"../x",
        b"/x",
        b"\xff\xfe",
        b"",
        b"@",
        b"pkgdb/a-1.0/+DESC",
        b"bin/a/c",
        b"n" * 100,
    ]
)
SCRIPTS = st.sampled_from(
    [
        None,
        b"",
        b"#!/bin/sh\n# FILE: /etc/passwd c share/x 0644\n# DIR: /etc 0777 root wheel\n",
        b"# USER: root:wheel:0\n# GROUP: wheel:0\n# PERMS: ../../etc 04777\n# RCD: \n",
        b"\xff\0",
        b"# FILE: " + b"a/" * 3000 + b"\n",
        b"[" * 5000 + b"\n",
        b"A=" * 3000 + b"`\n",
    ]
)


@pytest.mark.thorough
@some
@given(
    st.lists(LINES, max_size=8),
    st.lists(MEMBERS, max_size=5),
    SCRIPTS,
    st.sampled_from([b"/usr/pkg", b"/", b"/etc", b"/usr/pkg/../../etc", b"/var/games"]),
)
@example([b"bin/a", b"lib/c"], [A, member(b"lib/c", flag=b"1", link=b"bin/a")], None, b"/usr/pkg")
def test_nothing_gets_out(
    stager: Stager, lines: list[bytes], members: list[bytes], script: bytes | None, prefix: bytes
) -> None:
    contents = b"\n".join([b"@name a-1.0", b"@cwd " + prefix, *lines, b""])
    meta = {"+CONTENTS": contents, "+COMMENT": b"A\n", "+DESC": b"A\n"}
    meta |= {"+INSTALL": script} if script is not None else {}
    meta["+BUILD_INFO"] = META["+BUILD_INFO"]
    try:
        tree, content = stager.stage({"a-1.0": tar_of(meta, *members)})
    except GoldmasterError as error:
        check_error(error)
    else:
        check(tree, content)
