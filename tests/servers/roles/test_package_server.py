"""The package server's documented procedure and settings, against facts of pbulk and base's httpd.

The facts stand in package_server.toml. What they cannot show was tried with pbulk's own scripts.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.checkouts.scratch import PROJECT
from support.simulator import RECIPES

FACTS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("package_server.toml").read_text()
)
OVERLAY = RECIPES / "domu/pkgrepo/overlay"
BULK = (OVERLAY / "libexec/goldmaster/bulk.sh").read_text()
MAN = (OVERLAY / "usr/share/man/man8/goldmaster-bulk.8").read_text()
ROLES = (PROJECT / "docs/roles.md").read_text()
MINI = PROJECT / "sets/mini/binary"
SANDBOX = "/packages/sandbox"

each_shell = pytest.mark.parametrize("shell", ["dash", "mksh"])


def block(after: str) -> list[str]:
    """The commands or lines of the page's block behind these words, without comments."""
    text = ROLES.partition(after)[2].partition("\n\n")[2].partition("\n\n")[0]
    assert all(line.startswith("    ") for line in text.splitlines()), after
    return [line.partition("    #")[0].strip() for line in text.splitlines()]


def steps() -> list[str]:
    return block("Make the sandbox once for each release, by hand:")


def conf_lines() -> list[str]:
    return block(f"`{FACTS['conf']['place']}`:")


def test_facts_have_revision_and_date() -> None:
    for name, facts in FACTS.items():
        assert facts["read"], name
        for file, revision, date in facts["read"]:
            assert re.fullmatch(r"NetBSD/(src|pkgsrc) \S+", file)
            assert re.fullmatch(r"-|\d+(\.\d+)+", revision)
            assert re.fullmatch(r"20\d\d-\d\d-\d\d", date)


# pbulk.conf


@each_shell
def test_pbulk_writes_where_goldmaster_bulk_looks(shell: str) -> None:
    """With pbulk.conf as the package has it, as pbulk.sh changes it, and then as the page says."""
    lines = [*FACTS["conf"]["lines"], *FACTS["script"]["lines"], *conf_lines()]
    names = (
        "limited_list",
        "packages",
        "loc",
        "master_mode",
        "make",
        "bootstrapkit",
        "mail",
        "rsync",
    )
    ask = "".join(f'echo "{name}=${name}"\n' for name in names)
    done = subprocess.run(
        [shell, "-euc", "\n".join([*lines, ask])], capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert f">$sandbox{found['limited_list']}" in BULK
    assert f"cp -Rp $sandbox{found['packages']} " in BULK
    assert f"_meta=$sandbox{found['loc']}\n" in BULK
    assert set(re.findall(r"\$_meta/(\w+)", BULK)) <= {*FACTS["bulkbuild"]["lists"]}
    assert found["master_mode"] == "no"
    assert (found["make"], found["bootstrapkit"]) == ("/usr/bin/make", ""), "as for a NetBSD"
    assert (found["mail"], found["rsync"]) == (":", ":"), "nothing leaves the sandbox"


def test_each_line_is_needed_or_says_what_is_there() -> None:
    names = [line.partition("=")[0] for line in conf_lines()]
    assert len(names) == len({*names})
    assert names.index("bulklog") < names.index("loc"), "which is computed of it"
    assert {FACTS["bulkbuild"]["wants"], "packages", "bulklog", "loc"} <= {*names}


def test_how_bulkbuild_is_started() -> None:
    """Its user has no right to write to /usr/pkgsrc, which root has unpacked."""
    call = re.search(r"chroot \$sandbox env ((?:\w+=\S+ )+)\\\n\s+(\S+) \|\|", BULK)
    assert call
    values = dict(word.split("=") for word in call[1].split())
    assert [*values] == FACTS["script"]["environment"]
    assert values["WRKOBJDIR"] == "/tmp"
    assert f"packages={values['PACKAGES']}" in conf_lines()
    assert call[2] == FACTS["bulkbuild"]["place"]
    assert f"$sandbox{FACTS['bulkbuild']['place']} ]" in BULK


# The sandbox


# Sets that are unpacked here hold what later steps look for.
STUBS = {
    "tar": """\
echo "tar $*" >>"$LOG"
case $* in
*/base.*)	mkdir -p dev && echo 'echo MAKEDEV "$@" >>"$LOG"' >dev/MAKEDEV ;;
*/etc.*)	mkdir -p etc ;;
*/pkgsrc.*)	mkdir -p usr/pkgsrc ;;
esac
""",
    "chroot": 'echo "chroot $*" >>"$LOG"\n[ -d "$1/usr" ]\n',
}


@each_shell
def test_the_steps(shell: str, tmp_path: Path) -> None:
    """In the order in which each finds what it needs."""
    for name, text in STUBS.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}")
        (tmp_path / "bin" / name).chmod(0o755)
    script = "\n".join(steps()).replace("/packages", f"{tmp_path}/packages")
    script = script.replace("/etc/resolv.conf", f"{tmp_path}/resolv.conf")
    (tmp_path / "resolv.conf").write_text("nameserver 10.0.0.1\n")
    done = subprocess.run(
        [shell, "-eu"],
        input=script,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "LOG": f"{tmp_path}/log"},
    )
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "log").read_text().replace(f"{tmp_path}", "").splitlines()
    sets = [f"tar -xpJf /packages/sets/{name}.tar.xz" for name in ("base", "etc", "comp")]
    assert calls == [
        *sets,
        "MAKEDEV all",
        f"chroot {SANDBOX} certctl rehash",
        "tar -xzf /packages/sets/pkgsrc.tar.gz -C usr",
        f"chroot {SANDBOX} sh {FACTS['script']['place']} {FACTS['script']['native']}",
    ]
    assert (tmp_path / "packages/sandbox/etc/resolv.conf").read_text() == "nameserver 10.0.0.1\n"


