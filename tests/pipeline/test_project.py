"""A fleet's own project over the library: examples/site."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.checkouts.scratch import PROJECT, Ran, Scratch, digest

from buildlib.config.reading.shipped import PACKAGE


@pytest.fixture
def project(scratch: Scratch) -> Scratch:
    """The example's dodo.py in a project that was built before, and a key."""
    shutil.copy(PROJECT / "examples/site/dodo.py", scratch.path("dodo.py"))
    subprocess.run(
        ["openssl", "genrsa", "-out", scratch.path("key.pem"), "2048"],
        check=True,
        capture_output=True,
    )
    return scratch


@pytest.fixture
def fleet(template: Scratch, tmp_path: Path) -> Scratch:
    """The example as it is, over the library of another folder; what is the same is built."""
    root = tmp_path / "fleet"
    shutil.copytree(PROJECT / "examples/site", root)
    subprocess.run(["cp", "-a", template.path("build"), root], check=True)
    shutil.copy(PROJECT / "pyproject.toml", root)
    (root / "key.pem").touch()
    return Fleet(root)


class Fleet(Scratch):
    """A project that has no library of its own."""

    def doit(self, *words: str, environment: Mapping[str, str] | None = None, **rest: Any) -> Ran:
        """Run doit with the library of the tests."""
        path = {"PYTHONPATH": str(PROJECT)}
        return super().doit(*words, environment={**path, **(environment or {})}, **rest)


def verified(project: Scratch) -> bool:
    public = project.path("public.pem")
    subprocess.run(
        ["openssl", "rsa", "-in", project.path("key.pem"), "-pubout", "-out", public],
        check=True,
        capture_output=True,
    )
    ran = subprocess.run(
        [
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            public,
            "-signature",
            project.path("dist/cd.iso.sig"),
            project.product(),
        ],
        capture_output=True,
    )
    return ran.returncode == 0


def test_a_stage_of_one_s_own_behind_the_cd(project: Scratch) -> None:
    before = project.products()
    ran = project.build("signed-iso", "publish")
    assert ran.built == {"signature-of-cd", "signed-iso", "publish"}
    assert {name: project.products()[name] for name in before} == before
    assert verified(project)
    assert project.build("signed-iso", "publish").out == ""
    project.append("recipes/dom0/overlay/etc/rc.conf", "sshd=YES\n")
    assert "signature-of-cd: depends" in project.doit("why", "signed-iso").out
    ran = project.build("publish")
    assert {"image:cd", "signature-of-cd", "signed-iso", "publish"} <= ran.built
    assert project.doit("iso").status == 0
    assert verified(project)
    assert project.path("published").read_bytes() == (project.path("dist/cd.iso.sig").read_bytes())


def test_only_what_changed(project: Scratch) -> None:
    project.build("publish")
    project.edit("dodo.py", '"-sha256",', '"-sha256",  ')
    assert project.build("publish").built == set()
    subprocess.run(
        ["openssl", "genrsa", "-out", project.path("key.pem"), "2048"],
        check=True,
        capture_output=True,
    )
    ran = project.build("publish")
    assert ran.built == {"signature-of-cd", "signed-iso", "publish"}
    assert verified(project)
    assert project.doit("gc").out.startswith("removed")


def test_a_name_that_is_taken(project: Scratch) -> None:
    project.edit("dodo.py", '"signature-of-cd"', '"toolchain"')
    ran = project.doit("signed-iso", status=3)
    assert "dodo.py adds tasks whose names are already used" in ran.err
    assert "toolchain" in ran.err


def test_an_output_that_nobody_has(project: Scratch) -> None:
    project.edit("dodo.py", "Signature(project.iso,", 'Signature(OutputRef("image:cdd", "iso"),')
    ran = project.doit("signed-iso", status=3)
    lines = project.read("dodo.py").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "OutputRef(" in text)
    assert (
        f"dodo.py:{line}: signature-of-cd uses the output iso of image:cdd, which is not a stage "
        "of this pipeline" in ran.err
    )


