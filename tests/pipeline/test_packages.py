"""Packages in whole builds: what they declare is on the disc, and what they may not do stops it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.declaring import ACCOUNTS, NAME, PKGREPO, UNDONE, UNDONE_LINE, declare
from support.checkouts.scratch import Scratch

from buildlib.model.mtree import parse
from buildlib.model.tree import Tree


@pytest.fixture(scope="module")
def declaring(template: Scratch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A finished build with the package that declares everything; nobody changes it."""
    made = declare(template.copy(tmp_path_factory.mktemp("declaring") / "checkout"))
    made.doit("iso", "domu-images")
    yield made
    assert made.build("iso", "domu-images").built == set()


@pytest.fixture
def own(declaring: Scratch, tmp_path: Path) -> Scratch:
    return declaring.copy(tmp_path / "own")


def spec(scratch: Scratch, base: str) -> Tree:
    return parse(scratch.product(f"{base}.mtree").read_bytes())


def test_what_scripts_declare_is_in_the_images(declaring: Scratch) -> None:
    trees = {base: spec(declaring, base).by_path for base in ("mini-dom0.iso", "mini-pkgrepo.ffs")}
    found = {
        (path, entry.kind, entry.mode, entry.uid, entry.gid)
        for tree in trees.values()
        for path, entry in tree.items()
    }
    assert found >= {
        ("var/declares", "dir", 0o755, 500, 500),
        ("var/declares/index.html", "file", 0o644, 500, 500),
        ("usr/pkg/libexec/declares", "file", 0o2555, 0, 500),
        ("etc/rc.d/declares", "file", 0o755, 0, 0),
        ("usr/pkg/bin/sudo", "file", 0o4511, 0, 0),
        ("etc/rc.d/xencommons", "file", 0o755, 0, 0),
        ("usr/pkg/etc/xen/scripts/block", "file", 0o755, 0, 0),
        ("usr/pkg/etc/pkgin/repositories.conf", "file", 0o644, 0, 0),
        ("usr/pkg/share/examples/declares/secret", "file", 0o640, 500, 500),
        ("etc/master.passwd", "file", 0o600, 0, 0),
    }
    names = [trees["mini-dom0.iso"][f"usr/pkg/bin/{name}"] for name in ("zstd", "zstdmt")]
    assert names[0].inode == names[1].inode != "", "one file by two names, as it was packed"
    plain = spec(declaring, "mini-base.ffs").by_path
    lists = ("etc/passwd", "etc/group", "etc/master.passwd")
    changed = trees["mini-pkgrepo.ffs"]
    assert all(changed[name].sha256 != plain[name].sha256 for name in lists)
    assert "usr/share/goldmaster/accounts" in changed
    assert "usr/share/goldmaster/accounts" not in plain


def test_what_scripts_do_beyond_is_reported(declaring: Scratch) -> None:
    lines = declaring.doit("packages-report").out.splitlines()
    assert lines == [
        f"{NAME} (pkgrepo)",
        f"    +INSTALL: POST-INSTALL {UNDONE_LINE}: {UNDONE}",
        "13 packages, 1 with actions that are not applied",
    ]
    report = json.loads(declaring.doit("packages-report", "--json").out)
    assert report["undone"] == {"dom0": [], "base": [], "pkgrepo": []}
    (told,) = report["packages"]
    assert (told["package"], told["recipes"]) == (NAME, ["pkgrepo"])
    assert told["actions"] == [
        {"where": "+INSTALL: POST-INSTALL", "line": UNDONE_LINE, "text": UNDONE}
    ]


