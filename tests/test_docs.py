"""What the documents say is there: tasks, commands, settings, keys of definitions."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from buildlib.front.settings import Settings
from buildlib.words import model

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "docs/netbsd.md")
COMMANDS = {"list", "help", "plan", "why", "lock", "gc", "info"}
TASKS = {"iso", "domu-images", "verify", "boot-test"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_in_documents(name: str) -> None:
    text = (ROOT / name).read_text()
    for words in re.findall(r"^    doit (.+?)(?:  .*)?$|`doit ([^`]+)`", text, re.MULTILINE):
        first, *rest = (words[0] or words[1]).split("#")[0].split()
        assert first in COMMANDS | TASKS, first
        for word in rest:
            setting, is_set, _ = word.partition("=")
            if is_set:
                assert setting in {field.name for field in dataclasses.fields(Settings)}, word


def test_make_targets_in_documents() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+(?: [a-z-]+)*):", makefile, re.MULTILINE)
    known = {word for line in targets for word in line.split()}
    for name in DOCUMENTS:
        for target in re.findall(r"^    make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE):
            assert target in known, target


def test_every_key_of_a_definition_is_told() -> None:
    text = (ROOT / "docs/netbsd.md").read_text()
    told = set(re.findall(r"`([a-z_.\[\]]+)`", text))
    parts = {"signature": model.Signature, "packages": model.PackageSource, "build": model.Build,
             "boot": model.Boot}
    for field in dataclasses.fields(model.Release):
        if field.name in parts:
            for inner in dataclasses.fields(parts[field.name]):
                assert f"{field.name}.{inner.name}" in told, f"{field.name}.{inner.name}"
        else:
            assert {field.name, f"[{field.name}]"} & told, field.name
    for part in (model.Compiler, model.Space):
        for field in dataclasses.fields(part):
            assert field.name in told, field.name


def test_every_setting_is_told() -> None:
    text = (ROOT / "README.md").read_text()
    for field in dataclasses.fields(Settings):
        assert f"`GOLDMASTER_{field.name.upper()}`" in text, field.name
