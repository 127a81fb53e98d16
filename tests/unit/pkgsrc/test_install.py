"""Declarations applied to entries: the effect of a script, as seen in a tree."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.trees import TIME, Contents, file, folder, link

from buildlib.model.digest import sha256
from buildlib.model.errors import GoldmasterError, SourceError
from buildlib.model.tree import Entry, tree_of
from buildlib.pkgsrc.accounts import Names
from buildlib.pkgsrc.install import (
    Installed,
    Place,
    install,
    pkgdir_path,
    plain,
    shells_with,
)
from buildlib.pkgsrc.pkginstall import parse_install
from buildlib.pkgsrc.plist import parse_plist

NAMES = Names({"root": 0, "www": 500}, {"wheel": 0, "www": 510})
PLACE = Place("usr/pkg", ("etc/rc.d", "var"))
NOW = TIME + 99
BASE: Contents = {
    **folder("etc"),
    **folder("etc/rc.d"),
    **folder("usr/pkg/etc", 0o775, gid=5),
    **folder("var"),
    **file("usr/pkg/share/examples/a.conf", b"a=1\n", 0o664, uid=7, gid=7, time=TIME + 5),
    **file("usr/pkg/share/examples/rc.d/a", b"#!/bin/sh\n", 0o644),
    **file("usr/pkg/bin/a", b"a", 0o555),
    **link("usr/pkg/bin/b", "a"),
    **file("usr/pkg/bin/c", b"c", 0o555, inode="c"),
    **file("usr/pkg/bin/d", b"c", inode="c"),
}


def installs(
    script: str, base: Contents = BASE, *, plist: str = "", place: Place = PLACE
) -> tuple[dict[str, Entry], tuple[str, ...]]:
    """All changed entries, and the messages for declarations that were not applied."""
    packages = [
        Installed(
            "a-1",
            parse_plist(f"@name a-1\n@cwd /usr/pkg\n{plist}".encode()),
            parse_install(script.encode(), prefix="/usr/pkg"),
        )
    ]
    before = tree_of(base)
    after, undone = install(before, packages, NAMES, place=place, time=NOW)
    return {
        path: entry
        for path, entry in tree_of(after.values()).by_path.items()
        if before.by_path.get(path) != entry
    }, undone


def test_a_configuration_file_is_a_copy_of_its_example() -> None:
    """As by cp(1) as root with umask 022; the time is that of the content."""
    changed, undone = installs("# FILE: etc/a/a.conf c share/examples/a.conf\n")
    assert undone == ()
    assert changed == {
        "usr/pkg/etc/a": Entry("usr/pkg/etc/a", "dir", 0o755, time=NOW, origin="a-1"),
        "usr/pkg/etc/a/a.conf": Entry(
            "usr/pkg/etc/a/a.conf",
            "file",
            0o644,
            time=TIME + 5,
            size=4,
            sha256=sha256(b"a=1\n"),
            origin="a-1",
        ),
    }


def test_owner_group_and_mode_of_a_configuration_file() -> None:
    changed, _ = installs(
        "# FILE: etc/a.conf c share/examples/a.conf 0640 www www\n"
        "# FILE: /etc/rc.d/a cr share/examples/rc.d/a 0755\n"
        "# FILE: /var/new cf /dev/null 0600 www\n"
    )
    assert {
        path: (entry.mode, entry.uid, entry.gid, entry.size) for path, entry in changed.items()
    } == {
        "usr/pkg/etc/a.conf": (0o640, 500, 510, 4),
        "etc/rc.d/a": (0o755, 0, 0, 10),
        "var/new": (0o600, 500, 0, 0),
    }


@pytest.mark.parametrize(
    "there",
    [
        file("usr/pkg/etc/a.conf", b"mine", 0o600),
        link("usr/pkg/etc/a.conf", "/etc/motd"),
        {**link("usr/pkg/etc/a.conf", "b.conf"), **file("usr/pkg/etc/b.conf", b"x")},
        folder("usr/pkg/etc/a.conf"),
    ],
)
def test_what_is_there_stays(there: Contents) -> None:
    """A set's file, or a link; a dangling one gets its target, as with cp."""
    dangling = "/etc/motd" in {entry.link for entry in there}
    place = Place("usr/pkg", ("etc",))
    changed, _ = installs(
        "# FILE: etc/a.conf c share/examples/a.conf 0644\n", {**BASE, **there}, place=place
    )
    assert set(changed) == ({"etc/motd"} if dangling else set())