def test_there_is_no_report_of_what_is_not_there(bare: Scratch) -> None:
    declare(bare)
    said = bare.doit("packages-report", status=3).err
    assert "ERROR: packages are not staged yet" in said
    assert "  do:    stage them: doit packages" in said
    assert f"have install-script actions that are not applied (doit packages-report): {NAME}" in (
        bare.doit("packages").out
    )
    said = bare.doit("packages-report").out
    assert "13 packages" in said
    assert "base: run doit root:base to see declarations that cannot be applied\n" in said
    bare.edit("sets/mini/packages/pkgin/INSTALL", "pkgin/repositories.conf.example", "pkgin/other")
    bare.doit("lock")
    bare.doit("root:pkgrepo")
    assert (
        "pkgrepo: declarations that could not be applied\n    pkgin-23.8.1nb5: /usr/pkg/etc/pkgin/"
        "repositories.conf is not created, because its example "
        "/usr/pkg/share/examples/pkgin/other is missing\n"
    ) in bare.doit("packages-report").out


def test_a_user_without_a_number(own: Scratch) -> None:
    """The lines that the message has are those that are missing."""
    table = own.read(ACCOUNTS)
    own.write(ACCOUNTS, table.replace("declarer = 500\n", ""))
    said = own.doit("root:pkgrepo", status=1).err
    assert "ERROR: packages declare users or groups that have no number" in said
    assert f"  - {NAME}: user declarer" in said
    for line in ("[users]", "[groups]", "declarer = 500"):
        assert f"         {line}\n" in said
    own.write(ACCOUNTS, table)
    assert own.doit("root:pkgrepo").text == ""


def test_the_table_is_an_input_like_any_other(own: Scratch) -> None:
    own.edit(ACCOUNTS, "pgsql = 501\n\n", "pgsql = 501\nother = 502\n\n")
    ran = own.build("root:pkgrepo", "image:pkgrepo")
    assert ran.built == {"root:pkgrepo"}, "the tree is the same"
    own.edit(ACCOUNTS, "other = 502", "other = 501")
    assert "users: pgsql and other both have 501" in own.doit("plan", status=3).err


def test_a_package_that_writes_where_the_recipe_does_not_allow_it(own: Scratch) -> None:
    own.edit(PKGREPO, "overlays = ", 'outside = ["var/db"]\noverlays = ')
    said = own.doit("root:pkgrepo", status=1).err
    assert "ERROR: packages write outside of /usr/pkg" in said
    assert f"{NAME}: /var/declares/index.html" in said
    assert "allow it in the recipe: outside = [..., " in said
    own.edit(PKGREPO, '["var/db"]', '["var/db", "etc/rc.d", "var/declares"]')
    assert own.build("root:pkgrepo").built == {"root:pkgrepo", "packages:pkgrepo"}


def test_a_release_without_packages(scratch: Scratch) -> None:
    """As docs/releases.md says: no recipe names any, and Xen comes from elsewhere."""
    for path in (scratch.root / "recipes").glob("**/*.toml"):
        text = path.read_text()
        path.write_text(
            re.sub(r"^packages = \[[^\]]*\]", "packages = []", text, flags=re.MULTILINE)
        )
    ran = scratch.doit("lock")
    assert not re.search("^(package|add) ", ran.out, re.MULTILINE)
    table = (
        scratch.read("sets/mini.toml").partition("[packages.hypervisor]")[2].partition("\n\n")[0]
    )
    scratch.edit("sets/mini.toml", f"[packages.hypervisor]{table}", "")  # as real releases are
    ran = scratch.doit("hypervisor", status=3)
    assert "ERROR: dom0 has no packages, and takes its hypervisor" in ran.err
    assert "  where: recipes/dom0.toml:5: packages\n" in ran.err
    origin = 'distribution = "xen-hypervisor-*-amd64"'
    scratch.edit("recipes/dom0.toml", 'package = "usr/pkg/xen420-kernel/xen.gz"', origin)
    scratch.build("iso")
    tree = spec(scratch, "mini-dom0.iso").by_path
    assert "boot/xen.gz" in tree
    assert "etc/pkg_install.conf" not in tree
    assert not [path for path in tree if path.startswith("usr/pkg/pkgdb")]
