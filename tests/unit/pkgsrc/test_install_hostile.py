"""Malicious declarations in install scripts: nothing outside the allowed places changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.model.errors import GoldmasterError
from buildlib.model.tree import Entry, tree_of
from buildlib.pkgsrc.accounts import Names
from buildlib.pkgsrc.install import Installed, Place, install
from buildlib.pkgsrc.pkginstall import parse_install
from buildlib.pkgsrc.plist import parse_plist
from buildlib.pkgsrc.unapplied import actions_of

PREFIX, OUTSIDE = "usr/pkg", "var/games"
TREE = [
    Entry("etc", "dir", 0o755),
    Entry("etc/passwd", "file", 0o644),
    Entry("usr/pkg", "dir", 0o755),
    Entry("usr/pkg/share/a.conf", "file", 0o644, inode="one"),
    Entry("usr/pkg/share/b.conf", "file", 0o644, inode="one"),
    Entry("usr/pkg/out", "link", 0o777, link="/etc"),
    Entry("usr/pkg/up", "link", 0o777, link="../../etc"),
    Entry("usr/pkg/loop", "link", 0o777, link="loop"),
    Entry("usr/pkg/long", "link", 0o777, link="long/long/long"),
    Entry("usr/pkg/nowhere", "link", 0o777, link="/nonexistent/x"),
    Entry("usr/pkg/empty", "link", 0o777, link="/"),
    Entry("var/games", "dir", 0o755),
    Entry("var/in", "link", 0o777, link="games"),
]
PATHS = st.sampled_from(
    [
        "share/a.conf",
        "/usr/pkg/share/a.conf",
        "/etc/passwd",
        "/etc/new",
        "out/passwd",
        "out/new",
        "up/passwd",
        "loop/x",
        "loop",
        "long/x",
        "nowhere",
        "nowhere/y",
        "empty/etc/new",
        "/",
        ".",
        "",
        "..",
        "../../etc/x",
        "/usr/pkg/../../etc",
        "/var/games/scores",
        "/var/in/scores",
        "/var/in",
        "etc/new.conf",
        "//etc//new",
        "/dev/null",
        "share",
        "share/a.conf/below",
        "/usr/pkgs/x",
        "out",
    ]
)
OWNERS = st.sampled_from(
    [
        "",
        "0644",
        "04755 root",
        "0755 root wheel",
        "0644 nobody",
        "0755 0 0",
        "u+s root wheel",
        "9999",
        "0644 root wheel more",
    ]
)
LINES = st.one_of(
    st.builds(
        "# FILE: {} {} {} {}".format,
        PATHS,
        st.sampled_from(["c", "cr", "cf", "", "f"]),
        PATHS,
        OWNERS,
    ),
    st.builds("# DIR: {} {} {}".format, PATHS, st.sampled_from(["m", "mo", "f", "-"]), OWNERS),
    st.builds("# PERMS: {} {}".format, PATHS, OWNERS),
    st.builds("# SHELL: {}".format, PATHS),
    st.sampled_from(["# FILE:", "# DIR: x", "# USER: a", "# RCD: x", "@", "\x00", "exit 0"]),
)


@pytest.mark.thorough
@some
@given(
    st.lists(LINES, max_size=3), st.sampled_from(["", "@owner root\n@group wheel\n@mode 4755\n"])
)
def test_nothing_outside_changes(lines: list[str], ownership: str) -> None:
    script = "\n".join(["#!/bin/sh", *lines, ""]).encode()
    plist = parse_plist(f"@name a-1\n@cwd /usr/pkg\n{ownership}share/a.conf\n".encode())
    before = {entry.path: entry for entry in tree_of(TREE)}
    try:
        declared = parse_install(script, prefix="/usr/pkg")
        actions_of(script, plist, declared)
        after, _ = install(
            before.values(),
            [Installed("a-1", plist, declared)],
            Names({"root": 0}, {"wheel": 0}),
            place=Place(PREFIX, (OUTSIDE,)),
            time=1,
        )
    except GoldmasterError as error:
        assert error.reason in {"pkginstall", "pkg-outside", "no-user", "pkg-path"}  # noqa: PT017  or none
        return
    for path, entry in after.items():
        if entry != before.get(path):
            assert any(f"{path}/".startswith(f"{top}/") for top in (PREFIX, OUTSIDE)), path
    assert before.keys() <= after.keys()
    tree_of(after.values())
    shared = [after[f"usr/pkg/share/{name}.conf"] for name in "ab"]
    assert len({(entry.uid, entry.gid, entry.mode) for entry in shared}) == 1


@pytest.mark.parametrize(
    "line",
    [
        "A=" + "x" * 50_000,
        "(" * 20_000,
        "[" * 20_000 + ")",
        "a" * 50_000 + ")",
        "${" * 20_000,
        "case " * 10_000 + "in",
        '"' * 20_001,
        "|" * 50_000 + ")",
        "[ab]|" * 10_000,
        "A=`" * 10_000,
        ": ${" + "A" * 50_000,
    ],
)
def test_long_lines_take_no_long_time(line: str) -> None:
    """Patterns with backtracking would not finish within an hour."""
    plist = parse_plist(b"@name a-1\n@cwd /usr/pkg\n")
    script = "\n".join([line, f"# FILE: {line}", f"# USER: {line}", f"# PERMS: {line} 0644", ""])
    try:
        declared = parse_install(script.encode(), prefix="/usr/pkg")
        actions_of(script.encode(), plist, declared)
    except GoldmasterError as error:
        assert error.reason == "pkginstall"  # noqa: PT017  either is right
