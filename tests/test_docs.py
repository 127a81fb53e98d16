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

from buildlib.cli.commands import config_image
from buildlib.cli.settings import Settings
from buildlib.config import boot_test, build_sh, recipe
from buildlib.config.site import fleet

ROOT = Path(__file__).resolve().parent.parent
PAGES = tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")))
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", *PAGES)
GENERATED = frozenset({"docs/dev/api.md"})
# Not plain English, each with what to write.
PHRASES = {
    "is told": "is reported", "are told": "are reported", "was told": "was reported",
    "were told": "were reported", "be told": "be reported", "tells": "says, shows, explains",
    "held against": "compared with", "gone on with": "resumed", "go on with": "resume",
    "goes on": "continues", "come short": "lack", "comes short": "lacks",
    "whence": "from which", "whoever": "anyone who", "shall": "must, will", "mend": "repair",
    "mends": "repairs", "anew": "again",
    "all that is wrong": "every problem", "is asked nothing": "is not asked",
    "nobody does": "is not applied", "passed over": "skipped", "passes by": "skips",
    "by way of": "through", "stands beside": "is beside",
}
PLUGINS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["doit"]["plugins"]
COMMANDS = {"list", "help", "info", *PLUGINS["command"]}
OWN_VARIABLES = {"config-image": set(config_image.VARIABLES)}
TASKS = {"iso", "domu-images", "image-server", "package-repo", "verify", "boot-test"}


def _prose(name: str) -> str:
    """A document without what is shown of a terminal or of a file."""
    return re.sub(r"^```.*?^```$|^    .*?$", "", (ROOT / name).read_text(),
                  flags=re.MULTILINE | re.DOTALL)


def _words(name: str) -> str:
    """Its prose without code, and without the messages of programs."""
    return re.sub(r"`[^`]*`", "", _prose(name))


def _anchors(file: Path) -> set[str]:
    """The names of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_in_documents(name: str) -> None:
    text = (ROOT / name).read_text()
    for words in re.findall(r"^    doit (.+?)(?:  .*)?$|`doit ([^`]+)`", text, re.MULTILINE):
        first, *rest = (words[0] or words[1]).split("#")[0].split()
        assert first in COMMANDS | TASKS, first
        for word in rest:
            setting, is_set, _ = word.partition("=")
            if is_set:
                known = {field.name for field in dataclasses.fields(Settings)}
                assert setting in known | OWN_VARIABLES.get(first, set()), word


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in GENERATED])
def test_documents_are_plain_english(name: str) -> None:
    text = " ".join(_words(name).lower().split())
    found = {phrase: better for phrase, better in PHRASES.items()
             if re.search(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", text)}
    assert not found


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 25


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


def test_messages_of_troubleshooting_are_those_of_the_code() -> None:
    """Each piece between the dots is in a text of the library."""
    pieces = "\n".join(
        node.value for path in sorted((ROOT / "buildlib").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str))
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
    parts = {"signature": recipe.Signature, "packages": recipe.PackageSource,
             "build": build_sh.Build, "boot": boot_test.BootTestConfig}
    for field in dataclasses.fields(recipe.Release):
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
    told = {"loader": f"`{usual.loader}`", "dom0": f"`{usual.dom0}`", "disk": f"`{usual.disk}`",
            "timeout": str(usual.timeout), "speed": str(usual.speed),
            "consoles": f"`{json.dumps(usual.consoles)}`",
            "kernel": f"`{json.dumps(usual.kernel)}`",
            "legacy": f"the distribution's package `{usual.legacy.distribution}`"}
    assert {key: rows[key] for key in told} == told


def test_every_setting_is_told() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    for field in dataclasses.fields(Settings):
        assert f"`GOLDMASTER_{field.name.upper()}`" in text, field.name


SITE_FILES = {"host.conf": fleet.HostConf, "domUs/NAME": fleet.DomuConf,
              "server.conf": fleet.ServerConf, "storage.conf": fleet.StorageConf}


@pytest.mark.parametrize("name", SITE_FILES)
def test_every_key_of_a_site_is_told(name: str) -> None:
    """Keys, in their order; which must be given; and what holds where one is not."""
    text = (ROOT / "docs/site.md").read_text()
    part = text.partition(f"\n### `{name}`\n")[2].partition("\n#")[0]
    told: dict[str, tuple[bool, str]] = {}
    for keys, default in re.findall(r"^\| (`.+?) \| .*? \|(?: (.*))? \|$", part, re.MULTILINE):
        told |= {key: (keys.endswith("*"), default.strip("`"))
                 for key in re.findall(r"`(\w+)`", keys)}
    fields = dataclasses.fields(SITE_FILES[name])
    assert list(told) == [field.name for field in fields]
    for field in fields:
        needed, default = told[field.name]
        assert needed == field.metadata["needed"], field.name
        if not needed and field.default:
            value = field.default
            shown = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else (
                " ".join(value) if isinstance(value, tuple) else str(value))
            assert default == shown, field.name


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


LONG = re.findall(r"`((?:PYTHONPATH=\S+ )?\.venv/bin/python [^`]+)`",
                  (ROOT / "docs/testing.md").read_text())


@pytest.mark.parametrize("command", LONG)
def test_long_tests_take_what_the_document_says(command: str) -> None:
    """As far as their words go: with one more that is none, that one alone is refused."""
    path, _, rest = command.removeprefix("PYTHONPATH=").rpartition(".venv/bin/python ")
    environment = {**os.environ, "PYTHONPATH": path.strip()}
    words = [sys.executable, *shlex.split(rest)]
    ran = subprocess.run([*words, "--none"], cwd=ROOT, env=environment, text=True,
                         capture_output=True, check=False)
    assert ran.stderr.endswith("error: unrecognized arguments: --none\n"), ran.stderr
    assert ran.returncode == 2
    told = subprocess.run([*words, "--help"], cwd=ROOT, env=environment, text=True,
                          capture_output=True, check=True).stdout
    assert set(re.findall(r"--[a-z]+", command)) <= set(re.findall(r"--[a-z]+", told))
