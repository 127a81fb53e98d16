"""Packing lists: the attributes of each file, and what is rejected."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.model.errors import GoldmasterError, SourceError
from buildlib.pkgsrc.plist import (
    Directive,
    Kind,
    Plist,
    PlistFile,
    format_plist,
    parse_plist,
    plist_of,
)

MD5 = "0cc175b9c0f1b6a831c399e269772661"
FULL = f"""\
@comment $NetBSD$
@name pkgtest-1.0
@cwd /usr/pkg
@blddep dep1-1.0nb2
@pkgdep dep1-[0-9]*
@pkgdep dep2>=2.0
@pkgcfl cfl<2.0
@option preserve
@display +DISPLAY
@src /usr/pkg
@mode 0644
@owner bin
@group games
bin/foo
@comment MD5:{MD5}
@exec echo F=%F D=%D
@unexec rm -f %D/x
bin/bar
@comment Symlink:../lib/bar
@mode
@owner
@group
sbin/tool with spaces
@comment not about the file
@comment MD5:{MD5}
@pkgdir share/junk
@dirrm share/old
@cwd /usr/pkg
@ignore
+COMMENT
@ignore
+DESC
last
"""


def test_everything() -> None:
    plist = parse_plist(FULL.encode())
    assert (plist.name, plist.prefix) == ("pkgtest-1.0", "/usr/pkg")
    assert plist.arguments(Kind.PKGDEP) == ("dep1-[0-9]*", "dep2>=2.0")
    assert plist.arguments(Kind.PKGCFL) == ("cfl<2.0",)
    assert plist.arguments(Kind.PKGDIR) == ("share/junk",)
    assert plist.arguments(Kind.EXEC) == ("echo F=%F D=%D",)
    assert plist.arguments(Kind.FILE) == ("bin/foo", "bin/bar", "sbin/tool with spaces", "last")
    assert plist.files == (
        PlistFile("bin/foo", md5=MD5, owner="bin", group="games", mode="0644"),
        PlistFile("bin/bar", symlink="../lib/bar", owner="bin", group="games", mode="0644"),
        PlistFile("sbin/tool with spaces"),  # only the very next line is about a file
        PlistFile("last"),
    )
    assert [file.line for file in plist.files] == [14, 18, 23, 33]
    assert format_plist(plist) == FULL.encode()


def test_white_space_and_old_forms() -> None:
    plist = parse_plist(b"\n@name   a-1 \t\r\n@cd /opt\n@comment\n\n bin/x\t\n@mode\t\tu+s\n")
    assert plist.directives == (
        Directive(Kind.NAME, "a-1"),
        Directive(Kind.CWD, "/opt"),
        Directive(Kind.COMMENT),
        Directive(Kind.FILE, " bin/x"),
        Directive(Kind.MODE, "u+s"),
    )


def test_ignore_takes_whatever_follows() -> None:
    plist = parse_plist(b"@name a-1\n@cwd /\n@ignore\n@owner bin\nx\n@ignore\n")
    assert plist.files == (PlistFile("x"),)
    assert plist.arguments(Kind.OWNER) == ()


def test_the_first_cwd_is_the_prefix() -> None:
    # add/perform.c: everything is unpacked below the first one
    plist = parse_plist(b"@name a-1\n@cwd /usr/pkg\n@cwd .\n@ignore\n+DESC\n")
    assert plist.prefix == "/usr/pkg"


def test_bytes_that_are_not_utf8() -> None:
    data = b"@name a-1\n@cwd /\nshare/caf\xe9\n"
    assert format_plist(parse_plist(data)) == data


HEAD = b"@name a-1\n@cwd /usr/pkg\n"


@pytest.mark.parametrize(
    ("data", "line", "text"),
    [
        (HEAD + b"@frobnicate x\n", 3, "@frobnicate"),
        (HEAD + b"@cwdx\n", 3, "@cwdx"),  # pkg_install takes it for @cwd x
        (HEAD + b"@CWD /\n", 3, "@CWD"),
        (HEAD + b"@\n", 3, "directive @"),
        (HEAD + b"@pkgdep\n", 3, "needs an argument"),
        (HEAD + b"@ignore it\n", 3, "takes no argument"),
        (HEAD + b"@mode x\n", 3, "not a mode"),
        (HEAD + b"../etc/passwd\n", 3, "out of the prefix"),
        (HEAD + b"/etc/passwd\n", 3, "out of the prefix"),
        (HEAD + b"@pkgdir a/../../b\n", 3, "out of the prefix"),
        (b"@name a-1\n@cwd /usr/pkg/../../etc\n", 2, "contains `..`"),
        (HEAD + b"a\n@comment MD5:xyz\n", 4, "bad MD5"),
        (HEAD + b"a\0b\n", 3, "NUL"),
        (b"@name a-1\nx\n@cwd /\n", 2, "before any @cwd"),
        (HEAD + b"\n" * 1_000_000, 0, "1,000,000 lines"),
        (b"@cwd /\n", 0, "no @name"),
        (b"@name a-1\n", 0, "no @cwd"),
        (b"", 0, "no @name"),
    ],
)
def test_errors_have_the_line(data: bytes, line: int, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_plist(data, where="here")
    assert caught.value.reason == "plist"
    assert caught.value.where == (f"here, line {line}" if line else "here")
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "directive",
    [
        Directive(Kind.FILE, "@x"),
        Directive(Kind.FILE, "x "),
        Directive(Kind.FILE, ""),
        Directive(Kind.FILE, "a\nb"),
        Directive(Kind.COMMENT, " x"),
        Directive(Kind.IGNORE, "x"),
        Directive(Kind.PKGDEP, ""),
    ],
)
def test_what_cannot_be_written(directive: Directive) -> None:
    base = parse_plist(HEAD)
    with pytest.raises(SourceError) as caught:
        format_plist(Plist((*base.directives, directive), (), base.name, base.prefix))
    assert caught.value.reason == "plist"


PATHS = st.from_regex(r"[a-zA-Z0-9+._ -][a-zA-Z0-9+._ /-]{0,10}[a-z]", fullmatch=True).filter(
    lambda path: ".." not in path.split("/") and not path.startswith("/")
)
WORDS = st.from_regex(r"[!-~]([ -~]{0,10}[!-~])?", fullmatch=True).filter(
    lambda word: ".." not in word
)
DIRECTIVES = st.lists(
    st.one_of(
        st.builds(Directive, st.just(Kind.FILE), PATHS),
        st.builds(Directive, st.sampled_from([Kind.OWNER, Kind.GROUP]), WORDS | st.just("")),
        st.builds(Directive, st.just(Kind.MODE), st.sampled_from(["", "0755", "u+s"])),
        st.builds(Directive, st.just(Kind.IGNORE)),
        st.builds(
            Directive,
            st.sampled_from([Kind.PKGDEP, Kind.EXEC, Kind.PKGDIR, Kind.OPTION, Kind.CWD]),
            WORDS,
        ),
    ),
    max_size=12,
)


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(DIRECTIVES)
def test_roundtrip(directives: list[Directive]) -> None:
    plist = plist_of((*parse_plist(HEAD).directives, *directives))
    again = parse_plist(format_plist(plist))
    assert again == plist
    ignored = sum(item.kind is Kind.IGNORE for item in directives)
    assert 0 <= sum(item.kind is Kind.FILE for item in directives) - len(plist.files) <= ignored


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([HEAD, FULL.encode(), b"@", b"\n", b"@ignore"]) | st.binary()))
def test_fuzz(parts: list[bytes]) -> None:
    try:
        plist = parse_plist(b"".join(parts))
    except GoldmasterError as error:
        assert error.reason == "plist"  # noqa: PT017  either is right
    else:
        assert parse_plist(format_plist(plist)) == plist
