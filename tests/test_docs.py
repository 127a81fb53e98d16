"""What the documents say is there: tasks, commands, settings, keys of definitions."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.english import phrases_in

from buildlib.cli.commands import config_image
from buildlib.config import boot_test, build_sh, recipe, release
from buildlib.config.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")))
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", *PAGES)
PLUGINS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["doit"]["plugins"]
COMMANDS = {"list", "help", "info", *PLUGINS["command"]}
OWN_VARIABLES = {"config-image": set(config_image.VARIABLES)}
TASKS = {"iso", "domu-images", "image-server", "package-repo", "verify", "boot-test"}


def _unfenced(name: str) -> str:
    """A document without what is shown of a file or of a change."""
    return re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(), flags=re.MULTILINE | re.DOTALL)


def _prose(name: str) -> str:
    """A document without what is shown of a terminal, either."""
    return re.sub(r"^    .*?$", "", _unfenced(name), flags=re.MULTILINE)


def _anchors(file: Path) -> set[str]:
    """The names of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_in_documents(name: str) -> None:
    text = _unfenced(name)
    for words in re.findall(r"^    doit (.+?)(?:  .*)?$|`doit ([^`]+)`", text, re.MULTILINE):
        first, *rest = (words[0] or words[1]).split("#")[0].split()
        assert first in COMMANDS | TASKS, first
        for word in rest:
            setting, is_set, _ = word.partition("=")
            if is_set:
                known = {field.name for field in dataclasses.fields(Settings)}
                assert setting in known | OWN_VARIABLES.get(first, set()), word


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_plain_english(name: str) -> None:
    assert not phrases_in(_prose(name))


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 40


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """Files and headings; addresses of the web are not asked."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(name)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


def test_the_index_has_every_page() -> None:
    index = (ROOT / "docs/index.md").read_text()
    for name in PAGES:
        if name != "docs/index.md":
            assert f"({name.removeprefix('docs/')})" in index, name


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("docs/dev/")])
def test_modules_in_documents_are_there(name: str) -> None:
    """By their paths, from the library's folder or from the checkout's."""
    for path in re.findall(r"`((?:[a-z_]+/)+[a-z_0-9]+\.py)`", _prose(name)):
        assert any((folder / path).is_file() for folder in (ROOT / "buildlib", ROOT)), path


def test_messages_of_troubleshooting_are_those_of_the_code() -> None:
    """Each piece between the dots is in a text of the library."""
    pieces = "\n".join(
        node.value
        for path in sorted((ROOT / "buildlib").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    text = (ROOT / "docs/troubleshooting.md").read_text()
    messages = re.findall(r"^\| `(.+?)`[^|]* \|", text, re.MULTILINE)
    assert len(messages) >= 20
    for message in messages:
        for piece in re.split(r"…|^apt-get|^build\.sh", message):
            assert piece.strip() in pieces, message


def test_make_targets_in_documents() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+(?: [a-z-]+)*):", makefile, re.MULTILINE)
    known = {word for line in targets for word in line.split()}
    for name in DOCUMENTS:
        for target in re.findall(r"^    make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE):
            assert target in known, target


def test_every_key_of_a_definition_is_told() -> None:
    text = (ROOT / "docs/releases.md").read_text()
    told = set(re.findall(r"`([a-z_.\[\]]+)`", text))
    parts = {
        "signature": release.Signature,
        "packages": release.PackageSource,
        "build": build_sh.Build,
        "boot": boot_test.BootTestConfig,
    }
    for field in dataclasses.fields(release.Release):
        if field.name in parts:
            for inner in dataclasses.fields(parts[field.name]):
                assert f"{field.name}.{inner.name}" in told, f"{field.name}.{inner.name}"
        else:
            assert {field.name, f"[{field.name}]"} & told, field.name
    for part in (build_sh.Compiler, build_sh.Space):
        for field in dataclasses.fields(part):
            assert field.name in told, field.name


def test_every_key_of_booting_is_told() -> None:
    """With what holds where it is not given."""
    text = (ROOT / "docs/boot.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z0-9_]+)` \|.*\| (.*) \|$", text, re.MULTILINE))
    assert rows.keys() == {field.name for field in dataclasses.fields(recipe.BootConfig)}
    usual = recipe.BootConfig()
    told = {
        "loader": f"`{usual.loader}`",
        "dom0": f"`{usual.dom0}`",
        "disk": f"`{usual.disk}`",
        "timeout": str(usual.timeout),
        "speed": str(usual.speed),
        "consoles": f"`{json.dumps(usual.consoles)}`",
        "kernel": f"`{json.dumps(usual.kernel)}`",
        "legacy": f"the distribution's package `{usual.legacy.distribution}`",
    }
    assert {key: rows[key] for key in told} == told


def test_every_setting_is_told() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    for field in dataclasses.fields(Settings):
        assert f"`GOLDMASTER_{field.name.upper()}`" in text, field.name


def test_every_message_of_domus_is_told() -> None:
    """By its longest piece without a name or number in it, as far as it is about one domU."""
    told = (ROOT / "docs/domus.md").read_text()
    folder = ROOT / "recipes/dom0/overlay/libexec/goldmaster"
    for name in ("domustart.sh", "vnd.sh"):
        for message in re.findall(r'say "(.+?)"', (folder / name).read_text()):
            pieces = re.split(r"\$[A-Za-z_0-9]+|\$\{.+?\}|\$1", message)
            piece = max(pieces, key=len).strip(" :;.")
            if piece not in {"runs already", "started", "not started"}:
                assert piece.partition("; ")[0] in told, piece


def test_what_outlives_a_start_is_told() -> None:
    told = (ROOT / "docs/server.md").read_text().partition("\n## What survives a restart\n")[2]
    text = (ROOT / "recipes/server/overlay/libexec/goldmaster/lib.sh").read_text()
    paths = re.findall(r'^lasting="(.+)"$', text, re.MULTILINE)[0].split()
    assert paths
    for path in paths:
        assert f"`{path.rstrip('/')}`" in told, path


# What scripts of NetBSD's /etc/rc.d keep in /var, beside what is in run and log: their own text
# names it, in the revisions that the table has, or the programs that they start do.
KEPT = {
    "accounting": "account",
    "blocklistd": "db/blocklist.db",
    "dhcpd": "db/dhcpd.leases",
    "dhcpd6": "db/dhcpd6.leases",
    "ipfs": "db/ipf",
    "kdc": "heimdal",
    "mixerctl": "db/mixer0.conf",
    "mountd": "db/mountdtab",
    "named": "chroot/named",
    "nfslocking": "db/statd.status",
    "npf": "db/npf.db",
    "nsd": "chroot/nsd",
    "ntpd": "db/ntp.drift",
    "postfix": "spool",
    "random_seed": "db/entropy-file",
    "savecore": "crash",
    "sysdb": "db/services.cdb",
    "unbound": "chroot/unbound",
    "ypserv": "yp",
}
DECISIONS = r"kept|made|must be new|measured again|lost|fetched again"


def outliving() -> list[list[str]]:
    """The cells of the table's rows."""
    told = (ROOT / "docs/server.md").read_text().partition("\n## What survives a restart\n")[2]
    lines = told.partition("\n## ")[0].splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in lines
        if line.startswith(("| `", "| –"))
    ]


