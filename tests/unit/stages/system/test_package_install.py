"""A root with what packages declare: accounts, shells, databases, lists."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.readers.trees import TIME, folder
from support.stages.package_bench import ETC, EXAMPLE, INSTALL, SETS, TABLE, Staged, archive
from support.stages.stage_bench import Bench

from buildlib.config.accounts import Accounts
from buildlib.engine.stage import OutputRef, SourceTree
from buildlib.model.errors import GoldmasterError, SourceError, ToolError
from buildlib.model.tree import Entry, Tree
from buildlib.stages.system.package_install import Installing


@pytest.fixture
def staged(bench: Bench) -> Staged:
    return Staged(bench)


def stage_one(staged: Staged, *, lines: str = "") -> None:
    staged.packages(
        {
            "a-1": archive(
                "a-1",
                f"@owner www\nbin/own\n@owner\nbin/a\n{EXAMPLE}\n{lines}",
                {"bin/own": "o", "bin/a": "a", EXAMPLE: "a=1\n"},
                install=INSTALL,
            )
        }
    )


def test_declarations_are_applied(staged: Staged) -> None:
    stage_one(staged)
    tree = staged.root()
    found = {
        path: (entry.kind, entry.mode, entry.uid, entry.gid) for path, entry in tree.by_path.items()
    }
    assert {
        path: found[path]
        for path in ("usr/pkg/etc/a.conf", "var/db/a", "usr/pkg/bin/a", "usr/pkg/bin/own")
    } == {
        "usr/pkg/etc/a.conf": ("file", 0o640, 500, 500),
        "var/db/a": ("dir", 0o700, 500, 0),
        "usr/pkg/bin/a": ("file", 0o2555, 0, 500),
        "usr/pkg/bin/own": ("file", 0o644, 500, 0),
    }
    assert staged.text(tree, "usr/pkg/etc/a.conf") == "a=1\n"
    assert staged.text(tree, "etc/shells") == "/bin/sh\n/usr/pkg/bin/a\n"
    assert staged.text(tree, "etc/group") == "wheel:*:0:root\nwww:*:500:\n"
    line = "a www user:/nonexistent:/sbin/nologin\n"
    assert staged.text(tree, "etc/passwd").endswith(f"sh\nwww:*:500:500:{line}")
    assert staged.text(tree, "etc/master.passwd").endswith(f"sh\nwww:*:500:500::0:0:{line}")
    assert (tree.by_path["etc/master.passwd"].mode, tree.by_path["etc/passwd"].mode) == (
        0o600,
        0o644,
    )


CONFIGURED = ["etc/mk.conf", "etc/pkg_install.conf", "usr/pkg/etc/pkg_install.conf"]


def test_all_tools_are_told_where_the_package_database_is(staged: Staged) -> None:
    """In NetBSD 9, base's tools and those of pkgsrc have other places built in."""
    stage_one(staged)
    tree = staged.root()
    for path in CONFIGURED:
        assert staged.text(tree, path) == "PKG_DBDIR=/usr/pkg/pkgdb\n"
        assert tree.by_path[path].mode == 0o644


def test_an_overlays_own_configuration_of_the_tools_stays(staged: Staged) -> None:
    stage_one(staged)
    overlay = overlay_of(staged.bench, {"etc/pkg_install.conf": "PKG_PATH=/x\n"})
    tree = staged.root(overlays=(overlay,))
    assert staged.text(tree, "etc/pkg_install.conf") == "PKG_PATH=/x\n"
    assert staged.text(tree, "etc/mk.conf") == "PKG_DBDIR=/usr/pkg/pkgdb\n"


def test_master_passwd_is_younger_than_the_databases(staged: Staged) -> None:
    """Their times tell rc to rebuild them."""
    stage_one(staged)
    tree = staged.root().by_path
    assert tree["etc/master.passwd"].time == TIME + 501
    assert tree["etc/passwd"].time == TIME + 99


PWD_MKDB = b"""\
#!/bin/sh
[ "$1 $2 $3 $5" = "-L -p -d $4/etc/master.passwd" ] || exit 1
for name in pwd.db spwd.db; do
    (echo $name; cat "$5") >"$4/etc/$name"
done
"""


def with_pwd_mkdb(staged: Staged, program: bytes) -> Tree:
    ref = OutputRef("toolchain", "pwd_mkdb")
    staged.more = {ref: program}
    return staged.root(packages=Installing("usr/pkg/pkgdb", "usr/pkg", ("var",), TABLE, ref))


