"""What pkgsrc's own scripts make of generated packages and of generated pkgchk.conf files.

    python -m support.oracles.pkgsrc PKGSRC BMAKE

runs `mk/pkgformat/pkg/metadata.mk` and `pkgtools/pkg_chk/files/pkg_chk.sh` of the pkgsrc tree in
the folder PKGSRC, and writes what they say into `pkgsrc.json` beside this file. BMAKE is NetBSD's
make; `original-awk` and `dash` have to be there. The table has nothing of pkgsrc but its answers.

The table is of metadata.mk 1.15 (2017-08-23) and pkg_chk.sh 1.73 (2014-04-23), run on 2026-11-29.
What metadata.mk does with PROVIDES and REQUIRES reads the same in 1.30 (2020-10-09).
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TABLE = Path(__file__).with_name("pkgsrc.json")
PREFIX = "/usr/pkg"
PACKAGES, GROUP, CONFS = 300, 5, 100

_FILES = (
    "bin/N", "sbin/N", "libexec/N", "libexec/N/helper", "share/N/README",
    "lib/libN.so", "lib/libN.so.1", "lib/libN.so.1.2", "lib/libN.so.1.2.3", "lib/libN-2.0.so.0",
    "lib/libN.a", "lib/libN.so.8.2a", "lib/libN.so.conf", "lib/N.so", "lib/N.so.3",
    "lib/N/libN.so.3", "lib/N/N.so", "lib/libN/program/N.so", "lib/libN.so.d/N", "libN.so.1",
    "lib/lua/5.4/N.so", "lib/python3.12/site-packages/N.so", "lib/python3.12/lib-dynload/N.so.1",
    "lib/perl5/5.40/auto/N/N.so", "qt5/lib/libN.so.5", "share/N/lib/N.so", "share/N/plugins/N.so",
)  # fmt: skip
_BASE = ("/usr/lib/libc.so.12", "/usr/lib/libpthread.so.1", "/usr/X11R7/lib/libX11.so.7")
_GONE = ("lib/libgone.so.1", "lib/lua/5.4/gone.so", "lib/gone/gone.so.2", "lib/libgone.so.2a")
_IS_READ = re.compile(r"(^|/)(bin|sbin|libexec)/|/lib")  # by ldd, about; the script says exactly

_WORDS = (
    "*", "hosta", "hostb", "web", "x11", "-hosta", "-web", "hosta+web", "web+x11",
    "-hostb+web", "/", "/none/at/all",
    "hosta+/", "-/none/at/all", "defined", "hub+hosta",
)  # fmt: skip
_DEFINED = (
    "defined = hosta", "defined=hosta hostb", "hub = web x11", "hub\t=\thostb", "hub = * -hosta",
    "mail/hub = hosta", "graphical=/usr/X11R7/bin/X", "graphical = /usr/X11R7/bin/X", "= hosta",
)  # fmt: skip


def _packages(chance: random.Random) -> list[dict[str, object]]:
    """Packages in groups; one depends on those before it in its group."""
    made: list[dict[str, object]] = []
    for number in range(PACKAGES):
        group, at = divmod(number, GROUP)
        name = f"g{group}p{at}"
        files = sorted(
            one.replace("N", name) for one in chance.sample(_FILES, chance.randint(2, 7))
        )
        before = [file for other in made[number - at :] for file in _strings(other, "files")]
        able = [file for file in (*before, *files) if ".so" in file]
        links: dict[str, list[str]] = {}
        for file in files:
            if not _IS_READ.search(file):
                continue
            found = [f"{PREFIX}/{one}" for one in chance.sample(able, min(len(able), 2))]
            if chance.random() < 0.04:
                found.append(f"{PREFIX}/{chance.choice(_GONE)}")
            links[file] = [_spelled(one, chance) for one in (*found, chance.choice(_BASE))]
        made.append({"name": f"{name}-1.0", "files": files, "links": links})
    return made


def _strings(package: dict[str, object], key: str) -> list[str]:
    found = package[key]
    assert isinstance(found, list)
    return found


def _spelled(path: str, chance: random.Random) -> str:
    """The path as an rpath may have it."""
    folder, _, name = path.rpartition("/")
    last = folder.rpartition("/")[2]
    return chance.choice(
        [path] * 5 + [f"{folder}/./{name}", f"{folder}//{name}", f"{folder}/../{last}/{name}"]
    )


def _confs(chance: random.Random) -> list[str]:
    made = []
    for _ in range(CONFS):
        lines = ["# packages of the fleet", ""]
        for number in range(chance.randint(3, 9)):
            package = f"{chance.choice(['net', 'www', 'sysutils'])}/p{number}"
            words = chance.sample(_WORDS, chance.choice([0, 0, 1, 1, 2, 3]))
            comment = chance.choice(["", "", "", " # why = what", "#close", "\t# a/b"])
            before = chance.choice(["", "", "", " ", "\t"])
            lines.append(
                before + chance.choice([" ", "\t", "  "]).join([package, *words]) + comment
            )
        for line in chance.sample(_DEFINED, chance.randint(0, 3)):
            lines.insert(chance.randint(2, len(lines)), line)
        made.append("\n".join(lines) + chance.choice(["\n", "\n", ""]))
    return made


_LDD = """\
#!/bin/sh
# as NetBSD's ldd(1) prints what is linked to each file
for file; do
	echo "$file:"
	printf '\\t-lnone.1 => not found\\n'
	while read -r of path; do
		[ "DESTDIR$of" != "$file" ] || printf '\\t-lx.1 => %s\\n' "$path"
	done <WORK/links
