"""A fleet's own project over the library: examples/site."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from support.checkouts.scratch import PROJECT, Scratch


@pytest.fixture
def project(scratch: Scratch) -> Scratch:
    """The example's dodo.py in a project that was built before, and a key."""
    shutil.copy(PROJECT / "examples/site/dodo.py", scratch.path("dodo.py"))
    subprocess.run(["openssl", "genrsa", "-out", scratch.path("key.pem"), "2048"], check=True,
                   capture_output=True)
    return scratch


def verified(project: Scratch) -> bool:
    public = project.path("public.pem")
    subprocess.run(["openssl", "rsa", "-in", project.path("key.pem"), "-pubout", "-out", public],
                   check=True, capture_output=True)
    ran = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", public, "-signature",
         project.path("dist/cd.iso.sig"), project.product()], capture_output=True)
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
    assert project.path("published").read_bytes() == (
        project.path("dist/cd.iso.sig").read_bytes())


def test_only_what_changed(project: Scratch) -> None:
    project.build("publish")
    project.edit("dodo.py", '"-sha256", "-sign"', '"-sha256", "-sign"  ')
    assert project.build("publish").built == set()
    subprocess.run(["openssl", "genrsa", "-out", project.path("key.pem"), "2048"], check=True,
                   capture_output=True)
    ran = project.build("publish")
    assert ran.built == {"signature-of-cd", "signed-iso", "publish"}
    assert verified(project)
    assert project.doit("gc").out.startswith("removed")


def test_a_name_that_is_taken(project: Scratch) -> None:
    project.edit("dodo.py", '"signature-of-cd"', '"toolchain"')
    ran = project.doit("signed-iso", status=3)
    assert "dodo.py adds tasks whose names are taken" in ran.err
    assert "toolchain" in ran.err


def test_an_output_that_nobody_has(project: Scratch) -> None:
    project.edit("dodo.py", "Signature(project.iso,", 'Signature(OutputRef("image:cdd", "iso"),')
    ran = project.doit("signed-iso", status=3)
    assert "dodo.py:26: signature-of-cd takes iso of image:cdd, and no such stage was added" in (
        ran.err)
