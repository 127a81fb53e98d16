"""halves.sh takes of storage.conf what site-check passes, as far as it goes into commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.checkouts.scratch import PROJECT
from support.simulator.shells import SHELLS, program

from buildlib.config.shconf import Problem, parse
from buildlib.config.site.fleet import StorageConf, load_conf

SERVER = PROJECT / "recipes/server/overlay/libexec/goldmaster"
DOMU = PROJECT / "recipes/domu/base/overlay/libexec/goldmaster"
# Reads FILE… one after another, each in the place of the server's own: which of them are taken.
SCRIPT = """
. "$1/lib.sh"; eval "$(sed 's/^load_conf()/read_conf()/' "$1/conf.sh")"; . "$2/halves.sh"
shift 2
say() { :; }
load_conf() { shift; read_conf "$file" "$@"; }
for file; do
    ! load_storage || echo "${file##*/}"
done
"""
GOOD = {"volume1": "a x", "volume2": "b x", "mount": "/data"}
EDGES = (
    st.from_regex(r"raid[0-9a]{0,3}", fullmatch=True)
    | st.from_regex(r"0?[0-9]{1,10}", fullmatch=True)
    | st.from_regex(r"(/(\.{0,3}|[a-z.$*]{1,3})){1,4}/?", fullmatch=True)
    | st.text("f0/.-² ", min_size=1, max_size=5)
    | st.sampled_from(
        [
            "ffs",
            "lfs",
            "ext2fs",
            "FFS",
            "ffs2",
            "raid0",
            "raid99",
            "raid100",
            "raid00",
            "1",
            "0",
            "999999999",
            "1000000000",
            "/",
            "//",
            "/a",
            "/a/",
            "/a/../b",
            "/a/.b",
            "..",
            "a",
            "/a b",
        ]
    )
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=8, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from(["raid", "serial", "mount", "file_system"]), EDGES),
        min_size=20,
        max_size=40,
    )
)
@example(
    changes=[
        (key, text)
        for key in ("raid", "serial", "mount", "file_system")
        for text in (
            "raid0",
            "raid00",
            "1",
            "01",
            "0",
            "9" * 9,
            "9" * 10,
            "9" * 5000,
            "/",
            "/a",
            "/a/",
            "/../a",
            "ffs",
            "msdos",
            "²",
        )
    ]
)
def test_what_is_passed_is_taken_and_nothing_else(
    scratch: Path, shell: str, changes: list[tuple[str, str]]
) -> None:
    good, files = set(), []
    for number, (key, value) in enumerate(changes):
        text = "".join(f"{name}='{is_}'\n" for name, is_ in (GOOD | {key: value}).items())
        files.append(scratch / str(number))
        files[-1].write_text(text)
        problems: list[Problem] = []
        load_conf(StorageConf, parse(text.encode(), "x", problems), problems)
        if not problems:
            good.add(str(number))
    done = subprocess.run(
        [program(shell), "-c", SCRIPT, "sh", SERVER, DOMU, *files],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        check=True,
    )
    taken = set(done.stdout.split())
    assert {changes[int(name)] for name in taken} == {changes[int(name)] for name in good}
