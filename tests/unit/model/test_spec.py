"""Handwritten specs in mtree(8)'s language, with NetBSD's mtree(8) as the judge."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.model.errors import ConfigError
from buildlib.model.mtree_keywords import keywords_of
from buildlib.model.spec import read_spec

# NetBSD's usr.sbin/mtree/misc.c 1.30.8.2 of 2013-01-16: keylist.
NETBSD = (
    "cksum",
    "device",
    "flags",
    "gid",
    "gname",
    "ignore",
    "link",
    "md5",
    "md5digest",
    "mode",
    "nlink",
    "nochange",
    "optional",
    "ripemd160digest",
    "rmd160",
    "rmd160digest",
    "sha1",
    "sha1digest",
    "sha256",
    "sha256digest",
    "sha384",
    "sha384digest",
    "sha512",
    "sha512digest",
    "size",
    "tags",
    "time",
    "type",
    "uid",
    "uname",
)
VALUES = {
    "device": "netbsd,1,2",
    "flags": "none",
    "gid": "5",
    "gname": "www",
    "link": "a",
    "mode": "0640",
    "nlink": "1",
    "size": "3",
    "tags": "inode:x",
    "time": "5.25",
    "type": "dir",
    "uid": "5",
    "uname": "www",
    **{
        f"{name}{end}": "0" * size
        for end in ("", "digest")
        for name, size in (
            ("md5", 32),
            ("sha1", 40),
            ("sha256", 64),
            ("sha384", 96),
            ("sha512", 128),
        )
    },
}
REFUSED = {"cksum", "ignore", "ripemd160digest", "rmd160", "rmd160digest"}


def said(text: str | bytes) -> dict[str, dict[str, str]]:
    data = text.encode() if isinstance(text, str) else text
    return {path: dict(line.keywords) for path, line in read_spec(data, where="s").items()}


def problem(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        said(text)
    assert caught.value.reason == "mtree"
    return str(caught.value)


@pytest.mark.parametrize("keyword", NETBSD)
def test_every_keyword_of_netbsd_is_taken_or_refused_by_name(keyword: str) -> None:
    word = (
        keyword
        if keyword in {"optional", "nochange", "ignore"}
        else (f"{keyword}={VALUES.get(keyword, '1')}")
    )
    if keyword in REFUSED:
        assert "unknown keyword" not in problem(f"./a {word}")
    else:
        assert len(said(f"./a {word}")["a"]) == 1


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("mdoe=0600", "mdoe: unknown keyword; did you mean mode?"),
        ("mod=0600", "mod: unknown keyword; did you mean mode?"),
        ("unmae=www", "unmae: unknown keyword; did you mean uname?"),
        ("Mode=0600", "Mode: unknown keyword; did you mean mode?"),
        ("contents=x", "contents: unknown keyword"),
        ("all=1", "all: unknown keyword"),
        ("mode", "mode: has no value"),
        ("mode=", "mode: has no value"),
        ("mode 0600", "mode: has no value"),
        ("mode=0600 mode=0600", "mode: given twice"),
        ("uid=0 uname=root", "uname: given twice, or together with uid"),
        ("optional=1", "optional: takes no value"),
        ("mode=0999", "mode: '0999' is not a mode: use at most four octal digits"),
        ("mode=10000", "mode: '10000' is not a mode"),
        ("mode=rw", "mode: 'rw' is not a mode: write 0644 or u=rw,go=r"),
        ("mode=+x", "mode: '+x' is not a mode"),
        ("mode=u=rwX", "mode: 'u=rwX' is not a mode"),
        ("uid=-1", "uid: '-1' is not a number"),
        ("uid=²", "uid: "),
        ("uid=1_0", "uid: '1_0' is not a number"),
        ("gid=4294967296", "gid: 4294967296 is more than 4294967295"),
        ("size=" + "9" * 5000, "size: 99999999999999999999… (5000 characters) is more than"),
        ("time=soon", "time: 'soon' is not a number"),
        ("time=1.2.3", "time: '2.3' is not a number"),
        ("time=1.1000000000", "time: 1000000000 is more than 999999999"),
        (
            "type=socket",
            "type: sockets are not supported; the program that listens on one creates it",
        ),
        ("type=direc", "type: 'direc' is not one of block, char, dir, fifo, file, link; did you"),
        ("device=linux,1,2", "device: linux,1,2: write netbsd,MAJOR,MINOR"),
        ("device=0x102", "device: 0x102: write netbsd,MAJOR,MINOR"),
        ("device=netbsd,010,2", "device: netbsd,010,2: write netbsd,MAJOR,MINOR"),
        ("device=netbsd,5000,1", "device: 5000,1 is not a NetBSD device number"),
        ("device=netbsd,1,1048576", "device: 1,1048576 is not a NetBSD device number"),
        ("flags=schg", "flags: schg: images do not store flags"),
        ("uname=a:b", "uname: 'a:b' is not the name of a user or group"),
        ("sha256=abc", "sha256: abc is not 64 hexadecimal digits"),
        ("tags=inod:x", "tags: inod:x: unknown tag; did you mean inode?"),
        ("tags=inode:", "tags: inode:: unknown tag"),
        ("link=" + "x" * 1024, "link: a link's target of 1024 bytes; NetBSD allows 1023"),
        ("link=a\\q", "link: \\q: unvis(3) does not know this escape"),
        ("link=a\\0", "link: a name cannot contain a NUL"),
        ("link=a\\777", "link: \\777: unvis(3) does not know this escape"),
    ],
    ids=lambda value: value[:30].replace("²", "superscript").replace("…", "..."),
)
def test_words_that_cannot_be(word: str, what: str) -> None:
    text = problem(f"#mtree\n\n./a {word}\n")
    assert text.startswith(what)
    assert "where: s:3" in text


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("/sett uid=0", "/sett: begin a path with ./; only /set and /unset begin with /"),
        ("/etc type=dir", "/etc: begin a path with ./"),
        ("/set mdoe=0600", "mdoe: unknown keyword; did you mean mode?"),
        ("/unset mdoe", "mdoe: unknown keyword; did you mean mode?"),
        ("./a/../b type=dir", "path 'a/../b' must be a path below its folder"),
        ("../b type=dir", "path '../b' must be a path below its folder"),
        ("./a//b type=dir", "path 'a//b' must be a path below its folder"),
        ("./a/./b type=dir", "path 'a/./b' must be a path below its folder"),
        ("./a/ type=dir", "path 'a/' must be a path below its folder"),
        ("a\\057..\\057b type=dir", "path 'a/../b' must be a path below its folder"),
        ("\\057etc type=dir", "/etc: begin a path with ./"),
        (".. type=dir", "`..` must be alone on its line"),
        (
            "./*.conf mode=0600",
            "./*.conf: patterns are not supported; write one line for each path",
        ),
        ("./" + "a/" * 20_000 + "a type=dir", "a path of 40001 bytes; NetBSD allows 1023"),
        ("./" + "a" * 256 + " type=dir", "a name of 256 bytes; NetBSD allows 255"),
        ("./a\0b type=dir", "a spec cannot contain a NUL"),
    ],
    ids=lambda value: value[:30].replace("\0", "NUL"),
)
def test_lines_that_cannot_be(line: str, what: str) -> None:
    text = problem(f"{line}\n")
    assert what in text
    assert "where: s:1" in text


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("./a mode=0600\n# note\n./a uid=1", "a: line 1 already describes it"),
        ("a type=dir\n..\n..\n..", "`..`: there is no folder above the root"),
        ("a type=dir\n..\n..\nb type=dir", "b: a path cannot be above the root"),
        (
            "./a mode=0700\nb mode=0600",
            "b: the line before has no type, so the folder is unknown; write ./b",
        ),
        ("./a mode=0700\n..", "`..`: the line before has no type"),
    ],
)
def test_lines_that_do_not_follow(spec: str, what: str) -> None:
    assert problem(spec).startswith(what)


def test_every_line_that_is_wrong_is_told() -> None:
    text = problem("./a mdoe=1\n./b mode=0600\n./c uid=x\n" + "./d\\q\n" * 40)
    assert text.startswith("the spec has 42 problems\n  - line 1: mdoe: unknown keyword; did you")
    assert "  - line 3: uid: 'x' is not a number\n" in text
    assert "  - and 22 more\n" in text


def test_of_very_many_wrong_lines_not_all_are_looked_at() -> None:
    text = problem("./a mdoe=1\n" * 100_000)
    assert text.startswith("the spec has 1000 or more problems\n")


def test_a_path_without_end_is_not_decoded() -> None:
    assert "a path of 3000000 bytes; NetBSD allows 1023" in problem("a\\." * 1_000_000)


def test_defaults_can_be_taken_back() -> None:
    """Each by its name, or all of them."""

    def keywords(*lines: str) -> dict[str, str]:
        spec = "\n".join(["/set uid=1 gid=2 mode=0644", *lines, "./a type=file"])
        return dict(read_spec(spec.encode(), where="spec")["a"].keywords)

    assert keywords() == {"uid": "1", "gid": "2", "mode": "0644", "type": "file"}
    assert keywords("/unset uid") == {"gid": "2", "mode": "0644", "type": "file"}
    assert keywords("/unset uid size mode") == {"gid": "2", "type": "file"}
    assert keywords("/unset all") == {"type": "file"}
    assert keywords("/unset all", "/set gid=3") == {"gid": "3", "type": "file"}


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert said(b"\xef\xbb\xbf./a mode=0600\n") == {"a": {"mode": "0600"}}
    assert said(b"\xef\xbb\xbf#mtree\n./a mode=0600\n") == {"a": {"mode": "0600"}}


def test_line_ends_of_other_systems() -> None:
    assert said(b"#mtree\r\n./a mode=0600 \\\r\n  uid=3\r\n") == {"a": {"mode": "0600", "uid": "3"}}


def test_brackets_without_end_take_no_time() -> None:
    began = time.process_time()
    assert "a path of" in problem(b"./" + b"[" * 65_000)
    assert time.process_time() - began < 2
    assert "patterns" in problem(b"./" + b"[" * 1000 + b"a]")


@some
@given(
    st.text(min_size=1, max_size=8).filter(
        lambda word: not set(word) & set("=# \t\r\n\v\f\\\0") and not word.isspace()
    )
)
@example("mdoe")
def test_a_keyword_is_known_or_an_error(name: str) -> None:
    try:
        found = said(f"./a {name}=1\n")
    except ConfigError:
        return
    assert set(found["a"]) <= set(NETBSD)
    assert len(found["a"]) == len(name.split())


def test_words_without_a_value_end_nothing() -> None:
    """What stands behind `optional` or `nochange` in a line counts, too."""
    assert [*keywords_of([b"optional", b"mode=0644"])] == ["optional", "mode"]
    assert [*keywords_of([b"nochange", b"optional", b"uid=7"])] == ["nochange", "optional", "uid"]
