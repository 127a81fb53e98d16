"""conf.sh, by which the servers read files of the site, reads and refuses what shconf.py does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.checkouts.scratch import PROJECT
from support.simulator.shells import SHELLS, program

from buildlib.config.shconf import Problem, parse

LIBRARY = PROJECT / "recipes/server/overlay/libexec/goldmaster"
KEYS = ("a", "b", "memory", "path", "ifs", "x1", "a_b")
# Reads FILE… one after another: exit status and values of each, with \1 between and \2 after.
SCRIPT = """
. "$1/lib.sh"; . "$1/conf.sh"; shift
say() { :; }
for file; do
    load_conf "$file" {keys}
    printf '%s\\1' $? {values}
    printf '\\2'
done
""".replace("{keys}", " ".join(KEYS)).replace(
    "{values}", " ".join(f'"$conf_{key}"' for key in KEYS)
)
# How many files one shell reads.
BATCH = 40


def by_shell(shell: str, folder: Path, files: list[bytes]) -> list[dict[str, str] | None]:
    """The values that conf.sh reads from each file; None where it refuses the file."""
    paths = [folder / str(number) for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    done = subprocess.run(
        [program(shell), "-c", SCRIPT, "sh", LIBRARY, *paths],
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    found: list[dict[str, str] | None] = []
    for text in done.stdout.decode("latin-1").split("\2")[:-1]:
        status, *values = text.split("\1")[:-1]
        found.append(dict(zip(KEYS, values, strict=True)) if status == "0" else None)
    assert len(found) == len(files)
    return found


def by_parser(data: bytes) -> dict[str, str] | None:
    """What shconf.py reads; unknown keys are refused by who reads further, as in site-check."""
    problems: list[Problem] = []
    conf = parse(data, "x", problems)
    if problems or set(conf.values) - set(KEYS):
        return None
    return dict.fromkeys(KEYS, "") | conf.values


VALUES = (
    st.text("ab09._/:,@%+=-", max_size=8)
    | st.text(st.characters(max_codepoint=300, exclude_characters="\n"), max_size=8)
    | st.text("'\"\\$`#= \tab", max_size=10)
    | st.sampled_from(
        [
            "$x",
            "$(x)",
            "`x`",
            "~",
            "*",
            "?",
            "[a]",
            "{a,b}",
            "!",
            ";x",
            "&x",
            ">x",
            "(x)",
            "&&x",
            "\rx",
            "\x7f",
            "\x01",
            "a\\",
        ]
    )
)
QUOTES = st.sampled_from(["", "", "'", '"'])
LINES = (
    st.builds(
        lambda lead, key, equals, quote, value, end, tail: (
            f"{lead}{key}{equals}{quote}{value}{end or quote}{tail}".encode()
        ),
        st.sampled_from(["", "", "", " ", "\t", "\xa0", "\r"]),
        st.sampled_from([*KEYS, "unknown", "A", "1a", "_a", "a-b", "PATH", ""]),
        st.sampled_from(["=", "=", "=", "=", " =", "= ", "+=", ""]),
        QUOTES,
        VALUES,
        st.sampled_from(["", "", "", "", "'", '"']),
        st.sampled_from(["", "", "", " ", "\t# it's", "#x", " # $(x)", " ;x", " b=2", " \\", "\r"]),
    )
    | st.sampled_from(
        [
            b"",
            b"# a 'comment' \\",
            b" \t",
            b"#\xc3\xa4",
            b"a='\xc3\xa4'",
            b"\x00",
            b"a=1\x00",
            b"# \x07",
            b"a='\t'",
            b'b="\t"',
        ]
    )
    | st.text(st.characters(codec="utf-8"), max_size=12).map(str.encode)
)
FILES = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(LINES, max_size=3),
    st.sampled_from([b"", b"\n", b"\n\n"]),
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conf")


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=40, deadline=None)
@given(files=st.lists(FILES, min_size=BATCH // 4, max_size=BATCH))
@example(files=[b"a=1\na=2", b"a='b'c", b"a=\nb=''", b"a=b #c\nb=d", b"a=b#c"])
@example(files=[b"a=1\r\n", b"# \x00", b"#\xc3\xa4", b"# \x07", b"a=\x00b"])
def test_every_file_is_read_or_refused_alike(scratch: Path, shell: str, files: list[bytes]) -> None:
    wanted = [by_parser(data) for data in files]
    found = by_shell(shell, scratch, files)
    assert dict(zip(files, found, strict=True)) == dict(zip(files, wanted, strict=True))