def test_sets_have_the_releases_form() -> None:
    suffixes = {
        tomllib.loads(path.read_text())["binary_suffix"]
        for path in (PROJECT / "sets").glob("netbsd-*.toml")
    }
    assert suffixes == {".tar.xz"}
    assert any("$set.tar.xz" in step and "-xpJf" in step for step in steps())


def test_the_manual_has_the_same_steps_and_lines() -> None:
    literal = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", MAN, re.MULTILINE | re.DOTALL)
    assert [text.splitlines() for text in literal] == [steps(), conf_lines()]
    assert f"{SANDBOX}{FACTS['conf']['place']}" in MAN


def test_no_step_needs_what_an_image_has_not() -> None:
    """mksandbox wants sources on the host, and mounts its system, read-only."""
    recipe = tomllib.loads((RECIPES / "domu/pkgrepo.toml").read_text())
    assert not {"src", "syssrc", "xsrc", "comp"} & {*recipe["sets"]}
    assert {path.rpartition("/")[2] for path in FACTS["mksandbox"]["wants"]} >= {"src", "xsrc"}
    assert not any("mksandbox" in step for step in steps())
    assert not any("mksandbox" in package for package in recipe["packages"])


# Base's httpd


def test_the_miniature_has_the_httpd_of_the_base_system() -> None:
    facts = FACTS["httpd"]
    text = (MINI / "etc/etc/rc.d/httpd").read_text()
    for key in ("provide", "require", "keyword"):
        assert f"# {key.upper()}: {' '.join(facts[key])}\n" in text
    assert f'name="{facts["rcvar"]}"\nrcvar=$name\ncommand="{facts["command"]}"\n' in text
    assert f'required_dirs="${facts["required_dirs"]}"' in text
    assert (MINI / f"base{facts['command']}").is_file()
    defaults = (MINI / "etc/etc/defaults/rc.conf").read_text()
    for name, value in facts["defaults"].items():
        assert re.search(rf'(^|\s){name}="?{value}"?\s', defaults)
    name, uid, gid = facts["user"]
    assert f"\n{name}:*:{uid}:{gid}:" in (MINI / "etc/etc/master.passwd").read_text()


@each_shell
def test_the_role_sets_what_rc_d_httpd_reads(shell: str) -> None:
    facts = FACTS["httpd"]
    path = OVERLAY / "etc/rc.conf.d" / facts["rcvar"]
    ask = 'echo "$httpd $httpd_flags $httpd_wwwdir $httpd_wwwuser"'
    text = re.sub(r"(?m)^mkdir .*$", "", path.read_text())
    done = subprocess.run([shell, "-euc", f"{text}\n{ask}"], capture_output=True, text=True)
    public = re.search(r"^public=(.*)$", BULK, re.MULTILINE)
    assert public
    assert done.stdout.split() == ["YES", FACTS["index"]["flags"], public[1], facts["user"][0]]
    assert "http://packages/current/All" in ROLES
    assert "ln -sfn" in BULK
    assert "$public/current" in BULK
    assert FACTS["bulkbuild"]["served"] == "All"
