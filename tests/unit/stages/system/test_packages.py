"""Staging packages, and a root that applies what they declare."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.readers.archives import gz
from support.readers.trees import TIME, Contents, file, folder
from support.stages.stage_bench import Bench, Input

from buildlib.config.accounts import Accounts
from buildlib.engine.stage import OutputRef, SourceTree
from buildlib.model.errors import GoldmasterError, SourceError, ToolError
from buildlib.model.events import Event, Note
from buildlib.model.tree import Entry, Tree
from buildlib.stages.system.package_install import Installing
from buildlib.stages.system.packages import Packages
from buildlib.stages.system.root import Root

SETS, PACKAGES = OutputRef("sets", "tree"), OutputRef("packages", "tree")
TABLE = Accounts({"www": 500}, {"www": 500})
BUILD_INFO = "OPSYS=NetBSD\nMACHINE_ARCH=x86_64\nOS_VERSION=10.0\n"
EXAMPLE = "share/examples/a.conf"
INSTALL = """\
#!/bin/sh
exit 0
# GROUP: www
# USER: www:www
# FILE: etc/a.conf c share/examples/a.conf 0640 www www
# DIR: /var/db/a mo 0700 www
# PERMS: bin/a 2555 root www
# SHELL: bin/a
"""
ETC: Contents = {
    **folder("etc"), **file("etc/shells", b"/bin/sh\n"),
    **file("etc/master.passwd", b"root:*:0:0::0:0::/root:/bin/sh\n", 0o600),
    **file("etc/passwd", b"root:*:0:0::/root:/bin/sh\n"), **file("etc/group", b"wheel:*:0:root\n"),
    **file("etc/pwd.db", b"db", time=TIME + 500),
}


def archive(
    name: str, lines: str = "", files: Mapping[str, str] | None = None, *, install: str = "",
    info: str = BUILD_INFO, links: Mapping[str, str] | None = None, cwd: str = "/usr/pkg",
) -> bytes:
    """A package. `files`: path to content; `links`: path to the file it is a hard link of."""
    members = {"+CONTENTS": f"@name {name}\n@cwd {cwd}\n{lines}", "+COMMENT": "x\n",
               "+DESC": "x\n", **({"+INSTALL": install} if install else {}), "+BUILD_INFO": info}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, text in {**members, **(files or {})}.items():
            member = tarfile.TarInfo(path)
            member.size, member.mtime = len(text.encode()), TIME
            tar.addfile(member, io.BytesIO(text.encode()))
        for path, target in (links or {}).items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.LNKTYPE, target
            tar.addfile(member)
    return gz(made.getvalue())


class Staged:
    """A bench, and what its stages told."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.notes: list[str] = []
        self.output: Input = b""
        self.more: dict[OutputRef, Input] = {}

    def hear(self, event: Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event.text)

    def packages(self, archives: Mapping[str, bytes], *, outside: tuple[str, ...] = ("var",),
                 database: str = "usr/pkg/pkgdb") -> Tree:
        refs = {name: OutputRef(name, "file") for name in archives}
        stage = Packages(refs, (), database, "x86_64", "10.1", TIME, "usr/pkg", outside)
        inputs: dict[OutputRef, Input] = {refs[name]: data for name, data in archives.items()}
        self.output = output = self.bench.run_stage(stage, inputs, sink=self.hear)["tree"]
        return self.bench.tree(output)

    def root(self, base: Contents = ETC, **fields: Any) -> Tree:
        installing = Installing("usr/pkg/pkgdb", "usr/pkg", ("var",), TABLE)
        stage = replace(Root(layers=(SETS, PACKAGES), overlays=(), time=TIME + 99,
                             packages=installing), **fields)
        inputs: dict[OutputRef, Input] = {SETS: self.bench.stored(base), PACKAGES: self.output,
                                     **self.more}
        self.made = self.bench.run_stage(stage, inputs, sink=self.hear)["tree"]
        return self.bench.tree(self.made)

    def text(self, tree: Tree, path: str) -> str:
        entry = tree.by_path[path]
        return self.bench.contents(self.made)[entry.sha256].decode()


@pytest.fixture
def staged(bench: Bench) -> Staged:
    return Staged(bench)


def refused(staged: Staged, archives: Mapping[str, bytes]) -> GoldmasterError:
    with pytest.raises(GoldmasterError) as caught:
        staged.packages(archives)
    return caught.value


