"""The parser accepts what sh reads as plain values, and refuses what sh would expand or run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildlib.config.shconf import Conf, Problem, parse

SCRIPT = (
    'set -eu; . "$1"; shift; for name; do eval "value=\\$$name"; '
    'printf "%s=%s\\0" "$name" "$value"; done'
)
EXPANSIONS = ("$x", "${x}", "$(x)", "`x`", "$((1))", "~", "\\n", "*", "?", "[a]", "{a,b}", "!")
COMMANDS = (";x", "&x", "|x", ">x", "<x", "(x)", " x", "\tx", "&&x", "||x", "\nx", "\rx")


def read(data: bytes) -> tuple[Conf, list[Problem]]:
    problems: list[Problem] = []
    return parse(data, "a.conf", problems), problems


def by_sh(path: Path, names: list[str]) -> dict[str, str]:
    """The values in shells after they read the file; they can find no commands."""
    read = []
    for shell in (["/bin/dash"], ["/bin/bash", "--posix"]):
        ran = subprocess.run(
            [*shell, "-c", SCRIPT, "sh", path, *names],
            capture_output=True,
            env={"PATH": "/nowhere", "HOME": "/elsewhere"},
            timeout=20,
        )
        assert (ran.returncode, ran.stderr) == (0, b""), ran.stderr
        read.append(dict(line.split("=", 1) for line in ran.stdout.decode().split("\0")[:-1]))
    assert read[0] == read[1]
    return read[0]


NAMES = st.text("abz09_", min_size=1, max_size=4) | st.sampled_from(["path", "ifs", "PATH", "if"])
VALUES = (
    st.text("ab09._/:,@%+=-", max_size=8)
    | st.text(st.characters(max_codepoint=300), max_size=8)
    | st.sampled_from([*EXPANSIONS, *COMMANDS])
)
LINES = st.builds(
    lambda lead, name, equals, quote, value, end, tail: (
        f"{lead}{name}{equals}{quote}{value}{end or quote}{tail}"
    ),
    st.sampled_from(["", " ", "\t"]),
    NAMES,
    st.sampled_from(["=", "=", "=", " = ", "+=", ""]),
    st.sampled_from(["", "'", '"']),
    VALUES,
    st.sampled_from(["", "", "", "'", '"']),
    st.sampled_from(["", "", " # why $(x) 'not", "# no", " ;x", " \\"]),
) | st.sampled_from(["", "# a 'comment \\", " \t", "#!/bin/sh", "export a=b", "a", ". b"])


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conf") / "a.conf"


@pytest.mark.programs
@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=4), st.sampled_from(["", "\n"]))
@example(["a='x\\y'", 'b="it\'s"', "c='\"'", "d=", "e=''"], "\n")
@example(["a=b # c\\", "d=e"], "")
def test_what_is_accepted_sh_reads_alike(scratch: Path, lines: list[str], end: str) -> None:
    """Bad lines are reported and do not affect good ones: without them, the file reads the same."""
    text = "\n".join(lines) + end
    _, problems = read(text.encode())
    bad = {problem.line for problem in problems}
    good = "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number not in bad)
    conf, left = read(good.encode())
    assert not left
    scratch.write_bytes(good.encode())
    assert by_sh(scratch, list(conf.values)) == conf.values


@pytest.mark.parametrize("evil", [*EXPANSIONS, *COMMANDS])
@pytest.mark.parametrize("form", ["a={}", "a=b{}", "a={}b", "a='b'{}", 'a="b"{}', "a{}=b", "{}"])
def test_expansions_and_commands_are_refused(form: str, evil: str) -> None:
    assert read(form.format(evil).encode())[1], form.format(evil)


@pytest.mark.parametrize("evil", ["$x", "${x}", "$(x)", "`x`", "\\$x", '"$x"', '"x', "\n"])
def test_double_quotes_hold_nothing_live(evil: str) -> None:
    assert read(f'a="b{evil}c"'.encode())[1]


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b"a=1\nb = 2\n", 2, "has blanks around the =; write b=…"),
        (b"a=b c\n", 1, 'a: a second word after the value; write a="…"'),
        (b"a=$b", 1, "a: '$' has a meaning for the shell; write a='…'"),
        (
            b'a="$b"',
            1,
            ("a: '$' has a meaning for the shell, even in double quotes; use single quotes"),
        ),
        (b"a='b\nc'", 1, "a: ' is not closed on this line"),
        (b"a='b'c", 1, "a: text right after the closing quote"),
        (b"a='b' c", 1, "a: a second word after the value; put both into one pair of quotes"),
        ("a='ä'".encode(), 1, "a: 'ä' is not ASCII"),
        ("a=ä".encode(), 1, "a: 'ä' is not ASCII"),
        (
            b"PATH=/tmp",
            1,
            ("'PATH' is not a valid name: use a-z, 0-9 and _, beginning with a letter"),
        ),
        (b"reboot", 1, "is neither name=value nor a comment"),
        (b"a=1\r\n", 1, "has the control character '\\r'; save it with Unix line ends"),
        (b"# \0\n", 1, "has the control character '\\x00'"),
        (b"a=1\nb=\xff", 2, "is not UTF-8 text"),
        (b"a=1\n\na=2\n", 3, "a is already set in line 1; keep one of them"),
    ],
)
def test_each_mistake_is_reported_with_its_line(data: bytes, line: int, said: str) -> None:
    assert [str(problem) for problem in read(data)[1]][:1] == [f"a.conf:{line}: {said}"]


def test_names_values_and_lines() -> None:
    conf, problems = read(b"# x\n\na=1  # one\n b='2 3'\nc=\"4\"\nd=\n")
    assert not problems
    assert conf.values == {"a": "1", "b": "2 3", "c": "4", "d": ""}
    assert conf.lines == {"a": 3, "b": 4, "c": 5, "d": 6}
    assert (conf.line("b"), conf.line("z")) == (4, 0)
