"""What a build cannot be made of, told before it begins or by one stage; put right, it goes on."""

from __future__ import annotations

import os
from dataclasses import replace

import pysequoia
import pytest
from support.checkouts.config_errors import (
    Bad,
    added,
    both,
    changed,
    check,
    put_back,
    snapshot,
    written,
)
from support.checkouts.scratch import Scratch, base_digest

RECIPE = "recipes/dom0.toml"
LOCK = "sets/mini.lock"
PINNED = base_digest()[:10]
OTHER = ("f" if PINNED[0] == "e" else "e") + PINNED[1:]
OVERLAY = "recipes/dom0/overlay"


# Told by `iso` before it begins; for most the sets or the overlays must be looked at.
BEFORE: dict[str, Bad] = {
    "a FIFO in an overlay": Bad(
        lambda scratch: os.mkfifo(scratch.path(f"{OVERLAY}/fifo")),
        "not a file, folder or link",
        f"/{OVERLAY}/fifo",
        do="put devices and FIFOs into the spec",
    ),
    "a path that the overlay does not have": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.cnof mode=0600\n"),
        "etc/rc.cnof: not in the folder; did you mean etc/rc.conf?; only a dir, link",
        f"/{OVERLAY}.mtree:",
    ),
    "a file changed since its digest was written": Bad(
        added(f"{OVERLAY}.mtree", f"./etc/rc.conf mode=0600 sha256={'0' * 64}\n"),
        "etc/rc.conf: sha256 does not match the file, which was changed since the line was written",
        f"/{OVERLAY}.mtree:",
    ),
    "a size that is another": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.conf size=1\n"),
        "etc/rc.conf: size=1, but the file has ",
        f"/{OVERLAY}.mtree:",
    ),
    "a file where the kernel lies": Bad(
        written(f"{OVERLAY}/netbsd", "No kernel.\n"),
        "netbsd: the kernel is at this path",
        "recipes/dom0/overlay/netbsd",
        do="remove it from the overlay",
    ),
    "a file where the hypervisor lies": Bad(
        written(f"{OVERLAY}/boot/xen.gz", ""),
        "boot/xen.gz: a kernel, the hypervisor or an image is at this path",
        "recipes/dom0/overlay/boot/xen.gz",
    ),
    "a path to be taken out that is not there": Bad(
        added("recipes/domu/base.toml", 'remove = ["usr/x11"]\n'),
        "usr/x11 is in no set or package",
        "recipes/domu/base.toml: remove[0]",
    ),
    "a path to be kept that is not there": Bad(
        changed("recipes/domu/base.toml", '"etc/rc" =', '"etc/mtod" ='),
        "etc/mtod is in no set or package; did you mean etc/motd?",
        "recipes/domu/base.toml: keep.etc/mtod",
    ),
    "a folder to be kept": Bad(
        changed("recipes/domu/base.toml", '"etc/rc" =', '"etc/ssh" ='),
        "etc/ssh is a folder; only files can be kept",
        "recipes/domu/base.toml: keep.etc/ssh",
    ),
    "a file to be kept over another": Bad(
        changed("recipes/domu/base.toml", '"etc/rc.netbsd"', '"etc/motd"'),
        "etc/motd is already in the sets",
        "recipes/domu/base.toml: keep.etc/rc",
    ),
    "several of these": Bad(
        both(
            added("recipes/domu/base.toml", 'remove = ["usr/x11", "etc/mtod"]\n'),
            added(f"{OVERLAY}.mtree", "./etc/rc.cnof mode=0600\n./a type=char\n"),
        ),
        "this build cannot succeed",
        "release mini",
        do="fix all of these",
        problems=(
            "recipes/domu/base.toml: remove[0]: usr/x11 is in no set or package",
            (
                "recipes/domu/base.toml: remove[1]: etc/mtod is in no set or package; did you mean "
                "etc/motd?"
            ),
            (
                "WHERE/recipes/dom0/overlay.mtree:4: etc/rc.cnof: not in the folder; did you "
                "mean etc/rc.conf?; only a dir, link, char, block or fifo can be created by a line "
                "(type=)"
            ),
            "WHERE/recipes/dom0/overlay.mtree:5: a: device= is required",
        ),
    ),
    "a link's target too long for a CD": Bad(
        lambda scratch: scratch.path(f"{OVERLAY}/link").symlink_to("x" * 1100),
        "a link's target of 1100 bytes cannot be written",
        "recipes/dom0/overlay/link",
        "1023 bytes",
    ),
}
STAGES: dict[str, Bad] = {
    "a file over a folder": Bad(
        written(f"{OVERLAY}/bin", "No folder.\n"),
        "a file would replace a dir",
        "bin: recipes/dom0/overlay over ",
        do="remove the lower entry in the recipe",
    ),
    "a folder over a file": Bad(
        written(f"{OVERLAY}/etc/motd/local", "Below a file.\n"),
        "a dir would replace a file",
        "etc/motd: recipes/dom0/overlay over etc",
        do="remove the lower entry in the recipe",
    ),
    "a hypervisor nobody has": Bad(
        changed("sets/mini.toml", "xen-hypervisor-*", "xen-hyporvisor-*"),
        "the distribution has no package xen-hyporvisor-*-amd64",
        "apt-cache",
        do="apt-get update",
    ),
    "a lock whose digest nobody signed": Bad(
        changed(LOCK, f'"sha512": "{PINNED}', f'"sha512": "{OTHER}'),
        "the lock and the signed list have different digests for amd64/binary/sets/base.tgz",
        "stage signature",
        f"lock   {OTHER}",
        "or the lock edited",
    ),
    "another key under the pinned name": Bad(
        lambda scratch: scratch.write("sets/keys/mini.asc", str(other_key().extract_certificate())),
        "the signing key is not the pinned one",
        "key sets/keys/mini.asc",
        "pinned ",
        "do not trust this key",
    ),
    "a key file that is none": Bad(
        written("sets/keys/mini.asc", "No key.\n"),
        "the signing key cannot be read",
        "key sets/keys/mini.asc",
    ),
}


def other_key() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate("somebody else")


@pytest.mark.parametrize("name", BEFORE)
def test_before_it_begins(shared: Scratch, name: str) -> None:
    """It is told before anything runs, and nothing was lost."""
    bad, before = BEFORE[name], snapshot(shared)
    problems = tuple(text.replace("WHERE", str(shared.root)) for text in bad.problems)
    try:
        bad.edit(shared)
        ran = shared.doit("iso", "domu-images", status=3)
        assert ran.out == ""
        check(ran, replace(bad, problems=problems))
    finally:
        put_back(shared, before)
    assert shared.build("iso", "domu-images").built == set()


@pytest.mark.parametrize("name", STAGES)
def test_stages(shared: Scratch, name: str) -> None:
    """One stage fails; what was there is as it was, and put right nothing is made again."""
    bad, before, products = STAGES[name], snapshot(shared), shared.products()
    try:
        bad.edit(shared)
        ran = shared.doit("iso", status=1)
        check(ran, bad)
        assert "FAILED " in ran.out
        assert shared.products() == products
    finally:
        put_back(shared, before)
    assert shared.build("iso", "domu-images").built <= {"iso"}
    assert shared.products() == products
