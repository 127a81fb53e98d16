"""Bad input: a clear error, no traceback, nothing lost; put right, nothing is made again."""

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
        problems=("overlays[1]: path '../../etc' must be a path below its folder",)),
    "words that Xen and GRUB would take apart, and a title": Bad(
        both(changed(RECIPE, '"pv-linear-pt=true"', r'"a b", "", "a\u0000", "\""'),
             changed(RECIPE, '"verbose"', r'"a\nb"')),
        "recipes/dom0.toml has 5 problems", RECIPE, problems=(
            ("boot.xen[1]: 'a b' is not a word of a command line: use ASCII without blanks, "
             "quotes and backslashes, and give each word separately"),
            "boot.xen[2]: an empty word",
            ("boot.xen[3]: 'a\\x00' is not a word of a command line: use ASCII without blanks, "
             "quotes and backslashes, and give each word separately"),
            ("boot.xen[4]: '\"' is not a word of a command line: use ASCII without blanks, "
             "quotes and backslashes, and give each word separately"),
            r"boot.menu_entries.a\nb: 'a\nb' has unprintable characters")),
    "paths that are none": Bad(
        both(changed(RECIPE, '["server/overlay", "dom0/overlay"]', '["", ".", "dom0/overlay/"]'),
             changed(RECIPE, '"etc/rc.netbsd"', r'"a\u0000b"')),
        "recipes/dom0.toml has 4 problems", RECIPE, problems=(
            "overlays[0]: is empty",
            "overlays[1]: path '.' must be a path below its folder",
            ("overlays[2]: path 'dom0/overlay/' must be a path below its folder: write "
             "'dom0/overlay'"),
            r"keep.etc/rc: 'a\x00b' has unprintable characters")),
    "keys without an effect": Bad(
        added("recipes/domu/base.toml", "[boot]\ntimeout = 1\nxne = 1\n"),
        "recipes/domu/base.toml has 2 problems", "recipes/domu/base.toml", problems=(
            ("boot: only dom0's recipe says how the disc starts; Xen starts a domU as its file in "
             "domUs says"), "boot.xne: unknown key; did you mean xen?")),
    "space without an end": Bad(
        added("recipes/domu/base.toml", 'free = "99999999999999999999g"\n'),
        "recipes/domu/base.toml has 1 problem", problems=(
            ("free: '99999999999999999999g' is more than an image can have: at most 1000% "
             "or 1024g"),)),
    "no overlay folder": Bad(
        changed(RECIPE, "dom0/overlay", "dom0/ovrlay"),
        "there is no folder dom0/ovrlay; did you mean dom0/overlay?",
        "recipes/dom0.toml: overlays[1]", "server/overlay"),
    "an overlay that is a link to elsewhere": Bad(
        both(changed(RECIPE, "dom0/overlay", "dom0/other"),
             lambda scratch: scratch.path("recipes/dom0/other").symlink_to("/usr/share")),
        "dom0/other is a link that leads out of the recipes", "recipes/dom0.toml: overlays[1]",
        "/usr/share", "copy what is there"),
    "a keyword misspelt": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.conf mdoe=0600\n"),
        "mdoe: unknown keyword; did you mean mode?", f"/{OVERLAY}.mtree:"),
    "a mode that is none": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.conf mode=0999\n"),
        "mode: '0999' is not a mode: use at most four octal digits", f"/{OVERLAY}.mtree:"),
    "a time beyond what a CD can say": Bad(
        added(f"{OVERLAY}.mtree", "./late type=dir time=99999999999.0\n"),
        "late: the time 99999999999 cannot be written: a CD has one byte for the year: 1900 to",
        f"/{OVERLAY}.mtree:"),
    "a time beyond what FFS can say": Bad(
        added("recipes/domu/base/overlay.mtree", "./late type=dir time=2147483648.0\n"),
        "late: the time 2147483648 cannot be written: FFS version 1 has 32 bits for it: 1901 to",
        "/recipes/domu/base/overlay.mtree:"),
    "a device number NetBSD has not": Bad(
        added(f"{OVERLAY}.mtree", "./dev/x type=char device=netbsd,5000,1\n"),
        "device: 5000,1 is not a NetBSD device number", f"/{OVERLAY}.mtree:"),
    "several files": Bad(
        both(changed(RECIPE, "XEN3_DOM0_CD", "XEN3_DOM0_DC"), changed(RECIPE, '"etc"]', '"ect"]'),
             added("recipes/domu/base.toml", "fre = 1\n")),
        "there are 3 problems", do="binary_sets in the release definition says", problems=(
            "recipes/domu/base.toml: fre: unknown key; did you mean free?",
            ("recipes/dom0.toml: sets: the release has no set ect; did you mean etc? (known: base, "
             "etc)"),
            ("kernel-configs: there is no kernel XEN3_DOM0_DC; did you mean XEN3_DOM0_CD? (known: "
             "XEN3_DOM0_CD, XEN3_DOM0_STICK, XEN3_DOMU_RO)"))),
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
            "net/rsnyc: not in the lock; did you mean net/rsync?",
            "rsync-3.4.1: in the lock, no longer in the recipe")),
    "a package by its base name": Bad(
        changed(RECIPE, '"net/rsync"', '"rsync", "rsnyc"'), "the lock was made for other packages",
        problems=("rsnyc: not in the lock; did you mean rsync?",)),
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

