"""`doit site-init` and `doit site-check` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.checkouts.scratch import Scratch
from support.readers.ufs import Ufs
from support.servers.repository import Repository, svn

SQL = "vservers/sql/server.conf"


@pytest.fixture
def bare(tmp_path: Path) -> Scratch:
    """A checkout with the recipes of all domUs: the example has each."""
    return Scratch.new(tmp_path / "checkout", whole=True)


def test_an_example_is_written_checked_and_not_overwritten(bare: Scratch) -> None:
    assert "doit site-check site" in bare.doit("site-init", "site").out
    assert bare.doit("site-check", "site").out == "site: 2 hosts, 5 servers, no problems\n"
    again = bare.doit("site-init", "site", status=3)
    assert "site is not empty" in again.err
    assert not bare.path("build").exists()


def test_problems_are_lines_and_json(bare: Scratch) -> None:
    bare.doit("site-init", "site")
    path = bare.path(f"site/{SQL}")
    path.write_text(path.read_text().replace("recipe=sql", "recipe=sqk\nadress=`x`"))
    ran = bare.doit("site-check", "site", status=1)
    assert ran.out.splitlines() == [
        f"{SQL}:4: recipe: there is no sqk; did you mean sql?",
        f"{SQL}:5: adress: '`' has a meaning for the shell; write adress='…'",
        "site: 2 hosts, 5 servers, 2 problems",
    ]
    first = {
        "file": SQL,
        "line": 4,
        "what": "recipe: there is no sqk",
        "hint": "did you mean sql?",
        "reason": "unknown-recipe",
    }
    for words in (("--json", "site"), ("site", "--json")):
        told = json.loads(bare.doit("site-check", *words, status=1).out)
        assert (told["site"], told["hosts"], told["servers"]) == ("site", 2, 5)
        assert told["problems"][0] == first
        assert [problem["line"] for problem in told["problems"]] == [4, 5]


def test_names_cannot_steer_the_terminal(bare: Scratch) -> None:
    bare.doit("site-init", "site")
    bare.path("site/vservers/\x1b[2J").mkdir()
    text = bare.doit("site-check", "site", status=1).text
    assert "\x1b" not in text
    assert "\\x1b[2J: is not a valid server name" in text


def test_what_is_no_site_is_an_error(bare: Scratch) -> None:
    assert "takes one folder" in bare.doit("site-check", status=3).err
    assert "there is no folder none" in bare.doit("site-check", "none", status=3).err
    assert "sets is not a site" in bare.doit("site-check", "sets", status=3).err
    assert "dodo.py is not a folder" in bare.doit("site-init", "dodo.py", status=3).err


def test_a_configuration_s_image(bare: Scratch) -> None:
    bare.doit("site-init", "site")
    ran = bare.doit("config-image", "alpha", "site")
    assert ran.out == "dist/config-alpha.ffs: 67.1 MB, 17 files, a plain copy\n"
    tree = Ufs(bare.path("dist/config-alpha.ffs")).tree
    assert {"GOLDMASTER", "local/host.conf", "global/hosts"} <= set(tree)
    bare.doit(
        "config-image",
        "sql",
        "site",
        "to=a/sql.ffs",
        "size=2m",
        environment={"SOURCE_DATE_EPOCH": "1700000000"},
    )
    assert bare.path("a/sql.ffs").stat().st_size == 2 << 20
    assert Ufs(bare.path("a/sql.ffs")).tree["GOLDMASTER"].time == 1_700_000_000
    assert not bare.path("build").exists()


def test_no_image_of_what_is_wrong(bare: Scratch) -> None:
    bare.doit("site-init", "site")
    edited = bare.path(f"site/{SQL}")
    edited.write_text(edited.read_text().replace("recipe=sql", "recipe=sqk"))
    told = bare.doit("config-image", "sql", "site", status=3).err
    assert "sql: its configuration has 1 problem" in told
    assert f"{SQL}:4: recipe: there is no sqk; did you mean sql?" in told
    assert (
        "other machines have problems, which do not affect this image: 1"
        in bare.doit("config-image", "nfs", "site").out
    )
    assert not bare.path("dist/config-sql.ffs").exists()
    for words in ((), ("alpha",), ("alpha", "site", "more")):
        assert (
            "takes a machine's name and a site" in bare.doit("config-image", *words, status=3).err
        )
    assert (
        "sise: no such setting" in bare.doit("config-image", "nfs", "site", "sise=2m", status=3).err
    )
    assert (
        "sets is not a regular file"
        in bare.doit("config-image", "nfs", "site", "to=sets", status=3).err
    )


def test_an_image_with_checkouts(bare: Scratch, tmp_path: Path) -> None:
    bare.doit("site-init", "site")
    with Repository(tmp_path / "svn", bare.path("site")) as repository:
        svn("checkout", "-q", repository.url, bare.path("work"))
        ran = bare.doit("config-image", "alpha", "work", "to=a.ffs")
        assert ran.out.endswith(f"checkouts of {repository.url}, revision 1\n")
        assert "local/.svn/wc.db" in Ufs(bare.path("a.ffs")).tree
        bare.doit("config-image", "alpha", "site", "to=b.ffs", f"checkout={repository.url}")
        assert "local/.svn/wc.db" in Ufs(bare.path("b.ffs")).tree
        bare.doit("config-image", "alpha", "work", "to=c.ffs", "checkout=no")
        bare.doit("config-image", "alpha", "site", "to=d.ffs")
        assert bare.path("c.ffs").read_bytes() == bare.path("d.ffs").read_bytes()
        bare.path("work/global/hosts").write_text("changed\n")
        told = bare.doit("config-image", "alpha", "work", status=3).err
        assert "global/hosts: changed" in told
        assert "checkout=no makes a plain copy" in told
