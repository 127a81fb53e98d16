"""The miniature's packages have what pkgsrc's have, as far as roles rely on it (packages.toml)."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.checkouts.scratch import PROJECT
from support.machines.real_packages import real_packages
from support.simulator import RECIPES

from buildlib.config.site.example import write_example
from buildlib.pkgsrc.pkginstall import Declarations, Ownership, parse_install

PREFIX = "/usr/pkg"
RC_D = "share/examples/rc.d"
PROGRAMS = ("bin/", "sbin/", "libexec/")
FACTS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("packages.toml").read_text()
)
MINI = PROJECT / "sets/mini/packages"
KEYS = {
    "pkgpath", "read", "programs", "also", "rc_d", "groups", "users", "folders", "config", "perms",
    "shells",
}  # fmt: skip

each_package = pytest.mark.parametrize("name", sorted(FACTS))


@cache
def declared(name: str) -> Declarations:
    """What the miniature's install script declares."""
    script = MINI / name / "INSTALL"
    text = script.read_bytes() if script.exists() else b""
    return parse_install(text, prefix=PREFIX)


def full(path: str) -> str:
    return path if path.startswith("/") else f"{PREFIX}/{path}"


def words(ownership: Ownership) -> str:
    return " ".join(word for word in (ownership.mode, ownership.owner, ownership.group) if word)


def files(name: str) -> set[str]:
    """Paths below the prefix: of files/, and what files.mtree adds."""
    folder = MINI / name / "files"
    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    spec = folder.with_name("files.mtree")
    text = spec.read_text() if spec.exists() else ""
    return found | {*re.findall(r"^\./(\S+)", text, re.MULTILINE)}


def rc_script(path: Path) -> dict[str, Any]:
    """What rcorder(8) and rc.subr(8) read of a script."""
    text = path.read_text()
    found: dict[str, Any] = {
        key: line[1].split()
        for key in ("provide", "require", "before", "keyword")
        if (line := re.search(rf"^# {key.upper()}: (.*)$", text, re.MULTILINE))
    }
    name = re.search(r'^name="(.*)"$', text, re.MULTILINE)
    assert name
    rcvar = re.search(r"^rcvar=(.*)$", text, re.MULTILINE)
    return found | {"rcvar": rcvar[1].replace("$name", name[1]) if rcvar else ""}


def recipes() -> list[dict[str, Any]]:
    return [tomllib.loads(path.read_text()) for path in RECIPES.glob("**/*.toml")]


def test_the_table_has_every_package_of_the_miniature() -> None:
    assert sorted(FACTS) == sorted(path.parent.name for path in MINI.glob("*/package.toml"))


def test_the_table_has_every_package_that_a_recipe_or_the_example_names(tmp_path: Path) -> None:
    write_example(tmp_path / "site")
    example = (tmp_path / "site/global/pkgchk.conf").read_text()
    named = {line for line in example.splitlines() if line and not line.startswith("#")}
    for recipe in recipes():
        named.update(recipe.get("packages", ()))
    assert len(named) > 8
    assert named <= {facts["pkgpath"] for facts in FACTS.values()}


@each_package
def test_where_facts_are_from(name: str) -> None:
    facts = FACTS[name]
    assert set(facts) <= KEYS
    package = tomllib.loads((MINI / name / "package.toml").read_text())
    assert package["pkgpath"] == facts["pkgpath"]
    assert {"PLIST"} <= {file for file, _, _ in facts["read"]}
    for _, revision, date in facts["read"]:
        assert re.fullmatch(r"-|1(\.\d+)+", revision)
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", date)


@each_package
def test_files(name: str) -> None:
    """No file that the real one has not; the only ones that may be missing are programs."""
    facts = FACTS[name]
    examples = {example for example, _ in facts.get("config", {}).values()}
    scripts = {f"{RC_D}/{script}" for script in facts.get("rc_d", {})}
    wanted = {*facts.get("also", ()), *examples, *scripts}
    found = files(name)
    assert sorted(found - wanted - {*facts.get("programs", ())}) == [], "pkgsrc's has none of these"
    assert sorted(wanted - found) == [], "the miniature's has none of these"