@pytest.mark.programs
def test_the_release_s_own_program_makes_the_databases(staged: Staged) -> None:
    stage_one(staged)
    tree = with_pwd_mkdb(staged, PWD_MKDB)
    master = staged.text(tree, "etc/master.passwd")
    for name, mode in (("pwd.db", 0o644), ("spwd.db", 0o600)):
        assert staged.text(tree, f"etc/{name}") == f"{name}\n{master}"
        assert tree.by_path[f"etc/{name}"].mode == mode
    times = {tree.by_path[f"etc/{name}"].time for name in ("pwd.db", "spwd.db", "master.passwd")}
    assert times == {TIME + 99}, "rc must not take them for stale"


def test_a_release_without_that_program_leaves_them_to_rc(staged: Staged) -> None:
    stage_one(staged)
    assert with_pwd_mkdb(staged, b"").by_path["etc/pwd.db"].time == TIME + 500


@pytest.mark.programs
def test_a_program_that_fails(staged: Staged) -> None:
    stage_one(staged)
    with pytest.raises(ToolError) as caught:
        with_pwd_mkdb(staged, b"#!/bin/sh\necho corrupted entry\nexit 1\n")
    assert caught.value.what == "nbpwd_mkdb failed with exit status 1"
    assert caught.value.tail == ("corrupted entry",)


def overlay_of(bench: Bench, files: Mapping[str, str], spec: str = "") -> SourceTree:
    place = bench.store.build / "overlay"
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    source = SourceTree(place, "recipes/overlay")
    source.spec.write_text(spec)
    return source


def test_an_overlay_s_files_win_and_its_lists_are_added_to(staged: Staged) -> None:
    stage_one(staged)
    overlay = overlay_of(
        staged.bench,
        {"usr/pkg/etc/a.conf": "mine\n", "etc/group": "own:*:9:\n"},
        "./etc/group mode=0600\n",
    )
    tree = staged.root(overlays=(overlay,))
    assert staged.text(tree, "usr/pkg/etc/a.conf") == "mine\n"
    assert tree.by_path["usr/pkg/etc/a.conf"].mode == 0o644
    assert staged.text(tree, "etc/group") == "own:*:9:\nwww:*:500:\n"
    assert tree.by_path["etc/group"].mode == 0o600


def test_a_recipe_takes_out_what_was_declared(staged: Staged) -> None:
    stage_one(staged)
    tree = staged.root(remove=("usr/pkg/etc/a.conf", "usr/pkg/bin/own"))
    assert "usr/pkg/etc/a.conf" not in tree.by_path


def test_what_cannot_be_done_is_reported(staged: Staged) -> None:
    """A system without lists gets none: the rest of their content is unknown."""
    staged.packages({"a-1": archive("a-1", install=INSTALL)})
    staged.notes.clear()
    tree = staged.root({**folder("etc")})
    assert set(staged.notes) == {
        (
            "a-1: /usr/pkg/etc/a.conf is not created, because its example "
            f"/usr/pkg/{EXAMPLE} is missing"
        ),
        "a-1: /usr/pkg/bin/a has special permissions, but is missing",
        *(
            f"/{path} is not a file of this system: nothing is added to it"
            for path in ("etc/master.passwd", "etc/passwd", "etc/group")
        ),
    }
    assert "etc/passwd" not in tree.by_path


def test_a_root_without_packages_is_as_before(staged: Staged) -> None:
    staged.packages({"a-1": archive("a-1")})
    assert {entry for entry in staged.root(layers=(SETS,)) if entry in ETC} == set(ETC)


def test_numbers_are_asked_for(staged: Staged) -> None:
    stage_one(staged)
    installing = Installing("usr/pkg/pkgdb", "usr/pkg", ("var",), Accounts())
    with pytest.raises(GoldmasterError) as caught:
        staged.root(packages=installing)
    assert caught.value.reason == "no-number"
    assert "www = 500" in str(caught.value)


def test_a_declaration_outside_is_refused(staged: Staged) -> None:
    staged.packages({"a-1": archive("a-1", install="# DIR: /etc/a m\n")})
    with pytest.raises(SourceError) as caught:
        staged.root()
    assert (caught.value.reason, caught.value.why) == ("pkg-outside", "a-1: /etc/a")
    allowed = Installing("usr/pkg/pkgdb", "usr/pkg", ("etc/a",), TABLE)
    assert staged.root(packages=allowed).by_path["etc/a"] == Entry(
        "etc/a", "dir", 0o755, time=TIME + 99, origin="a-1"
    )