def test_modes_times_and_directories_of_a_packing_list(staged: Staged) -> None:
    lines = ("@mode 4555\nbin/a\n@mode u+x,go-rw\nbin/b\n@mode\nshare/c\n"
             "@pkgdir share/empty\n@pkgdir /var/empty/a\n@dirrm share\n")
    tree = staged.packages({"a-1": archive("a-1", lines, {"bin/a": "1", "bin/b": "2",
                                                          "share/c": "3"})}).by_path
    assert {path: (entry.mode, entry.time) for path, entry in tree.items()
            if path.startswith("usr/pkg/") and entry.kind == "file" and "pkgdb" not in path} == {
        "usr/pkg/bin/a": (0o4555, TIME), "usr/pkg/bin/b": (0o700, TIME),
        "usr/pkg/share/c": (0o644, TIME)}
    assert tree["usr/pkg/share/empty"].kind == tree["var/empty/a"].kind == "dir"
    assert staged.notes == ["built for another version than 10.1: a-1"]


def test_hard_links_stay_one_file(staged: Staged) -> None:
    """The attributes are those that the last name of the packing list got, as on a disk."""
    lines = "@mode 0500\nbin/a\n@mode 0555\nbin/b\n@mode\nbin/c\n"
    data = archive("a-1", lines, {"bin/a": "1", "bin/c": "1"}, links={"bin/b": "bin/a"})
    tree = staged.packages({"a-1": data}).by_path
    first, second, other = (tree[f"usr/pkg/bin/{name}"] for name in "abc")
    assert first.inode == second.inode == "a-1/bin/a"
    assert (first.mode, second.mode, other.inode) == (0o555, 0o555, "")
    assert staged.root().links_of() == {"a-1/bin/a": 2}


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (archive("a-1", "passwd\n", {"passwd": "x"}, cwd="/etc"), "etc/passwd"),
        (archive("a-1", "etc/passwd\n", {"etc/passwd": "x"}, cwd="/"), "etc/passwd"),
        (archive("a-1", "@pkgdir /etc/a\n"), "etc/a"),
        (archive("a-1", "bin/x\n", {"bin/x": "x"}, cwd="/usr/pkgs"), "usr/pkgs/bin/x"),
        (archive("a-1", "x\n", {"x": "x"}, cwd="//usr//./bin"), "usr/bin/x"),
    ],
)
def test_a_package_that_writes_outside_its_prefix(
    staged: Staged, data: bytes, path: str
) -> None:
    error = refused(staged, {"a-1": data})
    assert isinstance(error, SourceError)
    assert (error.reason, error.where) == ("pkg-outside", "a-1")
    assert "outside = [" in (error.hint or "")
    assert f"a-1: /{path}" in (error.why or "")
    assert path in staged.packages({"a-1": data}, outside=(path,)).by_path


def test_a_prefix_that_leads_upwards(staged: Staged) -> None:
    assert refused(staged, {"a-1": archive("a-1", cwd="/usr/pkg/../../etc")}).reason == "plist"


def test_a_package_that_writes_to_the_database(staged: Staged) -> None:
    path = "pkgdb/b-1/+CONTENTS"
    error = refused(staged, {"a-1": archive("a-1", f"{path}\n", {"x": "", path: ""})})
    assert error.reason == "pkg-outside"
    assert error.what == "a-1 installs /usr/pkg/pkgdb/b-1/+CONTENTS"


def test_two_packages_that_do_not_agree(staged: Staged) -> None:
    error = refused(staged, {"a-1": archive("a-1", "bin/a\n", {"bin/a": ""}),
                             "b-1": archive("b-1", "@pkgdir bin/a\n")})
    assert error.reason == "pkg-conflict"
    assert error.what == "a-1 and b-1 do not agree on what /usr/pkg/bin/a is"
    both = archive("a-1", "@pkgdir share/x\n"), archive("b-1", "@pkgdir share/x\n")
    assert "usr/pkg/share/x" in staged.packages(dict(zip(("a-1", "b-1"), both,
                                                         strict=True))).by_path


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (BUILD_INFO.replace("x86_64", "i386"),
         "built for NetBSD/i386 10.0, wanted NetBSD/x86_64 10.1"),
        (BUILD_INFO.replace("10.0", "9.3"),
         "built for NetBSD/x86_64 9.3, wanted NetBSD/x86_64 10.1"),
        (BUILD_INFO.replace("NetBSD", "SunOS"),
         "built for SunOS/x86_64 10.0, wanted NetBSD/x86_64 10.1"),
        ("OPSYS=NetBSD\n", "it lacks MACHINE_ARCH, OS_VERSION"),
    ],
)
def test_a_package_for_another_system(staged: Staged, info: str, why: str) -> None:
    error = refused(staged, {"a-1": archive("a-1", info=info)})
    assert (error.reason, error.what) == ("pkg-platform", "a-1 is not for this system")
    assert (error.where, error.why) == ("a-1: +BUILD_INFO", why)
    assert error.hint


