"""Specs that people write: mtree(8)'s language, with NetBSD's mtree(8) as the judge."""

from __future__ import annotations

import subprocess
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.readers.strategies import few, some

from buildlib.model.errors import ConfigError, GoldmasterError
from buildlib.model.names import below
from buildlib.model.spec import Said, read_spec

# NetBSD's usr.sbin/mtree/misc.c 1.30.8.2 of 2013-01-16: keylist.
NETBSD = (
    "cksum", "device", "flags", "gid", "gname", "ignore", "link", "md5", "md5digest", "mode",
    "nlink", "nochange", "optional", "ripemd160digest", "rmd160", "rmd160digest", "sha1",
    "sha1digest", "sha256", "sha256digest", "sha384", "sha384digest", "sha512", "sha512digest",
    "size", "tags", "time", "type", "uid", "uname")
VALUES = {"device": "netbsd,1,2", "flags": "none", "gid": "5", "gname": "www", "link": "a",
          "mode": "0640", "nlink": "1", "size": "3", "tags": "inode:x", "time": "5.25",
          "type": "dir", "uid": "5", "uname": "www",
          **{f"{name}{end}": "0" * size for end in ("", "digest") for name, size in (
              ("md5", 32), ("sha1", 40), ("sha256", 64), ("sha384", 96), ("sha512", 128))}}
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
    word = keyword if keyword in {"optional", "nochange", "ignore"} else (
        f"{keyword}={VALUES.get(keyword, '1')}")
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
        ("type=socket", "type: sockets are not supported: the program that listens there makes it"),
        ("type=direc", "type: 'direc' is not one of block, char, dir, fifo, file, link; did you"),
        ("device=linux,1,2", "device: linux,1,2: write netbsd,MAJOR,MINOR"),
        ("device=0x102", "device: 0x102: write netbsd,MAJOR,MINOR"),
        ("device=netbsd,010,2", "device: netbsd,010,2: write netbsd,MAJOR,MINOR"),
        ("device=netbsd,5000,1", "device: 5000,1 is not a NetBSD device number"),
        ("device=netbsd,1,1048576", "device: 1,1048576 is not a NetBSD device number"),
        ("flags=schg", "flags: schg: images do not keep flags"),
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
        ("/sett uid=0", "/sett: a path begins with ./; only /set and /unset begin with /"),
        ("/etc type=dir", "/etc: a path begins with ./"),
        ("/set mdoe=0600", "mdoe: unknown keyword; did you mean mode?"),
        ("/unset mdoe", "mdoe: unknown keyword; did you mean mode?"),
        ("./a/../b type=dir", "path 'a/../b' must be a path below its folder"),
        ("../b type=dir", "path '../b' must be a path below its folder"),
        ("./a//b type=dir", "path 'a//b' must be a path below its folder"),
        ("./a/./b type=dir", "path 'a/./b' must be a path below its folder"),
        ("./a/ type=dir", "path 'a/' must be a path below its folder"),
        ("a\\057..\\057b type=dir", "path 'a/../b' must be a path below its folder"),
        ("\\057etc type=dir", "/etc: a path begins with ./"),
        (".. type=dir", "`..` must be alone on its line"),
        ("./*.conf mode=0600", "./*.conf: patterns are not supported; give each path a line"),
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
        ("a type=dir\n..\n..\nb type=dir", "b: nothing is in the folder above the root"),
        ("./a mode=0700\nb mode=0600",
         "b: the line before has no type, so the folder is unknown; write ./b"),
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
    assert "a path of 3000000 bytes; NetBSD takes 1023" in problem("a\\." * 1_000_000)


