"""Packages in whole builds: what they declare is on the disc, and what they may not do stops it."""

from __future__ import annotations

import json

from support.checkouts.scratch import Scratch

from buildlib.model.mtree import parse
from buildlib.model.tree import Tree

ACCOUNTS, PKGREPO = "recipes/accounts.toml", "recipes/domu/pkgrepo.toml"


def spec(scratch: Scratch, base: str) -> Tree:
    return parse(scratch.product(f"{base}.mtree").read_bytes())


def test_what_scripts_declare_is_in_the_images(template: Scratch) -> None:
    trees = {base: spec(template, base).by_path for base in ("mini-dom0.iso", "mini-pkgrepo.ffs")}
    found = {(path, entry.kind, entry.mode, entry.uid, entry.gid)
             for tree in trees.values() for path, entry in tree.items()}
    assert found >= {
        ("var/www", "dir", 0o755, 500, 500), ("var/www/index.html", "file", 0o644, 500, 500),
        ("usr/pkg/libexec/bozohttpd", "file", 0o2555, 0, 500),
        ("etc/rc.d/bozohttpd", "file", 0o755, 0, 0), ("etc/rc.d/xencommons", "file", 0o755, 0, 0),
        ("usr/pkg/etc/xen/scripts/block", "file", 0o755, 0, 0),
        ("usr/pkg/etc/pkgin/repositories.conf", "file", 0o644, 0, 0),
        ("usr/pkg/share/examples/bozohttpd/htpasswd", "file", 0o640, 500, 500),
        ("etc/master.passwd", "file", 0o600, 0, 0),
    }
    names = [trees["mini-dom0.iso"][f"usr/pkg/bin/{name}"] for name in ("zstd", "zstdmt")]
    assert names[0].inode == names[1].inode != "", "one file by two names, as it was packed"
    plain = spec(template, "mini-base.ffs").by_path
    lists = ("etc/passwd", "etc/group", "etc/master.passwd")
    changed = trees["mini-pkgrepo.ffs"]
    assert all(changed[name].sha256 != plain[name].sha256 for name in lists)
    assert "usr/share/goldmaster/accounts" in changed
    assert "usr/share/goldmaster/accounts" not in plain


def test_what_scripts_do_beyond_is_reported(shared: Scratch) -> None:
    lines = shared.doit("packages-report").out.splitlines()
    assert lines == [
        "pkgin-23.8.1nb5 (pkgrepo)",
        "    +INSTALL: POST-INSTALL 9: ${PKG_PREFIX}/bin/pkgin -f update",
        "12 packages, 1 with something that is not applied",
    ]
    report = json.loads(shared.doit("packages-report", "--json").out)
    assert report["undone"] == {"dom0": [], "base": [], "pkgrepo": []}
    (told,) = report["packages"]
    assert (told["package"], told["recipes"]) == ("pkgin-23.8.1nb5", ["pkgrepo"])
    assert told["actions"] == [{"where": "+INSTALL: POST-INSTALL", "line": 9,
                                "text": "${PKG_PREFIX}/bin/pkgin -f update"}]


def test_there_is_no_report_of_what_is_not_there(bare: Scratch) -> None:
    said = bare.doit("packages-report", status=3).err
    assert "ERROR: packages are not staged yet" in said
    assert "  do:    stage them: doit packages" in said
    assert "would do more than can be applied (doit packages-report): pkgin-23.8.1nb5" in (
        bare.doit("packages").out)
    said = bare.doit("packages-report").out
    assert "12 packages" in said
    assert "base: what is declared and cannot be done is told by doit root:base\n" in said
    bare.edit("sets/mini/packages/pkgin/INSTALL", "pkgin/repositories.conf.example", "pkgin/other")
    bare.doit("lock")
    bare.doit("root:pkgrepo")
    assert ("pkgrepo: declared, and could not be done\n    pkgin-23.8.1nb5: /usr/pkg/etc/pkgin/"
            "repositories.conf is not made, for its example /usr/pkg/share/examples/pkgin/other is "
            "not there\n") in bare.doit("packages-report").out


def test_a_user_without_a_number(scratch: Scratch) -> None:
    """The lines that the message has are those that are missing."""
    table = scratch.read(ACCOUNTS)
    scratch.write(ACCOUNTS, table.replace("bozohttpd = 500\n", ""))
    said = scratch.doit("root:pkgrepo", status=1).err
    assert "ERROR: packages declare users or groups that have no number" in said
    assert "  - bozohttpd-20240428: user bozohttpd" in said
    for line in ("[users]", "[groups]", "bozohttpd = 500"):
        assert f"         {line}\n" in said
    scratch.write(ACCOUNTS, table)
    assert scratch.doit("root:pkgrepo").text == ""


def test_the_table_is_an_input_like_any_other(scratch: Scratch) -> None:
    scratch.edit(ACCOUNTS, "pgsql = 501\n\n", "pgsql = 501\nother = 502\n\n")
    ran = scratch.build("root:pkgrepo", "image:pkgrepo")
    assert ran.built == {"root:pkgrepo"}, "the tree is the same"
    scratch.edit(ACCOUNTS, "other = 502", "other = 501")
    assert "users: pgsql and other both have 501" in scratch.doit("plan", status=3).err


def test_a_package_that_writes_where_the_recipe_does_not_allow_it(scratch: Scratch) -> None:
    scratch.edit(PKGREPO, "overlays = ", 'outside = ["var/db"]\noverlays = ')
    said = scratch.doit("root:pkgrepo", status=1).err
    assert "ERROR: packages write outside of /usr/pkg" in said
    assert "bozohttpd-20240428: /var/www/index.html" in said
    assert "allow it in the recipe: outside = [..., " in said
    scratch.edit(PKGREPO, '["var/db"]', '["var/db", "etc/rc.d", "var/www"]')
    assert scratch.build("root:pkgrepo").built == {"root:pkgrepo", "packages:pkgrepo"}
