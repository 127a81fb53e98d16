"""Specs of any form: mtree(8) reads the same, and what is written comes back."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.readers.strategies import few, some

from buildlib.model.errors import GoldmasterError
from buildlib.model.names import below
from buildlib.model.spec import SpecLine, read_spec


def said(text: str | bytes) -> dict[str, dict[str, str]]:
    data = text.encode() if isinstance(text, str) else text
    return {path: dict(line.keywords) for path, line in read_spec(data, where="s").items()}


@pytest.mark.programs
@pytest.mark.parametrize(
    ("mode", "octal"),
    [
        ("0", "0000"),
        ("644", "0644"),
        ("4755", "4755"),
        ("u=rwx,go=rx", "0755"),
        ("u+rwx", "0700"),
        ("a=rx", "0555"),
        ("u=rwxs,g=xs,o=ts", "6710"),
        ("a=rwxt", "1777"),
        ("a=rwxst,u-t", "6777"),
        ("u=rwx,g+t", "1700"),
        ("u=rw,go=u", "0666"),
        ("a=rwx,o-w", "0775"),
        ("ug=rw-w+x", "0550"),
        ("u=", "0000"),
    ],
)
def test_modes_are_those_of_mtree(mode: str, octal: str) -> None:
    assert said(f"./a mode={mode}") == {"a": {"mode": octal}}
    assert judged(f". type=dir\n./a type=file mode={mode}\n")["./a"]["mode"] in {
        octal,
        octal.lstrip("0"),
        f"0{octal.lstrip('0')}",
    }


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


@pytest.mark.programs
@pytest.mark.parametrize(
    ("word", "path"),
    [
        (r"a\040b", "a b"),
        (r"a\sb", "a b"),
        (r"a\tb", "a\tb"),
        (r"a\\b", r"a\b"),
        (r"a\#b", "a#b"),
        (r"\303\251", "é"),
        (r"\M-C\M-)", "é"),
        (r"a\^Ab", "a\1b"),
        (r"a\1b", "a\1b"),
        (r"\133", "["),
        (r"\377", "\udcff"),
    ],
)
def test_names_are_decoded_as_unvis_does(word: str, path: str) -> None:
    assert list(said(f"./{word} mode=0600")) == [path]
    judge = [name for name in judged(f". type=dir\n./{word} type=file\n") if name != "."]
    assert list(said(f"{judge[0]} mode=0600")) == [path]


def judged(spec: str) -> dict[str, dict[str, str]]:
    """Path to keywords, as mtree(8) of NetBSD reads the spec."""
    ran = subprocess.run(
        ["mtree", "-C", "-K", "all"], input=spec.encode(), capture_output=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, b""), spec
    return {
        words[0]: dict(word.partition("=")[::2] for word in words[1:])
        for words in (line.split() for line in ran.stdout.decode().splitlines())
    }


@st.composite
def specs(draw: st.DrawFn) -> str:
    """Valid specs in relative form, with defaults set and unset."""
    lines, depth = [".  type=dir"], 0
    for number, action in enumerate(
        draw(st.lists(st.sampled_from(["file", "dir", "up", "set", "unset"]), max_size=12))
    ):
        value = draw(
            st.sampled_from(["uid=40001", "uid=40002", "gid=40003", "mode=0600", "mode=u=rw"])
        )
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


@pytest.mark.programs
@few
@given(specs())
def test_mtree_reads_the_same(spec: str) -> None:
    judge = judged(spec)
    ours = said(spec)
    assert {"." if path == "." else f"./{path}" for path in ours} == judge.keys()
    for path, keywords in ours.items():
        found = judge["." if path == "." else f"./{path}"]
        assert {key: found[key] for key in ("uid", "gid") if key in found} == {
            key: keywords[key] for key in ("uid", "gid") if key in keywords
        }
        assert int(found.get("mode", "0"), 8) == int(keywords.get("mode", "0"), 8)


def spelt(lines: dict[str, SpecLine]) -> bytes:
    text = "".join(
        f"./{path} {' '.join(f'{key}={value}' for key, value in line.keywords.items())}\n"
        for path, line in lines.items()
    )
    return text.encode()


@pytest.mark.thorough
@some
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["dir", "file", "fifo"]),
                "mode": st.sampled_from(["0600", "4755"]),
                "uid": st.integers(0, 2**32 - 1).map(str),
                "gname": st.sampled_from(["wheel", "_httpd"]),
                "time": st.integers(-5, 2**40).map("{}.0".format),
                "size": st.integers(0, 2**63 - 1).map(str),
            },
        ),
        max_size=4,
    )
)
def test_what_is_written_comes_back(lines: dict[str, dict[str, str]]) -> None:
    given_ = {path: SpecLine(0, keywords) for path, keywords in lines.items()}
    assert said(spelt(given_)) == lines


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
