"""What a change makes run, and what it does not: EXPECTED sets for each kind of edit."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pysequoia
import pytest
from support.checkouts.scratch import Ran, Scratch, Tasks
from support.waiting import until

Edit: TypeAlias = Callable[[Scratch], None]

NOTHING: Tasks = frozenset()
CD = frozenset({"image:cd", "checksums:mini-dom0.iso", "iso"})
DOM0 = frozenset({"root:dom0", "tree:cd"}) | CD
BASE = frozenset({"image:base", "checksums:mini-base.ffs", "domu-images:base"})
PKGREPO = frozenset({"image:pkgrepo", "checksums:mini-pkgrepo.ffs", "domu-images:pkgrepo"})
DOMUS = frozenset({"checksums:images", "tree:cd"}) | CD
# Whose build records name the key of every stage, so that they change with any.
PRODUCTS = frozenset({"iso", "domu-images:base", "domu-images:pkgrepo"})
BOTH_DOMUS = BASE | PKGREPO | DOMUS
KERNELS = frozenset({"kernel:XEN3_DOM0_CD", "kernel:XEN3_DOM0_STICK", "kernel:XEN3_DOMU_RO"})
ROOTS = frozenset({"root:dom0", "root:base", "root:pkgrepo"})
DATED = (
    KERNELS
    | ROOTS
    | BOTH_DOMUS
    | {"packages:base", "packages:dom0", "packages:pkgrepo", "xen-version", "grub:efi", "grub:bios"}
)


def appended(name: str, text: str) -> Edit:
    return lambda scratch: scratch.append(name, text)


def edited(name: str, old: str, new: str) -> Edit:
    return lambda scratch: scratch.edit(name, old, new)


def written(name: str, text: str, mode: int = 0o644) -> Edit:
    return lambda scratch: scratch.write(name, text, mode=mode)


def build(scratch: Scratch, *words: str) -> Ran:
    """Build all products; the next build has nothing to do, and says nothing."""
    ran = scratch.build("iso", "domu-images", *words)
    null = scratch.doit("iso", "domu-images", *words)
    assert null.text == ""
    return ran


def touch_everything(scratch: Scratch) -> None:
    for path in scratch.root.rglob("*"):
        if scratch.path("build") not in path.parents and path != scratch.path("build"):
            os.utime(path, follow_symlinks=False)


def comment_everywhere(scratch: Scratch) -> None:
    for path in scratch.path("buildlib").rglob("*.py"):
        scratch.append(str(path), "\n\n# A remark.\n")


GRUB = "buildlib/stages/boot/grub.py"
SUMS = "buildlib/stages/inputs/checksums.py"
RC_CONF = "recipes/dom0/overlay/etc/rc.conf"
CONFIG = "kernel-configs/XEN3_DOM0_CD"
RECIPE = "recipes/dom0.toml"

# name: the edit, and what is built then
EDITS: dict[str, tuple[Edit, Tasks]] = {
    "everything touched": (touch_everything, NOTHING),
    "comments in all code": (comment_everywhere, NOTHING),
    "a docstring": (
        edited(GRUB, '"""GRUB: core images for El Torito, and the menu.', '"""GRUB, in short.'),
        NOTHING,
    ),
    "white space in code": (
        edited(
            SUMS,
            "digest, done = hashlib.sha512(), 0",
            "digest, done = (\n        hashlib.sha512( ),  0)  # bytes",
        ),
        NOTHING,
    ),
    "a comment in a recipe": (appended(RECIPE, "# A remark.\n"), NOTHING),
    "code that makes other bytes": (
        edited(GRUB, '"GOLDMASTER"', '"SILVER"'),
        CD | {"grub:bios", "grub:efi"},
    ),
    "code that makes the same bytes": (
        appended("buildlib/stages/inputs/unpack.py", "\n\nUNUSED = 1\n"),
        PRODUCTS | {"unpack:base", "unpack:etc"},
    ),
    "code below that makes the same bytes": (
        appended("buildlib/sources/checksums.py", "\n\nUNUSED = 1\n"),
        PRODUCTS
        | {
            "signature",
            "press",
            "checksums:images",
            "checksums:mini-dom0.iso",
            "checksums:mini-base.ffs",
            "checksums:mini-pkgrepo.ffs",
        },
    ),
    "a file of dom0's overlay": (appended(RC_CONF, "sshd=YES\n"), DOM0),
    "a file of the domUs' shared overlay": (
        appended("recipes/domu/base/overlay/etc/rc.conf", "sshd=YES\n"),
        BOTH_DOMUS | {"root:base", "root:pkgrepo"},
    ),
    "a file of one domU's overlay": (
        appended("recipes/domu/pkgrepo/overlay/etc/motd", "Welcome.\n"),
        PKGREPO | DOMUS | {"root:pkgrepo"},
    ),
    "the mode of an overlay's file": (lambda scratch: scratch.path(RC_CONF).chmod(0o755), DOM0),
    "a mode that git does not know": (lambda scratch: scratch.path(RC_CONF).chmod(0o600), NOTHING),
    "an overlay's spec": (
        appended("recipes/dom0/overlay.mtree", "./etc/rc.conf mode=0600 gid=5\n"),
        DOM0,
    ),
    "a new file in an overlay": (written("recipes/dom0/overlay/etc/motd", "Hello.\n"), DOM0),
    "a new folder in an overlay": (
        lambda scratch: scratch.path("recipes/dom0/overlay/var/new").mkdir(parents=True),
        DOM0,
    ),
    "a link in an overlay": (
        lambda scratch: scratch.path("recipes/dom0/overlay/etc/hosts").symlink_to("/config/hosts"),
        DOM0,
    ),
    "what an editor leaves": (written("recipes/dom0/overlay/etc/.rc.conf.swp", "?"), NOTHING),
    "a removed file of an overlay": (
        lambda scratch: scratch.remove("recipes/domu/pkgrepo/overlay/etc/motd"),
        PKGREPO | DOMUS | {"root:pkgrepo"},
    ),
    "dom0's kernel configuration": (
        appended(CONFIG, "options \tDIAGNOSTIC\n"),
        DOM0 | {"kernel:XEN3_DOM0_CD"},
    ),
    "the domUs' kernel configuration": (
        appended("kernel-configs/XEN3_DOMU_RO", "options \tDIAGNOSTIC\n"),
        BOTH_DOMUS | {"kernel:XEN3_DOMU_RO", "root:base", "root:pkgrepo"},
    ),
    "a kernel configuration that nobody uses": (
        written("kernel-configs/XEN3_DOM0_NEW", 'include "arch/amd64/conf/XEN3_DOM0"\n'),
        NOTHING,
    ),
    "a word of the boot menu": (
        edited(RECIPE, '"bootdev=cd0a"', '"bootdev=cd0a", "-v"'),
        CD | {"tree:cd"},
    ),
    "one platform less": (edited(RECIPE, '"bios", "efi"', '"bios"'), CD | {"tree:cd"}),
    "an image less on the CD": (edited(RECIPE, '"base", "pkgrepo"]', '"base"]'), DOMUS),
    "space left free in an image": (
        appended("recipes/domu/base.toml", 'free = "20%"\n'),
        BASE | DOMUS,
    ),
    "a path taken out": (
        appended("recipes/domu/base.toml", 'remove = ["rescue"]\n'),
        BASE | DOMUS | {"root:base"},
    ),
    "the release's build flags": (
        edited("sets/mini.toml", '"MKREPRO=yes"', '"MKREPRO=yes", "-V", "UNUSED=1"'),
        PRODUCTS | KERNELS | {"toolchain"},
    ),
    "the lock's epoch": (edited("sets/mini.lock", '"epoch": 17', '"epoch": 16'), DATED),
    "the signing key's file": (
        appended("sets/keys/mini.asc", "\nA remark.\n"),
        PRODUCTS | {"signature"},
    ),
    "a file that the mirror does not take up": (
        written("sets/mini/packages/lz4/README", "Not part of the package.\n"),
        frozenset({"press"}),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_edit(scratch: Scratch, name: str) -> None:
    edit, expected = EDITS[name]
    edit(scratch)
    ran = build(scratch)
    assert ran.built == expected
    assert ran.restored == NOTHING


def test_nothing_changed(scratch: Scratch) -> None:
    products = scratch.products()
    ran = build(scratch)
    assert (ran.built, ran.restored) == (NOTHING, NOTHING)
    assert scratch.products() == products


def test_a_second_null_build_is_silent_and_writes_nothing(scratch: Scratch) -> None:
    build(scratch)
    before = scratch.listing(".")
    for task in ("iso", "domu-images", "image:cd"):
        assert scratch.doit(task).text == ""
    after = scratch.listing(".")
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert not {path for path in changed if "glance" not in path and "__pycache__" not in path}


BACK: dict[str, tuple[str, str, str, Tasks]] = {
    "a kernel configuration": (
        CONFIG,
        "dumps on none",
        "dumps on none\noptions DIAGNOSTIC",
        DOM0 | {"kernel:XEN3_DOM0_CD"},
    ),
    "an overlay's file": (RC_CONF, "\n", "\n\n", DOM0),
    "a stage's code": (GRUB, '"GOLDMASTER"', '"SILVER"', CD | {"grub:bios", "grub:efi"}),
    "build flags": (
        "sets/mini.toml",
        '"MKREPRO=yes"',
        '"MKREPRO=yes", "-V", "UNUSED=1"',
        PRODUCTS | KERNELS | {"toolchain"},
    ),
}


@pytest.mark.parametrize("name", BACK)
def test_changed_back_is_restored(scratch: Scratch, name: str) -> None:
    path, old, new, expected = BACK[name]
    products, text = scratch.products(), scratch.read(path)
    scratch.write(path, text.replace(old, new, 1))
    assert build(scratch).built == expected
    assert scratch.products() != products
    scratch.write(path, text)
    ran = build(scratch)
    assert ran.built == expected & PRODUCTS
    assert ran.restored == expected - PRODUCTS
    assert scratch.products() == products


def test_source_date_epoch(scratch: Scratch) -> None:
    """It dates everything that is made here, and nothing that came in."""
    dated = {"SOURCE_DATE_EPOCH": "1800000000"}
    products = scratch.products()
    assert scratch.build("iso", "domu-images", environment=dated).built == DATED
    assert scratch.doit("iso", "domu-images", environment=dated).text == ""
    assert set(scratch.products().values()).isdisjoint(products.values())
    ran = build(scratch)
    assert ran.restored == DATED - PRODUCTS
    assert scratch.products() == products


def test_a_list_that_is_signed_again(scratch: Scratch) -> None:
    """With the same files and key, at another time: what shows that time is made again."""
    key = pysequoia.Tsk.generate("goldmaster mini release")
    certificate = key.extract_certificate()
    scratch.write("sets/keys/mini.asc", str(certificate))
    fingerprint = re.sub(
        r'fingerprint = "\w+"',
        f'fingerprint = "{certificate.fingerprint}"',
        scratch.read("sets/mini.toml"),
    )
    scratch.write("sets/mini.toml", fingerprint)
    listed = [
        line for line in scratch.read("sets/mini/hashes.asc").splitlines() if line[:6] == "SHA512"
    ]
    text = "".join(f"{line}\n" for line in listed).encode()

    def sign() -> int:
        signed = pysequoia.sign(key.signer(), text, mode=pysequoia.SignatureMode.CLEAR)
        scratch.write("sets/mini/hashes.asc", signed.decode())
        scratch.doit("lock")
        return int(json.loads(scratch.read("sets/mini.lock"))["epoch"])

    before = sign()
    build(scratch)
    until(lambda: time.time() > before + 1)
    assert sign() > before
    ran = build(scratch)
    assert ran.built - {"mirror", "press"} == DATED | {"fetch:list", "signature"}
    assert ran.restored <= {"press"}, "the lock has pressed the mirror already"


def test_other_circumstances_change_nothing(scratch: Scratch) -> None:
    """How many run at once, where files would come from, how it is shown: no input of a stage."""
    before = build(scratch)
    for word in ("jobs=1", "jobs=4", "mirror=http://127.0.0.1:9/", "progress=plain"):
        ran = build(scratch, word) if not word.startswith("progress") else before
        assert (ran.built, ran.restored) == (NOTHING, NOTHING)
    hostile = {
        "LANG": "tr_TR.UTF-8",
        "TZ": "Asia/Tokyo",
        "PATH": "/usr/bin:/bin",
        "HOME": "/",
        "PYTHONHASHSEED": "7",
        "CFLAGS": "-O0",
        "MAKEFLAGS": "-j8",
    }
    assert scratch.doit("iso", environment=hostile).text == ""


def test_packages_taken_out_of_a_recipe(scratch: Scratch) -> None:
    """The lock says which packages a recipe has: it is stale until it is made anew."""
    scratch.edit("recipes/domu/pkgrepo.toml", '"pkgtools/pkg_chk", ', "")
    stale = scratch.doit("iso", status=3)
    assert "no longer in the recipe" in stale.err
    assert "pkg_chk-2.1.2" in stale.err
    assert "drop         pkg_chk 2.1.2" in scratch.doit("lock").out
    ran = build(scratch)
    assert ran.built == PKGREPO | DOMUS | {"packages:pkgrepo", "root:pkgrepo"}


SAMPLE = [
    "code that makes other bytes",
    "a file of the domUs' shared overlay",
    "dom0's kernel configuration",
    "a word of the boot menu",
    "the lock's epoch",
]


def test_an_edited_build_equals_one_from_nothing(scratch: Scratch, tmp_path: Path) -> None:
    """One edit after the other in one checkout; and all of them in a fresh one."""
    for name in SAMPLE:
        EDITS[name][0](scratch)
        scratch.build("iso", "domu-images")
    fresh = scratch.sources_only(tmp_path / "fresh")
    fresh.build("iso", "domu-images")
    assert scratch.products() == fresh.products()
