"""Bad input: a clear error, no traceback, nothing lost; put right, nothing is made again."""

from __future__ import annotations

import os

import pysequoia
import pytest
from support.mistakes import Bad, added, changed, check, put_back, snapshot, written
from support.scratch import Scratch, base_digest

RECIPE = "recipes/dom0.toml"
RELEASE = "sets/mini.toml"
LOCK = "sets/mini.lock"
PINNED = base_digest()[:10]
OTHER = ("f" if PINNED[0] == "e" else "e") + PINNED[1:]
OVERLAY = "recipes/dom0/overlay"


CONFIGURATION: dict[str, Bad] = {
    "TOML": Bad(
        added(RECIPE, "[unclosed\n"), "recipes/dom0.toml is no TOML", RECIPE, "line 2"),
    "several problems at once": Bad(
        written(RECIPE, 'set = ["base"]\nkernel = 3\npackges = []\noverlays = "x"\n'
                        '[boot]\ntimeout = "1"\nplatforms = ["bios", 7]\n'),
        "recipes/dom0.toml has 7 problems", RECIPE, problems=(
            "set: unknown key; did you mean sets?",
            "packges: unknown key; did you mean packages?",
            "sets: missing",
            "kernel: must be a string, is a whole number",
            "overlays: must be a list, is a string",
            "boot.timeout: must be a whole number, is a string",
            "boot.platforms[1]: must be a string, is a whole number")),
    "a platform": Bad(
        changed(RECIPE, '"efi"]', '"uefi"]'), "recipes/dom0.toml has 1 problem", RECIPE,
        problems=("boot: platforms: bios, efi, or both",)),
    "a table for disks": Bad(
        changed(RECIPE, '"efi"]', '"efi"]\ndisk = "gtp"'), "recipes/dom0.toml has 1 problem",
        problems=("boot.disk: one of gpt, mbr, none, not 'gtp'; did you mean gpt?",)),
    "a stick's kernel without such a table": Bad(
        changed(RECIPE, '"efi"]', '"efi"]\ndisk = "none"'), "recipes/dom0.toml has 1 problem",
        problems=("boot: boot.stick: without a table (boot.disk) no stick is booted",)),
    "an unknown kernel for sticks": Bad(
        changed(RECIPE, "XEN3_DOM0_STICK", "XEN3_DOM0_STIKC"),
        "there is no kernel XEN3_DOM0_STIKC; did you mean XEN3_DOM0_STICK?", "kernel-configs"),
    "two hypervisors": Bad(
        changed(RECIPE, "[hypervisor]\n", '[hypervisor]\nfile = "xen.gz"\n'),
        "recipes/dom0.toml has 1 problem",
        problems=("hypervisor: give one of distribution, file, package",)),
    "a path that leaves the recipes": Bad(
        changed(RECIPE, '"dom0/overlay"', '"../../etc"'), "recipes/dom0.toml has 1 problem",
        problems=("recipe: path '../../etc' must be a path below its folder",)),
    "an unknown domU": Bad(
        changed(RECIPE, '["base", "pkgrepo"]', '["base", "pkgrpeo"]'),
        "there is no recipe pkgrpeo; did you mean pkgrepo?", "recipes/domu", "base, pkgrepo"),
    "an unknown kernel": Bad(
        changed(RECIPE, "XEN3_DOM0_CD", "XEN3_DOM0_DC"),
        "there is no kernel XEN3_DOM0_DC; did you mean XEN3_DOM0_CD?", "kernel-configs",
        "XEN3_DOM0_CD, XEN3_DOM0_STICK, XEN3_DOMU_RO"),
    "an unknown set": Bad(
        changed(RECIPE, '"etc"]', '"ect"]'), "the release has no set ect; did you mean etc?",
        "recipes/dom0.toml: sets", "base, etc", "binary_sets"),
    "a package that is not locked": Bad(
        changed(RECIPE, "net/rsync", "net/rsnyc"), "the lock was made for other packages",
        "recipes/dom0.toml: packages", do="doit lock release=mini", problems=(
            "net/rsnyc: not in the lock", "rsync-3.4.1: in the lock, no longer in the recipe")),
    "a package by its base name": Bad(
        changed(RECIPE, '"net/rsync"', '"rsync", "rsnyc"'), "the lock was made for other packages",
        problems=("rsnyc: not in the lock",)),
    "a lock for other sets": Bad(
        changed(RELEASE, '"gnusrc"]', '"gnusrc", "xsrc"]'),
        "the lock was made for another release definition", LOCK, do="doit lock release=mini"),
    "a lock for another signing key": Bad(
        changed(RELEASE, 'fingerprint = "', 'fingerprint = "0'),
        "the lock was made for another release definition", LOCK, do="doit lock release=mini"),
    "no lock": Bad(
        lambda scratch: scratch.remove(LOCK), "the release mini has no lock", LOCK,
        do="doit lock release=mini"),
    "a lock that is cut": Bad(
        lambda scratch: scratch.write(LOCK, scratch.read(LOCK)[:500]),
        "sets/mini.lock is damaged", LOCK, "line", "doit lock release=mini"),
    "a lock of another form": Bad(
        changed(LOCK, '"lock": 1', '"lock": 2'), "sets/mini.lock has 1 problem", LOCK,
        problems=("lock: lock: form 2 is not known here; run `doit lock`",)),
    "a digest in the lock that is none": Bad(
        changed(LOCK, f'"sha512": "{PINNED}', f'"sha512": "{PINNED[:-1]}'),
        "sets/mini.lock has 1 problem",
        problems=("files.amd64/binary/sets/base.tgz: a digest has the wrong length or form",)),
    "a release without a signing key": Bad(
        changed(RELEASE, 'key = "keys/mini.asc"\n', ""), "sets/mini.toml has 1 problem", RELEASE,
        problems=("signature.key: missing",)),
    "no key file": Bad(
        lambda scratch: scratch.remove("sets/keys/mini.asc"), "the signing key is not here",
        "keys/mini.asc", "the signed list of digests cannot be checked", "put it there"),
    "a lock without a set that a recipe uses": Bad(
        changed(LOCK, '"amd64/binary/sets/etc.tgz"', '"amd64/binary/sets/games.tgz"'),
        "the lock is incomplete", LOCK, do="complete it: doit lock release=mini",
        problems=("amd64/binary/sets/etc.tgz: not pinned",)),
}