@each_package
def test_programs_that_roles_name(name: str) -> None:
    """A program of the real package that any script of the servers runs is in the miniature's."""
    scripts = [
        path.read_text()
        for path in (*RECIPES.glob("**/overlay/**/*"), *MINI.glob(f"*/files/{RC_D}/*"))
        if path.is_file() and "man" not in path.parts
    ]
    lines = (line.partition("#")[0] for text in scripts for line in text.splitlines())
    named = {word for line in lines for word in re.split(r"[^A-Za-z0-9_.+-]+", line)}
    relied = {path for path in FACTS[name].get("programs", ()) if path.rpartition("/")[2] in named}
    assert sorted(relied - files(name)) == []


def test_roles_name_programs() -> None:
    """Of which the test above knows: else it would look for nothing."""
    text = (RECIPES / "dom0/overlay/libexec/goldmaster/domustart.sh").read_text()
    assert "xl create" in text


@each_package
def test_rc_d(name: str) -> None:
    facts = FACTS[name].get("rc_d", {})
    folder = MINI / name / "files" / RC_D
    found = {path.name: rc_script(path) for path in folder.glob("*")}
    assert found == {script: dict(what) for script, what in facts.items()}
    installed = {
        (file.path, file.example, words(file.ownership))
        for file in declared(name).files
        if file.rc_script
    }
    assert installed == {
        (f"/etc/rc.d/{script}", full(f"{RC_D}/{script}"), "0755") for script in facts
    }


@each_package
def test_users_and_groups(name: str) -> None:
    facts, found = FACTS[name], declared(name)
    assert [group.name for group in found.groups] == facts.get("groups", [])
    assert {user.name: [user.group, user.description, user.home] for user in found.users} == {
        user: [*what] for user, what in facts.get("users", {}).items()
    }
    assert {user.shell for user in found.users} <= {""}, "pkgsrc's: nologin"
    assert {one.uid for one in found.users} | {one.gid for one in found.groups} <= {None}


@each_package
def test_folders(name: str) -> None:
    found = sorted(folder.path for folder in declared(name).directories)
    assert found == sorted(full(path) for path in FACTS[name].get("folders", ()))


@each_package
def test_configuration_files(name: str) -> None:
    found = {
        file.path: (file.example, words(file.ownership))
        for file in declared(name).files
        if not file.rc_script
    }
    facts = FACTS[name].get("config", {}).items()
    modes = {path: mode for path, (_, mode) in found.items()}
    assert {path: example for path, (example, _) in found.items()} == {
        full(path): full(example) for path, (example, _) in facts
    }
    for path, (_, mode) in facts:
        assert modes[full(path)].split()[0] == mode.split()[0]


@each_package
def test_modes_and_shells(name: str) -> None:
    found = declared(name)
    assert {one.path: words(one.ownership) for one in found.permissions} == {
        full(path): what for path, what in FACTS[name].get("perms", {}).items()
    }
    assert [*found.shells] == [full(path) for path in FACTS[name].get("shells", ())]


@each_package
def test_scripts_do_what_they_declare_and_no_more(name: str) -> None:
    """None of these packages has an INSTALL of its own beside pkginstall's."""
    script = MINI / name / "INSTALL"
    text = script.read_text() if script.exists() else ""
    code = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert code in ([], ["exit 0"])


def test_packages_of_the_real_shape_have_no_other_programs() -> None:
    by_name = {package.pkgname.rpartition("-")[0]: package for package in real_packages("10.0")}
    both = by_name.keys() & FACTS.keys()
    assert both >= {"xentools420", "postgresql17-server", "rsync", "sudo"}
    for name in both:
        package, facts = by_name[name], FACTS[name]
        assert package.pkgpath == facts["pkgpath"]
        programs = {file.path for file in package.files if file.path.startswith(PROGRAMS)}
        assert programs <= {*facts.get("programs", ())}


def test_accounts_have_the_users_of_packages_and_nobody_else() -> None:
    accounts = tomllib.loads((RECIPES / "accounts.toml").read_text())
    users = {user for facts in FACTS.values() for user in facts.get("users", {})}
    groups = {group for facts in FACTS.values() for group in facts.get("groups", ())}
    assert (set(accounts["users"]), set(accounts["groups"])) == (users, groups)