@pytest.mark.parametrize(
    ("mode", "octal"),
    [("0", "0000"), ("644", "0644"), ("4755", "4755"), ("u=rwx,go=rx", "0755"),
     ("u+rwx", "0700"), ("a=rx", "0555"), ("u=rwxs,g=xs,o=ts", "6710"),
     ("a=rwxt", "1777"), ("a=rwxst,u-t", "6777"), ("u=rwx,g+t", "1700"), ("u=rw,go=u", "0666"),
     ("a=rwx,o-w", "0775"), ("ug=rw-w+x", "0550"), ("u=", "0000")],
)
def test_modes_are_those_of_mtree(mode: str, octal: str) -> None:
    assert said(f"./a mode={mode}") == {"a": {"mode": octal}}
    assert judged(f". type=dir\n./a type=file mode={mode}\n")["./a"]["mode"] in {
        octal, octal.lstrip("0"), f"0{octal.lstrip('0')}"}


SPEC = r"""#mtree
# what mtree -c writes
/set type=file uid=0 gid=0 mode=0644 nlink=1 flags=none
.               type=dir mode=0755 nlink=4 time=5.000000007
    a\sb\#c     mode=0600 \
                uid=7   # a comment \
    plain
# ./etc
etc             type=dir mode=0755
    rc.conf     size=3
    rc.d        type=dir mode=0750
        config  mode=0555
    # ./etc/rc.d
    ..
/unset nlink flags
    motd        type=link link=a\040b mode=0777
..
/set gname=wheel
./dev/null      type=char device=netbsd,2,2 mode=0666
zero            type=char device=native,2,12
..
..
"""


def test_a_spec_with_all_that_the_language_has() -> None:
    file = {"type": "file", "uid": "0", "gid": "0", "mode": "0644", "nlink": "1", "flags": "none"}
    common = {"type": "file", "uid": "0", "gid": "0", "mode": "0644"}
    folder = file | {"type": "dir", "mode": "0755"}
    device = {"type": "char", "uid": "0", "gname": "wheel"}
    assert said(SPEC) == {
        ".": folder | {"nlink": "4", "time": "5.0"},
        "a b#c": file | {"mode": "0600", "uid": "7"},
        "plain": file,
        "etc": folder,
        "etc/rc.conf": file | {"size": "3"},
        "etc/rc.d": folder | {"mode": "0750"},
        "etc/rc.d/config": file | {"mode": "0555"},
        "etc/motd": common | {"type": "link", "link": "a b", "mode": "0777"},
        "dev/null": device | {"device": "netbsd,2,2", "mode": "0666"},
        "dev/zero": device | {"device": "netbsd,2,12", "mode": "0644"},
    }
    lines = {path: line.line for path, line in read_spec(SPEC.encode(), where="s").items()}
    assert (lines["a b#c"], lines["plain"], lines["dev/zero"]) == (5, 7, 20)


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert said(b"\xef\xbb\xbf./a mode=0600\n") == {"a": {"mode": "0600"}}
    assert said(b"\xef\xbb\xbf#mtree\n./a mode=0600\n") == {"a": {"mode": "0600"}}


def test_line_ends_of_other_systems() -> None:
    assert said(b"#mtree\r\n./a mode=0600 \\\r\n  uid=3\r\n") == {
        "a": {"mode": "0600", "uid": "3"}}


@pytest.mark.parametrize(
    ("word", "path"),
    [(r"a\040b", "a b"), (r"a\sb", "a b"), (r"a\tb", "a\tb"), (r"a\\b", r"a\b"), (r"a\#b", "a#b"),
     (r"\303\251", "é"), (r"\M-C\M-)", "é"), (r"a\^Ab", "a\1b"), (r"a\1b", "a\1b"),
     (r"\133", "["), (r"\377", "\udcff")],
)
def test_names_are_decoded_as_unvis_does(word: str, path: str) -> None:
    assert list(said(f"./{word} mode=0600")) == [path]
    judge = [name for name in judged(f". type=dir\n./{word} type=file\n") if name != "."]
    assert list(said(f"{judge[0]} mode=0600")) == [path]