# Told by `iso` before it begins; for most the sets or the overlays must be looked at.
BEFORE: dict[str, Bad] = {
    "a FIFO in an overlay": Bad(
        lambda scratch: os.mkfifo(scratch.path(f"{OVERLAY}/fifo")), "no file, folder or link",
        f"/{OVERLAY}/fifo", do="devices and FIFOs are written in the spec"),
    "a path that the overlay does not have": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.cnof mode=0600\n"),
        "etc/rc.cnof: not in the folder; did you mean etc/rc.conf?; a line alone makes a dir, link",
        f"/{OVERLAY}.mtree:"),
    "a file changed since its digest was written": Bad(
        added(f"{OVERLAY}.mtree", f"./etc/rc.conf mode=0600 sha256={'0' * 64}\n"),
        "etc/rc.conf: sha256 is not that of the file: it was changed since the line was written",
        f"/{OVERLAY}.mtree:"),
    "a size that is another": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.conf size=1\n"),
        "etc/rc.conf: size=1, but the file has ", f"/{OVERLAY}.mtree:"),
    "a file where the kernel lies": Bad(
        written(f"{OVERLAY}/netbsd", "No kernel.\n"), "netbsd: the kernel lies there",
        "recipes/dom0/overlay/netbsd", do="take it out of the overlay"),
    "a file where the hypervisor lies": Bad(
        written(f"{OVERLAY}/boot/xen.gz", ""), "boot/xen.gz: what the disc starts lies there",
        "recipes/dom0/overlay/boot/xen.gz"),
    "a path to be taken out that is not there": Bad(
        added("recipes/domu/base.toml", 'remove = ["usr/x11"]\n'),
        "usr/x11 is in no set or package", "recipes/domu/base.toml: remove[0]"),
    "a path to be kept that is not there": Bad(
        changed("recipes/domu/base.toml", '"etc/rc" =', '"etc/mtod" ='),
        "etc/mtod is in no set or package; did you mean etc/motd?",
        "recipes/domu/base.toml: keep.etc/mtod"),
    "a folder to be kept": Bad(
        changed("recipes/domu/base.toml", '"etc/rc" =', '"etc/ssh" ='),
        "etc/ssh is a folder; only files can be kept", "recipes/domu/base.toml: keep.etc/ssh"),
    "a file to be kept over another": Bad(
        changed("recipes/domu/base.toml", '"etc/rc.netbsd"', '"etc/motd"'),
        "etc/motd is in the sets already", "recipes/domu/base.toml: keep.etc/rc"),
    "several of these": Bad(
        both(added("recipes/domu/base.toml", 'remove = ["usr/x11", "etc/mtod"]\n'),
             added(f"{OVERLAY}.mtree", "./etc/rc.cnof mode=0600\n./a type=char\n")),
        "this build cannot succeed", "release mini", do="see to all of it", problems=(
            "recipes/domu/base.toml: remove[0]: usr/x11 is in no set or package",
            ("recipes/domu/base.toml: remove[1]: etc/mtod is in no set or package; did you mean "
             "etc/motd?"),
            ("WHERE/recipes/dom0/overlay.mtree: line 4: etc/rc.cnof: not in the folder; did you "
             "mean etc/rc.conf?; a line alone makes a dir, link, char, block or fifo (type=)"),
            "WHERE/recipes/dom0/overlay.mtree: line 5: a: device= is needed")),
    "a link's target too long for a CD": Bad(
        lambda scratch: scratch.path(f"{OVERLAY}/link").symlink_to("x" * 1100),
        "a link's target of 1100 bytes cannot be written", "recipes/dom0/overlay/link",
        "1023 bytes"),
}

STAGES: dict[str, Bad] = {
    "a file over a folder": Bad(
        written(f"{OVERLAY}/bin", "No folder.\n"), "a file would replace a dir",
        "bin: recipes/dom0/overlay over ", do="remove the lower entry in the recipe"),
    "a folder over a file": Bad(
        written(f"{OVERLAY}/etc/motd/local", "Below a file.\n"), "a dir would replace a file",
        "etc/motd: recipes/dom0/overlay over etc", do="remove the lower entry in the recipe"),
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


@pytest.mark.parametrize("name", BEFORE)
def test_before_it_begins(shared: Scratch, name: str) -> None:
    """It is told before anything runs, and nothing was lost."""
    bad, before = BEFORE[name], snapshot(shared)
    problems = tuple(text.replace("WHERE", str(shared.root)) for text in bad.problems)
    bad.edit(shared)
    ran = shared.doit("iso", "domu-images", status=3)
    assert ran.out == ""
    check(ran, replace(bad, problems=problems))
    put_back(shared, before)
    assert shared.build("iso", "domu-images").built == set()


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
        (("why", ""), "a word of the command line is empty", "leave it out"),
        (("iso", ""), "a word of the command line is empty", "leave it out"),
        (("gc", "x"), "doit gc takes no words, only settings: name=value", "'x'"),
        (("lock", "mini"), "doit lock takes no words, only settings: name=value", "'mini'"),
        (("packages-report", "x"), "doit packages-report takes no words", "'x'"),
    ],
)
def test_unknown_names(shared: Scratch, words: tuple[str, ...], what: str, why: str) -> None:
    ran = shared.doit(*words, status=3)
    assert f"ERROR: {what}" in ran.err
    assert why in ran.err