@pytest.mark.parametrize("script", KEPT)
def test_what_a_script_keeps_in_var_has_a_row(script: str) -> None:
    rows = [row for row in outliving() if f"`{script}`" in row[1]]
    assert any(f"`{KEPT[script]}`" in row[0] for row in rows), script


def test_each_row_has_a_decision_and_a_source() -> None:
    rows = outliving()
    assert len(rows) > len(KEPT)
    for row in rows:
        assert len(row) == 4, row
        assert re.match(DECISIONS, row[2]), row
        assert re.search(r"\(\d{4}-\d\d-\d\d\)|of \d{4}-\d\d-\d\d|[a-z.-]\([1578]\)", row[3]), row


LONG = re.findall(
    r"`((?:PYTHONPATH=\S+ )?\.venv/bin/python [^`]+)`", (ROOT / "docs/testing.md").read_text()
)


@pytest.mark.parametrize("command", LONG)
def test_long_tests_take_what_the_document_says(command: str) -> None:
    """As far as their words go: with one more that is none, that one alone is refused."""
    path, _, rest = command.removeprefix("PYTHONPATH=").rpartition(".venv/bin/python ")
    environment = {**os.environ, "PYTHONPATH": path.strip()}
    words = [sys.executable, *shlex.split(rest)]
    ran = subprocess.run(
        [*words, "--none"], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    assert ran.stderr.endswith("error: unrecognized arguments: --none\n"), ran.stderr
    assert ran.returncode == 2
    told = subprocess.run(
        [*words, "--help"], cwd=ROOT, env=environment, text=True, capture_output=True, check=True
    ).stdout
    assert set(re.findall(r"--[a-z]+", command)) <= set(re.findall(r"--[a-z]+", told))
