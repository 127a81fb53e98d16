"""The build record: every input, tool and stage, and nothing of the build host."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.checkouts.scratch import Scratch, digest
from support.readers.format_readers import tool

ISO = "mini-dom0.iso"
SIDES = ("", ".json", ".mtree", ".sha256", ".sha512")
IMAGES = ("base", "pkgrepo")
BASES = (ISO, *(f"mini-{name}.ffs" for name in IMAGES))


def record(scratch: Scratch, base: str = ISO) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(scratch.product(f"{base}.json").read_bytes())
    return value


def test_record_names_every_input_with_its_digest(template: Scratch) -> None:
    inputs = record(template)["inputs"]
    for name in ("kernel-configs/XEN3_DOM0_CD", "sets/keys/mini.asc"):
        assert inputs[name] == digest(template.path(name))
    for folder in ("recipes/server", "recipes/dom0", "recipes/domu/base", "recipes/domu/pkgrepo"):
        for path in template.path(f"{folder}/overlay").rglob("*"):
            mark = inputs[str(path.relative_to(template.root))]
            if path.is_symlink():
                assert mark == f"link {os.readlink(path)}"
            else:
                assert mark == "dir" or mark.split()[1] == digest(path)
    assert inputs["recipes/dom0/overlay.mtree"].split()[1] == digest(
        template.path("recipes/dom0/overlay.mtree")
    )
    fetched = {name: mark.split()[1] for name, mark in inputs.items() if mark.startswith("sha512")}
    mirror = template.path("build/mirror/mini")
    for name, sha512 in fetched.items():
        assert hashlib.sha512((mirror / name).read_bytes()).hexdigest() == sha512
    assert {Path(name).name for name in fetched} >= {
        "base.tgz",
        "etc.tgz",
        "src.tgz",
        "syssrc.tgz",
        "sharesrc.tgz",
        "gnusrc.tgz",
        "SHA512",
        "NetBSD-mini_hashes.asc",
        "pkg_chk-2.1.2.tgz",
        "xentools420-4.20.1nb2.tgz",
    }
    (xen,) = [name for name in inputs if name.startswith("xen-hypervisor-")]
    assert re.fullmatch(r"[0-9a-f]{64}", inputs[xen])
    marks = r"dir|link .*|(exec |file |spec )?[0-9a-f]{64}|sha512 [0-9a-f]{128}"
    assert [mark for mark in inputs.values() if not re.fullmatch(marks, mark)] == []


def test_record_names_every_tool_with_version_and_digest(template: Scratch) -> None:
    told = record(template)
    assert set(told["tools"]) >= {"grub-mkimage", "mtools", "cc", "ld", "as"}
    for name, value in told["tools"].items():
        path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        assert path
        assert value["sha256"] == digest(Path(path))
        assert re.search(r" \S*\d", value["version"]), value
    assert set(told["libraries"]) >= {"pysequoia"}
    assert set(told["host"]) == {
        "/usr/lib/grub/i386-pc",
        "/usr/lib/grub/x86_64-efi",
        "/etc/mtools.conf",
        "/etc/default/mtools.conf",
    }


def test_record_names_every_stage_with_key_and_outputs(template: Scratch) -> None:
    told = record(template)
    assert set(told["stages"]) >= {
        "fetch:list",
        "signature",
        "unpack:base",
        "toolchain",
        "kernel:XEN3_DOM0_CD",
        "kernel:XEN3_DOM0_STICK",
        "packages:dom0",
        "root:dom0",
        "image:base",
        "grub:bios",
        "hypervisor",
        "tree:cd",
        "image:cd",
        "checksums:mini-dom0.iso",
    }
    for stage in told["stages"].values():
        assert re.fullmatch(r"[0-9a-f]{64}", stage["key"])
        assert stage["outputs"]
    assert told["stages"]["image:cd"]["outputs"]["iso"] == digest(template.product())
    for name, sha256 in told["files"].items():
        assert sha256 == digest(template.product(name))


@pytest.mark.parametrize(
    ("base", "title"),
    [(ISO, "MINI_DOM0"), ("mini-base.ffs", "MINI_BASE"), ("mini-pkgrepo.ffs", "MINI_PKGREPO")],
)
def test_an_image_tells_which_record_is_its_own(template: Scratch, base: str, title: str) -> None:
    """By the name that every tool shows of a disc that somebody found in a drawer."""
    labels = {name: record(template, name)["labels"] for name in BASES}
    volume = f"{title}_{labels[base]['key'].upper()}"
    assert labels[base]["volume"] == volume
    shown = tool("grub-fstest", template.product(base), "ls", "--", "-l", "(loop0)").decode()
    assert f"Label `{volume}'" in shown
    assert [name for name in BASES if labels[name]["volume"] in shown] == [base]


@pytest.mark.parametrize("base", BASES)
def test_nothing_tells_of_the_build_host(template: Scratch, base: str) -> None:
    """Neither path, nor user, nor host; and the record has no time of the build."""
    secrets = [str(template.root), template.root.parent.name, f"@{os.uname().nodename}"]
    if getpass.getuser() != "root":
        secrets.append(getpass.getuser())
    for side in SIDES:
        data = template.product(f"{base}{side}").read_bytes()
        for secret in secrets:
            assert secret.encode() not in data, (base, side, secret)
    text = template.product(f"{base}.json").read_text()
    assert not re.search(r"\d\d:\d\d|20\d\d-\d\d-\d\d", text)
    assert os.uname().nodename not in re.findall(r"[\w.-]+", text)