STAGES: dict[str, Bad] = {
    "no overlay folder": Bad(
        changed(RECIPE, "dom0/overlay", "dom0/ovrlay"),
        "the folder or a file in it cannot be read", "/recipes/dom0/ovrlay",
        "No such file or directory"),
    "a file over a folder": Bad(
        written(f"{OVERLAY}/bin", "No folder.\n"), "a file would replace a dir",
        "bin: recipes/dom0/overlay over ", do="remove the lower entry in the recipe"),
    "a folder over a file": Bad(
        written(f"{OVERLAY}/etc/motd/local", "Below a file.\n"), "a dir would replace a file",
        "etc/motd: recipes/dom0/overlay over etc", do="remove the lower entry in the recipe"),
    "a FIFO in an overlay": Bad(
        lambda scratch: os.mkfifo(scratch.path(f"{OVERLAY}/fifo")), "no file, folder or link",
        f"/{OVERLAY}/fifo", do="devices and FIFOs are written in the spec"),
    "a path that the overlay does not have": Bad(
        added(f"{OVERLAY}.mtree", "./ect/rc.conf mode=0600\n"),
        "ect/rc.conf: the spec's line is not usable", f"/{OVERLAY}.mtree", "'type' is missing",
        "overlay has no ect/rc.conf"),
    "a mode that is none": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.conf mode=0999\n"),
        "etc/rc.conf: the spec's line is not usable", f"/{OVERLAY}.mtree", "0999"),
    "a path to be taken out that is not there": Bad(
        added("recipes/domu/base.toml", 'remove = ["usr/x11"]\n'),
        "cannot remove usr/x11: not in the tree", "stage root:base"),
    "a path to be kept that is not there": Bad(
        changed("recipes/domu/base.toml", '"etc/rc" =', '"etc/cr" ='),
        "cannot keep etc/cr: not a file in the tree", "stage root:base"),
    "a link's target too long for a CD": Bad(
        lambda scratch: scratch.path(f"{OVERLAY}/link").symlink_to("x" * 1100),
        "a link's target of 1100 bytes cannot be written on a CD",
        "link (from recipes/dom0/overlay)", "1023 bytes"),
    "a time beyond what a CD can say": Bad(
        added(f"{OVERLAY}.mtree", "./late type=file time=99999999999.0\n"),
        "the time 99999999999 cannot be written on a CD", "late (from recipes/dom0/overlay)",
        "1900 to 2155"),
    "a device number NetBSD has not": Bad(
        added(f"{OVERLAY}.mtree", "./dev/x type=char device=netbsd,5000,1\n"),
        "5000,1 is no device number of NetBSD", "dev/x (from recipes/dom0/overlay)", "12 bits"),
    "a hypervisor nobody has": Bad(
        changed(RECIPE, "xen-hypervisor-*", "xen-hyporvisor-*"),
        "the distribution has no package xen-hyporvisor-*-amd64", "apt-cache",
        do="apt-get update"),
    "a lock whose digest nobody signed": Bad(
        changed(LOCK, f'"sha512": "{PINNED}', f'"sha512": "{OTHER}'),
        "the lock and the signed list differ on amd64/binary/sets/base.tgz", "stage signature",
        f"lock   {OTHER}", "the lock was edited"),
    "another key under the pinned name": Bad(
        lambda scratch: scratch.write("sets/keys/mini.asc", str(other_key().extract_certificate())),
        "the signing key is not the pinned one", "key sets/keys/mini.asc",
        "pinned ", "do not trust this key"),
    "a key file that is none": Bad(
        written("sets/keys/mini.asc", "No key.\n"), "the signing key cannot be read",
        "key sets/keys/mini.asc"),
}