def test_files_that_are_not_copied() -> None:
    changed, undone = installs(
        "# FILE: etc/a.conf - share/examples/a.conf\n"
        "# FILE: etc/b.conf c share/examples/b.conf\n"
        "# FILE: etc/c.conf c share/examples\n"
    )
    assert changed == {}
    assert undone == tuple(
        f"a-1: /usr/pkg/etc/{name}.conf is not created, because its example "
        f"/usr/pkg/share/examples{rest} is missing"
        for name, rest in (("b", "/b.conf"), ("c", ""))
    )


def test_directories() -> None:
    changed, undone = installs(
        "# DIR: /var/db/a mo 0700 www www\n# DIR: etc mo 0750\n"
        "# DIR: /var/log o\n# DIR: /etc m\n# DIR: share/x fm\n"
    )
    assert undone == ("a-1: the directory /var/log is required but missing",)
    assert {
        path: (entry.kind, entry.mode, entry.uid, entry.gid, entry.time)
        for path, entry in changed.items()
    } == {
        "var/db": ("dir", 0o755, 0, 0, NOW),
        "var/db/a": ("dir", 0o700, 500, 510, NOW),
        "usr/pkg/etc": ("dir", 0o750, 0, 5, TIME),
        "usr/pkg/share/x": ("dir", 0o755, 0, 0, NOW),
    }


def test_special_permissions() -> None:
    changed, undone = installs(
        "# PERMS: bin/b 4555 www\n# PERMS: share u+s root www\n# PERMS: bin/none 0644\n"
    )
    assert undone == ("a-1: /usr/pkg/bin/none has special permissions, but is missing",)
    assert {path: (entry.mode, entry.uid, entry.gid) for path, entry in changed.items()} == {
        "usr/pkg/bin/a": (0o4555, 500, 0),
        "usr/pkg/share": (0o4755, 0, 510),
    }


def test_names_of_one_inode_change_together() -> None:
    changed, _ = installs("# PERMS: bin/d 2555 root www\n")
    assert {path: (entry.mode, entry.gid) for path, entry in changed.items()} == {
        "usr/pkg/bin/c": (0o2555, 510),
        "usr/pkg/bin/d": (0o2555, 510),
    }


def test_owners_of_a_packing_list() -> None:
    """Links have their own owners; removed paths are skipped."""
    plist = "@owner www\nbin/a\n@group www\nbin/b\nbin/gone\n@owner\n@group\nbin/c\n"
    changed, _ = installs("", plist=plist)
    assert {path: (entry.uid, entry.gid) for path, entry in changed.items()} == {
        "usr/pkg/bin/a": (500, 0),
        "usr/pkg/bin/b": (500, 510),
    }


def refused(script: str, base: Contents = BASE, plist: str = "") -> SourceError:
    with pytest.raises(SourceError) as caught:
        installs(script, base, plist=plist)
    return caught.value


@pytest.mark.parametrize(
    ("script", "paths"),
    [
        ("# FILE: /etc/a.conf c share/examples/a.conf\n", ["etc/a.conf"]),
        ("# DIR: /etc/a m\n# DIR: /srv/a/b m\n", ["etc/a", "srv/a/b"]),
        ("# DIR: /etc m 0777\n", ["etc"]),
        ("# PERMS: /etc 0777\n", ["etc"]),
        ("# FILE: ./././../x c share/examples/a.conf\n", None),
        ("# FILE: //etc//./a.conf c share/examples/a.conf\n", ["etc/a.conf"]),
        ("# DIR: /etc/rc.d-not m\n", ["etc/rc.d-not"]),
        ("# DIR: /variety m\n# DIR: /usr/pkgs m\n", ["usr/pkgs", "variety"]),
    ],
)
def test_outside_of_the_prefix(script: str, paths: list[str] | None) -> None:
    error = None
    try:
        installs(script)
    except SourceError as caught:
        error = caught
    assert error is not None
    if paths is None:
        assert error.reason == "pkginstall"
        return
    assert (error.reason, error.where) == ("pkg-outside", "a-1")
    assert error.why is not None
    assert sorted(error.why.splitlines()) == [f"a-1: /{path}" for path in paths]
    assert error.hint is not None
    assert all(f'"{path}"' in error.hint for path in paths)
    for more in (paths, [f"{path}/" for path in paths], ["."]):
        assert installs(script, place=Place("usr/pkg/", (*PLACE.outside, *more)))[0]


