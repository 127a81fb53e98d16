"""The miniature's sets and packages: what their specs say is there, and every kind of entry is."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

MINI = Path(__file__).parents[3] / "sets/mini"


def shell_scripts() -> list[Path]:
    def is_script(path: Path) -> bool:
        return path.suffix == ".sh" or path.name.startswith("rc.") or (
            path.read_bytes().startswith(b"#!/bin/sh\n")
        )  # fmt: skip

    files = (path for path in MINI.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in files if is_script(path))


def test_shell_scripts_parse() -> None:
    scripts = shell_scripts()
    assert len(scripts) > 20
    for script in scripts:
        subprocess.run(["sh", "-n", script], check=True)


def read_mtree(path: Path) -> dict[str, dict[str, str]]:
    def unvis(name: str) -> str:
        return re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), name.encode()).decode()

    entries: dict[str, dict[str, str]] = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, *words = line.split()
            assert unvis(name) not in entries, f"{path}: {name} twice"
            entries[unvis(name)] = dict(word.split("=", 1) for word in words)
    return entries


MTREES = sorted([*MINI.glob("binary/*.mtree"), *MINI.glob("packages/*/files.mtree")])


@pytest.mark.parametrize("spec", MTREES, ids=lambda spec: str(spec.relative_to(MINI)))
def test_every_file_of_a_spec_has_contents(spec: Path) -> None:
    folder = spec.with_suffix("")
    entries = read_mtree(spec)
    linked: dict[str, list[str]] = {}
    for name, words in entries.items():
        there = (folder / name).is_file()
        if tag := words.get("tags"):
            assert tag.startswith("inode:")
            linked.setdefault(tag, []).extend([name] if there else [])
        elif words["type"] == "file":
            assert there, name
        if words["type"] == "link":
            assert words["link"]
        if words["type"] in {"char", "block"}:
            assert re.fullmatch(r"netbsd,\d+,\d+", words["device"])
    assert all(len(contents) == 1 for contents in linked.values()), linked


def test_base_holds_every_kind_of_entry() -> None:
    entries = read_mtree(MINI / "binary/base.mtree")
    assert {words["type"] for words in entries.values()} == {
        "file", "dir", "link", "char", "block", "fifo",
    }  # fmt: skip
    modes = {words.get("mode", "0755")[:-3].lstrip("0") for words in entries.values()}
    assert modes >= {"", "1", "2", "4"}
    assert {words.get("uid", "0") for words in entries.values()} > {"0"}
    files = list((MINI / "binary/base").rglob("*"))
    targets = [os.readlink(path) for path in files if path.is_symlink()]
    assert any(target.startswith("/") for target in targets)
    assert any(target.startswith("../") for target in targets)
    names = {path.name for path in files}
    assert any(len(name.encode()) == 200 for name in names)
    for odd in (" ", "[", "ö", "#", "\\"):
        assert any(odd in name for name in names), odd
    assert any(name.startswith("-") for name in names)
    assert any(path.is_file() and path.stat().st_size == 0 for path in files)


def test_packages_describe_themselves() -> None:
    keys = {
        "pkgname", "pkgpath", "categories", "comment", "homepage", "license",
        "depends", "conflicts", "requires", "provides",
    }  # fmt: skip
    packages = {
        path.parent.name: tomllib.loads(path.read_text())
        for path in MINI.glob("packages/*/package.toml")
    }
    assert len(packages) >= 7
    provided = {name for package in packages.values() for name in package["provides"]}
    for folder, package in packages.items():
        assert set(package) - {"owned"} == keys
        assert package["pkgname"].rpartition("-")[0] == folder
        assert package["pkgpath"].split("/")[0] == package["categories"]
        base = {name for name in package["requires"] if (MINI / f"binary/base{name}").is_file()}
        assert set(package["requires"]) <= provided | base
    for library in provided:
        files = [MINI / "packages" / name / "files" for name in packages]
        assert any((folder / library.removeprefix("/usr/pkg/")).is_file() for folder in files)