done
"""
_MAKEFILE = """\
PREFIX=	{prefix}
DESTDIR=	{work}/destdir
WRKDIR=	{work}
_PLIST_NOKEYWORDS=	{work}/plist
CHECK_SHLIBS_SUPPORTED=	yes
OBJECT_FMT=	ELF
LDD=	{work}/ldd
PKGSRC_SETENV=	env
_BUILD_DEFS=	PREFIX
RUN=	@set -e;
AWK=	original-awk
{tools}
.include "{metadata}"
"""
_SHELL = """\
set -f
AWK=original-awk opt_D=* opt_U=
verbose() { :; }
determine_tags() { :; }
"""
_TOOLS = (
    "MKDIR=mkdir\\ -p TYPE=type "
    "DATE=date UNAME=uname ECHO=echo SORT=sort SED=sed TEST=test TRUE=true RM=rm CHMOD=chmod"
)


def _ask_metadata(
    package: dict[str, object], metadata: Path, bmake: str, work: Path
) -> dict[str, list[str]]:
    """+BUILD_INFO's lists, as metadata.mk writes them."""
    links = package["links"]
    assert isinstance(links, dict)
    (work / "plist").write_text("".join(f"{file}\n" for file in _strings(package, "files")))
    (work / "links").write_text(
        "".join(f"{PREFIX}/{file} {path}\n" for file in links for path in links[file])
    )
    target = work / ".pkgdb/+BUILD_INFO"
    target.unlink(missing_ok=True)
    subprocess.run([bmake, "-r", "-f", work / "Makefile", target], check=True, cwd=work)
    lines = [line.partition("=") for line in target.read_text().splitlines()]
    return {
        key.lower(): [value for name, _, value in lines if name == key]
        for key in ("PROVIDES", "REQUIRES")
    }


def _ask_pkg_chk(text: str, function: str, work: Path) -> list[str]:
    """All packages of a pkgchk.conf, whoever they are for: pkg_chk's `-D '*'`."""
    conf = work / "pkgchk.conf"
    conf.write_text(text)
    script = _SHELL + f"{function}\npkgdirs_from_conf {conf}\n"
    done = subprocess.run(["dash", "-c", script], check=True, capture_output=True, text=True)
    return done.stdout.split()


def main(pkgsrc: Path, bmake: str) -> None:
    """Ask the scripts and write the table."""
    metadata = pkgsrc / "mk/pkgformat/pkg/metadata.mk"
    pkg_chk = (pkgsrc / "pkgtools/pkg_chk/files/pkg_chk.sh").read_text()
    function = re.search(
        r"^pkgdirs_from_conf\(\).*?(?=^\w+\(\))", pkg_chk, re.MULTILINE | re.DOTALL
    )
    assert function is not None
    ids = [
        re.search(r"\$(?:NetBSD|Id): (\S+),v (\S+) (\S+)", text)
        for text in (metadata.read_text(), pkg_chk)
    ]
    chance = random.Random(16)
    packages = _packages(chance)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tools = "\n".join(re.findall(r"(?:\\ |\S)+", _TOOLS)).replace("\\ ", " ")
        (work / "Makefile").write_text(
            _MAKEFILE.format(prefix=PREFIX, work=work, tools=tools, metadata=metadata)
        )
        (work / "ldd").write_text(
            _LDD.replace("DESTDIR", f"{work}/destdir").replace("WORK", folder)
        )
        (work / "ldd").chmod(0o755)
        for package in packages:
            package.update(_ask_metadata(package, metadata, bmake, work))
            del package["links"]
        confs = [
            {"text": text, "wanted": _ask_pkg_chk(text, function[0], work)}
            for text in _confs(chance)
        ]
    rows = [f' "{key}": [\n' + ",\n".join(map(json.dumps, found)) + "\n]" for key, found in (
        ("scripts", [" ".join(one.groups()) for one in ids if one]),
        ("packages", packages),
        ("confs", confs),
    )]  # fmt: skip
    TABLE.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