def judged(spec: str) -> dict[str, dict[str, str]]:
    """Path to keywords, as mtree(8) of NetBSD reads the spec."""
    ran = subprocess.run(["mtree", "-C", "-K", "all"], input=spec.encode(), capture_output=True,
                         check=False)
    assert (ran.returncode, ran.stderr) == (0, b""), spec
    return {words[0]: dict(word.partition("=")[::2] for word in words[1:])
            for words in (line.split() for line in ran.stdout.decode().splitlines())}


@st.composite
def specs(draw: st.DrawFn) -> str:
    """Specs in the relative form, with defaults set and unset, that are right."""
    lines, depth = [".  type=dir"], 0
    for number, action in enumerate(draw(
            st.lists(st.sampled_from(["file", "dir", "up", "set", "unset"]), max_size=12))):
        value = draw(st.sampled_from(
            ["uid=40001", "uid=40002", "gid=40003", "mode=0600", "mode=u=rw"]))
        if action == "file":
            lines.append(f"f{number} type=file {value}")
        elif action == "dir":
            lines.append(f"d{number} type=dir {value} # note")
            depth += 1
        elif action == "up" and depth:
            lines.append("..")
            depth -= 1
        elif action == "set":
            lines.append(f"/set {value}")
        elif action == "unset":
            lines.append(f"/unset {value.partition('=')[0]}")
    return "\n".join([*lines, ""])


@few
@given(specs())
def test_mtree_reads_the_same(spec: str) -> None:
    judge = judged(spec)
    ours = said(spec)
    assert {"." if path == "." else f"./{path}" for path in ours} == judge.keys()
    for path, keywords in ours.items():
        found = judge["." if path == "." else f"./{path}"]
        assert {key: found[key] for key in ("uid", "gid") if key in found} == {
            key: keywords[key] for key in ("uid", "gid") if key in keywords}
        assert int(found.get("mode", "0"), 8) == int(keywords.get("mode", "0"), 8)


def test_brackets_without_end_take_no_time() -> None:
    began = time.process_time()
    assert "a path of" in problem(b"./" + b"[" * 65_000)
    assert time.process_time() - began < 2
    assert "patterns" in problem(b"./" + b"[" * 1000 + b"a]")


def spelt(lines: dict[str, Said]) -> bytes:
    text = "".join(f"./{path} {' '.join(f'{key}={value}' for key, value in line.keywords.items())}"
                   "\n" for path, line in lines.items())
    return text.encode()


@some
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.fixed_dictionaries({}, optional={
    "type": st.sampled_from(["dir", "file", "fifo"]), "mode": st.sampled_from(["0600", "4755"]),
    "uid": st.integers(0, 2**32 - 1).map(str), "gname": st.sampled_from(["wheel", "_httpd"]),
    "time": st.integers(-5, 2**40).map("{}.0".format), "size": st.integers(0, 2**63 - 1).map(str),
}), max_size=4))
def test_what_is_written_comes_back(lines: dict[str, dict[str, str]]) -> None:
    given_ = {path: Said(0, keywords) for path, keywords in lines.items()}
    assert said(spelt(given_)) == lines


@some
@given(st.text(min_size=1, max_size=8).filter(lambda word: not set(word) & set("=# \t\r\n\v\f\\\0")
                                              and not word.isspace()))
@example("mdoe")
def test_a_keyword_is_known_or_an_error(name: str) -> None:
    try:
        found = said(f"./a {name}=1\n")
    except ConfigError:
        return
    assert set(found["a"]) <= set(NETBSD)
    assert len(found["a"]) == len(name.split())


@some
@given(st.binary(max_size=80) | st.text(" ./a=\\0#\n,\t*setun", max_size=60).map(str.encode))
@example(b"\\\n\\")
@example(b"./a\\")
def test_no_spec_does_more_than_raise(data: bytes) -> None:
    try:
        found = read_spec(data, where="s")
    except GoldmasterError:
        return
    assert all(below(path) == path for path in found if path != ".")