def other_key() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate("somebody else")


@pytest.mark.parametrize("name", CONFIGURATION)
def test_configuration(shared: Scratch, name: str) -> None:
    """It is told before anything runs, by every command; and nothing was lost."""
    bad, before = CONFIGURATION[name], snapshot(shared)
    bad.edit(shared)
    for command in ("iso", "plan"):
        ran = shared.doit(command, status=3)
        assert ran.out == ""
        check(ran, bad)
    put_back(shared, before)


@pytest.mark.parametrize("name", STAGES)
def test_stages(shared: Scratch, name: str) -> None:
    """One stage fails; what was there is as it was, and put right nothing is made again."""
    bad, before, products = STAGES[name], snapshot(shared), shared.products()
    bad.edit(shared)
    ran = shared.doit("iso", status=1)
    check(ran, bad)
    assert "FAILED " in ran.out
    assert shared.products() == products
    put_back(shared, before)
    assert shared.build("iso", "domu-images").built <= {"iso"}
    assert shared.products() == products


@pytest.mark.parametrize(
    ("words", "what", "why"),
    [
        (("iso", "release=minni"), "there is no release minni; did you mean mini?", "known: mini"),
        (("plan", "release=netbsd"), "there is no release netbsd", "known: mini"),
        (("isso",), "there is no task or command isso; did you mean iso?", "`doit list --all`"),
        (("plann",), "there is no task or command plann; did you mean plan?", "`doit help`"),
        (("plan", "images:cd"), "there is no task images:cd; did you mean image:cd?", "doit list"),
        (("why", "kernel:XEN3"), "there is no task kernel:XEN3; did you mean kernel:XEN3_", "all"),
    ],
)
def test_unknown_names(shared: Scratch, words: tuple[str, ...], what: str, why: str) -> None:
    ran = shared.doit(*words, status=3)
    assert f"ERROR: {what}" in ran.err
    assert why in ran.err