def test_of_very_many_paths_outside_the_folders_are_told() -> None:
    names = [f"etc/openssl/certs/{number:08x}.0" for number in range(280)]
    names += ["etc/openssl/certs/old/x", "etc/openssl.cnf/x", "netbsd"]
    with pytest.raises(SourceError) as caught:
        Place("usr/pkg", ("var",)).check([("rootcerts-1", name) for name in names])
    assert (caught.value.hint or "").endswith(
        'outside = [..., "etc/openssl.cnf", "etc/openssl/certs", "netbsd"]'
    )
    assert (caught.value.why or "").endswith("and 263 more")
    Place("usr/pkg", ("etc/openssl.cnf", "etc/openssl/certs", "netbsd")).check(
        [("rootcerts-1", name) for name in names]
    )


@pytest.mark.parametrize(
    ("links", "script"),
    [
        (link("usr/pkg/out", "/etc"), "# FILE: out/a.conf c share/examples/a.conf\n"),
        (link("usr/pkg/out", "../../etc"), "# DIR: out/a m\n"),
        (link("usr/pkg/out", "../../../../../etc"), "# PERMS: out 0777\n"),
        ({**link("usr/pkg/out", "/in"), **link("in", "etc/rc.d/..")}, "# PERMS: out 0777\n"),
        (link("usr/pkg/out", "/etc/new"), "# FILE: out c share/examples/a.conf\n"),
        (link("var/x", "/bin"), "# DIR: /var/x/y m\n"),
    ],
)
def test_a_link_leads_nobody_out(links: Contents, script: str) -> None:
    assert refused(script, {**BASE, **links}).reason == "pkg-outside"


def test_links_without_end() -> None:
    loop = {**link("usr/pkg/x", "y"), **link("usr/pkg/y", "x")}
    assert refused("# PERMS: x/z 0777\n", {**BASE, **loop}).reason == "pkg-path"


def test_a_directory_below_a_file() -> None:
    error = refused("# DIR: bin/a/b m\n")
    assert (error.reason, error.what) == ("pkg-path", "/usr/pkg/bin/a is a file, not a directory")


@pytest.mark.parametrize(
    ("script", "plist"),
    [
        ("# PERMS: bin/a 0555 nobody-has-it\n", ""),
        ("# DIR: etc/a m 0755 root nobody-has-it\n", ""),
        ("", "@owner nobody-has-it\nbin/a\n"),
    ],
)
def test_an_owner_nobody_knows(script: str, plist: str) -> None:
    error = refused(script, plist=plist)
    assert error.reason == "no-user"
    assert error.where is not None
    assert error.where.startswith("a-1: /usr/pkg/")


def test_paths() -> None:
    assert plain("//usr/./pkg/") == "usr/pkg"
    assert plain("/") == "."
    assert pkgdir_path("usr/pkg", "/var/x/") == "var/x"
    assert pkgdir_path("usr/pkg", "share/x") == "usr/pkg/share/x"


def test_shells() -> None:
    present = {"usr/pkg/bin/bash", "usr/pkg/bin/zsh"}
    shells = ["/usr/pkg/bin/bash", "/usr/pkg/bin/zsh", "/usr/pkg/bin/gone", "/usr/pkg/bin/zsh"]
    assert shells_with(b"/bin/sh", shells, present) == (
        b"/bin/sh\n/usr/pkg/bin/bash\n/usr/pkg/bin/zsh\n"
    )
    listed = b"/usr/pkg/bin/zsh\n/usr/pkg/bin/bash\n"
    assert shells_with(listed, shells, present) == listed


_PATHS = (
    st.lists(
        st.sampled_from(["usr", "pkg", "etc", "a", "..", ".", "", "x", "bin"]),
        min_size=1,
        max_size=6,
    )
    .map("/".join)
    .filter(bool)
)
_LINES = st.one_of(
    st.tuples(st.just("DIR"), _PATHS, st.sampled_from(["m", "o", "mo 0700 www www"])),
    st.tuples(st.just("FILE"), _PATHS, st.sampled_from(["c bin/a", "cf /dev/null"])),
    st.tuples(st.just("PERMS"), _PATHS, st.sampled_from(["4555", "0700 www www"])),
)
_LINKS = st.dictionaries(st.sampled_from(["usr/pkg/x", "usr/pkg/a", "etc/x", "var/x"]), _PATHS)


@pytest.mark.thorough
@given(st.lists(_LINES, max_size=6), _LINKS)
def test_nothing_outside_changes_whatever_is_declared(
    lines: Iterable[tuple[str, str, str]], links: dict[str, str]
) -> None:
    script = "".join(f"# {kind}: {path} {rest}\n" for kind, path, rest in lines)
    more: Contents = {}
    for path, target in links.items():
        more |= link(path, target)
    try:
        changed, _ = installs(script, {**BASE, **more})
    except GoldmasterError:
        return
    assert all(path.startswith(("usr/pkg", "etc/rc.d", "var")) for path in changed)