def test_what_ships_is_named_not_copied(fleet: Scratch) -> None:
    ran = fleet.build("iso")
    assert {
        "kernel:FLEET_DOM0",
        "kernel:XEN3_DOMU_RO",
        "root:dom0",
        "root:base",
        "iso",
    } <= ran.built
    assert not {"toolchain", "unpack:base", "packages:dom0"} & ran.built
    record = json.loads(fleet.product("mini-dom0.iso.json").read_text())
    assert record["package"] == PACKAGE
    own, shipped = "recipes/fleet/overlay/etc/motd", "goldmaster:server/overlay/etc/rc"
    assert record["inputs"][own] == f"file {digest(fleet.path(own))}"
    assert record["inputs"][shipped] == f"exec {digest(PROJECT / 'recipes/server/overlay/etc/rc')}"
    kernel = "goldmaster:XEN3_DOM0_CD"
    assert record["inputs"][kernel] == digest(PROJECT / "kernel-configs/XEN3_DOM0_CD")
    assert fleet.build("iso").out == ""


def test_a_kernel_that_includes_what_ships(fleet: Scratch) -> None:
    config = "kernel-configs/FLEET_DOM0"
    fleet.append(config, "options \tNOTHING\n")
    [error] = fleet.build("kernel:FLEET_DOM0", status=1).errors
    line = len(fleet.read(config).splitlines())
    assert error["why"] == f"{config}:{line}: unknown option `NOTHING'"


WRONG = {
    "an overlay": (
        "dom0.toml",
        "goldmaster:server/overlay",
        "goldmaster:server/ovrlay",
        "did you mean goldmaster:server/overlay?",
    ),
    "an overlay that the project does not have": (
        "dom0.toml",
        "goldmaster:server/overlay",
        "server/overlay",
        "there is no folder server/overlay; did you mean goldmaster:server/overlay?",
    ),
    "an overlay above": (
        "dom0.toml",
        "goldmaster:server/overlay",
        "goldmaster:../sets",
        "overlays[0]: path '../sets' must be a path below its folder",
    ),
    "a kernel": (
        "domu/base.toml",
        "goldmaster:XEN3_DOMU_RO",
        "goldmaster:XEN3_DOMU_OR",
        f"did you mean goldmaster:XEN3_DOMU_RO?\n  where: {PACKAGE}: kernel-configs\n",
    ),
    "a kernel above": (
        "domu/base.toml",
        "goldmaster:XEN3_DOMU_RO",
        "goldmaster:../XEN3_DOMU_RO",
        "kernel: name '../XEN3_DOMU_RO'",
    ),
    "a release": ("settings.toml", ":mini", ":mni", "did you mean goldmaster:mini?"),
    "a release above": (
        "settings.toml",
        ":mini",
        ":../mini",
        "there is no release goldmaster:../m",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_ship(fleet: Scratch, name: str) -> None:
    file, old, new, told = WRONG[name]
    fleet.edit(f"recipes/{file}", old, new)
    assert told in fleet.doit("iso", status=3).err


def test_two_kernels_of_one_name(fleet: Scratch) -> None:
    fleet.write("kernel-configs/XEN3_DOMU_RO", 'include "arch/amd64/conf/XEN3_DOMU"\n')
    fleet.edit("recipes/dom0.toml", "FLEET_DOM0", "XEN3_DOMU_RO")
    told = fleet.doit("iso", status=3).err
    assert "XEN3_DOMU_RO and goldmaster:XEN3_DOMU_RO are two kernels of one name" in told


def test_the_lock_of_a_release_that_ships(fleet: Scratch) -> None:
    """The package's own lock will do, until the project has other packages."""
    fleet.edit("recipes/domu/base.toml", '"devel/', '"archivers/lz4", "devel/')
    assert "run: doit lock release=goldmaster:mini" in fleet.doit("iso", status=3).err
    assert fleet.doit("lock").out.endswith("wrote        sets/mini.lock\n")
    assert "packages:base" in fleet.build("iso").built
    shipped = json.loads((PROJECT / "sets/mini.lock").read_text())
    own = json.loads(fleet.read("sets/mini.lock"))
    assert own["files"] == shipped["files"]
    assert {item["pkgname"]: item["wanted_by"] for item in own["packages"]}["lz4-1.10.0"] == [
        "domu/base"
    ]