def test_what_scripts_do_beyond_is_counted(staged: Staged) -> None:
    archives = {f"{name}-1": archive(f"{name}-1", install="/bin/x\n") for name in "abcd"}
    archives["e-1"] = archive("e-1", install=INSTALL, files={EXAMPLE: ""}, info=BUILD_INFO)
    staged.packages(archives)
    assert staged.notes[-1] == ("4 of 5 packages would do more than can be applied "
                                "(doit packages-report): a-1, b-1, c-1 and 1 more")


# the root


def stage_one(staged: Staged, *, lines: str = "") -> None:
    staged.packages({"a-1": archive(
        "a-1", f"@owner www\nbin/own\n@owner\nbin/a\n{EXAMPLE}\n{lines}",
        {"bin/own": "o", "bin/a": "a", EXAMPLE: "a=1\n"}, install=INSTALL)})


def test_declarations_are_applied(staged: Staged) -> None:
    stage_one(staged)
    tree = staged.root()
    found = {path: (entry.kind, entry.mode, entry.uid, entry.gid)
             for path, entry in tree.by_path.items()}
    assert {path: found[path] for path in (
        "usr/pkg/etc/a.conf", "var/db/a", "usr/pkg/bin/a", "usr/pkg/bin/own")} == {
        "usr/pkg/etc/a.conf": ("file", 0o640, 500, 500), "var/db/a": ("dir", 0o700, 500, 0),
        "usr/pkg/bin/a": ("file", 0o2555, 0, 500), "usr/pkg/bin/own": ("file", 0o644, 500, 0)}
    assert staged.text(tree, "usr/pkg/etc/a.conf") == "a=1\n"
    assert staged.text(tree, "etc/shells") == "/bin/sh\n/usr/pkg/bin/a\n"
    assert staged.text(tree, "etc/group") == "wheel:*:0:root\nwww:*:500:\n"
    line = "a www user:/nonexistent:/sbin/nologin\n"
    assert staged.text(tree, "etc/passwd").endswith(f"sh\nwww:*:500:500:{line}")
    assert staged.text(tree, "etc/master.passwd").endswith(f"sh\nwww:*:500:500::0:0:{line}")
    assert (tree.by_path["etc/master.passwd"].mode, tree.by_path["etc/passwd"].mode) == (
        0o600, 0o644)


def test_master_passwd_is_younger_than_the_databases(staged: Staged) -> None:
    """That is how rc knows that they must be made."""
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
    overlay = overlay_of(staged.bench, {"usr/pkg/etc/a.conf": "mine\n", "etc/group": "own:*:9:\n"},
                         "./etc/group mode=0600\n")
    tree = staged.root(overlays=(overlay,))
    assert staged.text(tree, "usr/pkg/etc/a.conf") == "mine\n"
    assert tree.by_path["usr/pkg/etc/a.conf"].mode == 0o644
    assert staged.text(tree, "etc/group") == "own:*:9:\nwww:*:500:\n"
    assert tree.by_path["etc/group"].mode == 0o600


def test_a_recipe_takes_out_what_was_declared(staged: Staged) -> None:
    stage_one(staged)
    tree = staged.root(remove=("usr/pkg/etc/a.conf", "usr/pkg/bin/own"))
    assert "usr/pkg/etc/a.conf" not in tree.by_path


def test_what_cannot_be_done_is_told(staged: Staged) -> None:
    """A system without lists gets none: nothing would know how they go on."""
    staged.packages({"a-1": archive("a-1", install=INSTALL)})
    staged.notes.clear()
    tree = staged.root({**folder("etc")})
    assert set(staged.notes) == {
        f"a-1: /usr/pkg/etc/a.conf is not made, for its example /usr/pkg/{EXAMPLE} is not there",
        "a-1: /usr/pkg/bin/a has special permissions, and is not there",
        *(f"/{path} is no file of this system: nothing is entered"
          for path in ("etc/master.passwd", "etc/passwd", "etc/group")),
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
        "etc/a", "dir", 0o755, time=TIME + 99, origin="a-1")
