"""Bad input: a clear error, no traceback, nothing lost; put right, nothing is made again."""

from __future__ import annotations

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
OVERLAY = "recipes/dom0/overlay"
CONFIGURATION: dict[str, Bad] = {
    "TOML": Bad(
        added(RECIPE, "[unclosed\n"), "recipes/dom0.toml is not valid TOML", RECIPE, "line 2"
    ),
    "several problems at once": Bad(
        written(
            RECIPE,
            'set = ["base"]\nkernel = 3\npackges = []\noverlays = "x"\n'
            '[boot]\ntimeout = "1"\nplatforms = ["bios", 7]\n',
        ),
        "recipes/dom0.toml has 7 problems",
        RECIPE,
        problems=(
            "line 1: set: unknown key; did you mean sets?",
            "line 3: packges: unknown key; did you mean packages?",
            "sets: missing",
            "line 2: kernel: must be a string, is a whole number",
            "line 4: overlays: must be a list, is a string",
            "line 6: boot.timeout: must be a whole number, is a string",
            "line 7: boot.platforms[1]: must be a string, is a whole number",
        ),
    ),
    "a platform": Bad(
        changed(RECIPE, '"efi"]', '"uefi"]'),
        "recipes/dom0.toml has 1 problem",
        RECIPE,
        problems=("boot: platforms: bios, efi, or both",),
    ),
    "an overlay that is missing beside a link that is too long": Bad(
        both(
            changed(RECIPE, '"dom0/overlay"', '"dom0/overlya"'),
            lambda scratch: scratch.path("recipes/dom0/overlay.old").symlink_to("x" * 1100),
        ),
        "there is no folder dom0/overlya; did you mean dom0/overlay?",
        RECIPE,
        "known: dom0/overlay, domu/base/overlay",
    ),
    "a kernel that is missing beside a link that is too long": Bad(
        both(
            changed(RECIPE, '"XEN3_DOM0_CD"', '"XEN3_DOM0_DC"'),
            lambda scratch: scratch.path("kernel-configs/OLD").symlink_to("x" * 1100),
        ),
        "there is no kernel XEN3_DOM0_DC; did you mean XEN3_DOM0_CD?",
        "kernel-configs",
    ),
    "a table for disks": Bad(
        changed(RECIPE, '"efi"]', '"efi"]\ndisk = "gtp"'),
        "recipes/dom0.toml has 1 problem",
        problems=("boot.disk: one of gpt, mbr, none, not 'gtp'; did you mean gpt?",),
    ),
    "a stick's kernel without such a table": Bad(
        changed(RECIPE, '"efi"]', '"efi"]\ndisk = "none"'),
        "recipes/dom0.toml has 1 problem",
        problems=("boot: boot.stick: a stick needs a partition table: set boot.disk",),
    ),
    "an unknown kernel for sticks": Bad(
        changed(RECIPE, "XEN3_DOM0_STICK", "XEN3_DOM0_STIKC"),
        "there is no kernel XEN3_DOM0_STIKC; did you mean XEN3_DOM0_STICK?",
        "kernel-configs",
    ),
    "two hypervisors": Bad(
        changed(RECIPE, "[hypervisor]\n", '[hypervisor]\nfile = "xen.gz"\n'),
        "recipes/dom0.toml has 1 problem",
        problems=("hypervisor: give one of distribution, file, package",),
    ),
    "a path that leaves the recipes": Bad(
        changed(RECIPE, '"dom0/overlay"', '"../../etc"'),
        "recipes/dom0.toml has 1 problem",
        problems=("overlays[1]: path '../../etc' must be a path below its folder",),
    ),
    "words that Xen and GRUB would take apart, and a title": Bad(
        both(
            changed(RECIPE, '"pv-linear-pt=true"', r'"a b", "", "a\u0000", "\""'),
            changed(RECIPE, '"verbose"', r'"a\nb"'),
        ),
        "recipes/dom0.toml has 5 problems",
        RECIPE,
        problems=(
            (
                "boot.xen[1]: 'a b' is not a single argument: use ASCII without spaces, "
                "quotes and backslashes, and give each argument separately"
            ),
            "boot.xen[2]: an empty argument",
            (
                "boot.xen[3]: 'a\\x00' is not a single argument: use ASCII without spaces, "
                "quotes and backslashes, and give each argument separately"
            ),
            (
                "boot.xen[4]: '\"' is not a single argument: use ASCII without spaces, "
                "quotes and backslashes, and give each argument separately"
            ),
            r"boot.menu_entries.a\nb: 'a\nb' contains unprintable characters",
        ),
    ),
    "paths that are none": Bad(
        both(
            changed(RECIPE, '["server/overlay", "dom0/overlay"]', '["", ".", "dom0/overlay/"]'),
            changed(RECIPE, '"etc/rc.netbsd"', r'"a\u0000b"'),
        ),
        "recipes/dom0.toml has 4 problems",
        RECIPE,
        problems=(
            "overlays[0]: is empty",
            "overlays[1]: path '.' must be a path below its folder",
            (
                "overlays[2]: path 'dom0/overlay/' must be a path below its folder: write "
                "'dom0/overlay'"
            ),
            r"keep.etc/rc: 'a\x00b' contains unprintable characters",
        ),
    ),
    "keys without an effect": Bad(
        added("recipes/domu/base.toml", "[boot]\ntimeout = 1\nxne = 1\n"),
        "recipes/domu/base.toml has 2 problems",
        "recipes/domu/base.toml",
        problems=(
            (
                "boot: only dom0's recipe defines how the disc boots; domUs are started as the "
                "host's files in domUs say"
            ),
            "boot.xne: unknown key; did you mean xen?",
        ),
    ),
    "space without an end": Bad(
        added("recipes/domu/base.toml", 'free = "99999999999999999999g"\n'),
        "recipes/domu/base.toml has 1 problem",
        problems=(
            (
                "free: '99999999999999999999g' is more than an image can have: at most 1000% "
                "or 1024g"
            ),
        ),
    ),
    "no overlay folder": Bad(
        changed(RECIPE, "dom0/overlay", "dom0/ovrlay"),
        "there is no folder dom0/ovrlay; did you mean dom0/overlay?",
        "recipes/dom0.toml: overlays[1]",
        "server/overlay",
    ),
    "an overlay that is a link to elsewhere": Bad(
        both(
            changed(RECIPE, "dom0/overlay", "dom0/other"),
            lambda scratch: scratch.path("recipes/dom0/other").symlink_to("/usr/share"),
        ),
        "dom0/other is a link that leads out of the recipes",
        "recipes/dom0.toml: overlays[1]",
        "/usr/share",
        "copy the folder",
    ),
    "a keyword misspelt": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.conf mdoe=0600\n"),
        "mdoe: unknown keyword; did you mean mode?",
        f"/{OVERLAY}.mtree:",
    ),
    "a mode that is none": Bad(
        added(f"{OVERLAY}.mtree", "./etc/rc.conf mode=0999\n"),
        "mode: '0999' is not a mode: use at most four octal digits",
        f"/{OVERLAY}.mtree:",
    ),
    "a time beyond what a CD can say": Bad(
        added(f"{OVERLAY}.mtree", "./late type=dir time=99999999999.0\n"),
        "late: the time 99999999999 cannot be written: a CD has one byte for the year: 1900 to",
        f"/{OVERLAY}.mtree:",
    ),
    "a time beyond what FFS can say": Bad(
        added("recipes/domu/base/overlay.mtree", "./late type=dir time=2147483648.0\n"),
        "late: the time 2147483648 cannot be written: FFS version 1 has 32 bits for it: 1901 to",
        "/recipes/domu/base/overlay.mtree:",
    ),
    "a device number NetBSD has not": Bad(
        added(f"{OVERLAY}.mtree", "./dev/x type=char device=netbsd,5000,1\n"),
        "device: 5000,1 is not a NetBSD device number",
        f"/{OVERLAY}.mtree:",
    ),
    "several files": Bad(
        both(
            changed(RECIPE, "XEN3_DOM0_CD", "XEN3_DOM0_DC"),
            changed(RECIPE, '"etc"]', '"ect"]'),
            added("recipes/domu/base.toml", "fre = 1\n"),
        ),
        "there are 3 problems",
        do="binary_sets in the release definition lists",
        problems=(
            "recipes/domu/base.toml: fre: unknown key; did you mean free?",
            (
                "recipes/dom0.toml: sets: the release has no set ect; did you mean etc? (known: "
                "base, etc)"
            ),
            (
                "kernel-configs: there is no kernel XEN3_DOM0_DC; did you mean XEN3_DOM0_CD? "
                "(known: XEN3_DOM0_CD, XEN3_DOM0_STICK, XEN3_DOMU_RO)"
            ),
        ),
    ),
    "an unknown domU": Bad(
        changed(RECIPE, '["base", "pkgrepo"]', '["base", "pkgrpeo"]'),
        "there is no recipe pkgrpeo; did you mean pkgrepo?",
        "recipes/domu",
        "base, pkgrepo",
    ),
    "an unknown kernel": Bad(
        changed(RECIPE, "XEN3_DOM0_CD", "XEN3_DOM0_DC"),
        "there is no kernel XEN3_DOM0_DC; did you mean XEN3_DOM0_CD?",
        "kernel-configs",
        "XEN3_DOM0_CD, XEN3_DOM0_STICK, XEN3_DOMU_RO",
    ),
    "an unknown set": Bad(
        changed(RECIPE, '"etc"]', '"ect"]'),
        "the release has no set ect; did you mean etc?",
        "recipes/dom0.toml: sets",
        "base, etc",
        "binary_sets",
    ),
    "a package that is not locked": Bad(
        changed(RECIPE, "net/rsync", "net/rsnyc"),
        "the lock was made for other packages",
        "recipes/dom0.toml: packages",
        do="doit lock release=mini",
        problems=(
            "net/rsnyc: not in the lock; did you mean net/rsync?",
            "rsync-3.4.1: in the lock, but no longer in the recipe",
        ),
    ),
    "a package by its base name": Bad(
        changed(RECIPE, '"net/rsync"', '"rsync", "rsnyc"'),
        "the lock was made for other packages",
        problems=("rsnyc: not in the lock; did you mean rsync?",),
    ),
    "a lock for other sets": Bad(
        changed(RELEASE, '"gnusrc"]', '"gnusrc", "xsrc"]'),
        "the lock was made for another release definition",
        LOCK,
        do="doit lock release=mini",
    ),
    "a lock for another signing key": Bad(
        changed(RELEASE, 'fingerprint = "', 'fingerprint = "0'),
        "the lock was made for another release definition",
        LOCK,
        do="doit lock release=mini",
    ),
    "no lock": Bad(
        lambda scratch: scratch.remove(LOCK),
        "the release mini has no lock",
        LOCK,
        do="doit lock release=mini",
    ),
    "a lock that is cut": Bad(
        lambda scratch: scratch.write(LOCK, scratch.read(LOCK)[:500]),
        "sets/mini.lock is damaged",
        LOCK,
        "line",
        "doit lock release=mini",
    ),
    "a lock of another form": Bad(
        changed(LOCK, '"lock": 1', '"lock": 2'),
        "sets/mini.lock has 1 problem",
        LOCK,
        problems=("lock: lock: unknown format 2; run `doit lock`",),
    ),
    "a digest in the lock that is none": Bad(
        changed(LOCK, f'"sha512": "{PINNED}', f'"sha512": "{PINNED[:-1]}'),
        "sets/mini.lock has 1 problem",
        problems=("files.amd64/binary/sets/base.tgz: a digest has the wrong length or form",),
    ),
    "a release without a signing key": Bad(
        changed(RELEASE, 'key = "keys/mini.asc"\n', ""),
        "sets/mini.toml has 1 problem",
        RELEASE,
        problems=("signature.key: missing",),
    ),
    "no key file": Bad(
        lambda scratch: scratch.remove("sets/keys/mini.asc"),
        "the signing key is missing",
        "keys/mini.asc",
        "the signed list of digests cannot be checked",
        "put it beside",
    ),
    "a lock without a set that a recipe uses": Bad(
        changed(LOCK, '"amd64/binary/sets/etc.tgz"', '"amd64/binary/sets/games.tgz"'),
        "the lock is incomplete",
        LOCK,
        do="complete it: doit lock release=mini",
        problems=("amd64/binary/sets/etc.tgz: not pinned",),
    ),
}


@pytest.mark.parametrize("name", CONFIGURATION)
def test_configuration(shared: Scratch, name: str) -> None:
    """It is told before anything runs, by every command; and nothing was lost."""
    bad, before = CONFIGURATION[name], snapshot(shared)
    try:
        bad.edit(shared)
        for command in ("iso", "plan"):
            ran = shared.doit(command, status=3)
            assert ran.out == ""
            check(ran, bad)
    finally:
        put_back(shared, before)


@pytest.mark.parametrize(
    ("words", "what", "why"),
    [
        (("iso", "release=minni"), "there is no release minni; did you mean mini?", "known: mini"),
        (("plan", "release=netbsd"), "there is no release netbsd", "known: mini"),
        (("isso",), "there is no task or command isso; did you mean iso?", "`doit list --all`"),
        (("plann",), "there is no task or command plann; did you mean plan?", "`doit help`"),
        (("plan", "images:cd"), "there is no task images:cd; did you mean image:cd?", "doit list"),
        (("why", "kernel:XEN3"), "there is no task kernel:XEN3; did you mean kernel:XEN3_", "all"),
        (("why", ""), "an argument on the command line is empty", "leave it out"),
        (("iso", ""), "an argument on the command line is empty", "leave it out"),
        (("gc", "x"), "doit gc takes no arguments, only settings: name=value", "'x'"),
        (("lock", "mini"), "doit lock takes no arguments, only settings: name=value", "'mini'"),
        (("packages-report", "x"), "doit packages-report takes no arguments", "'x'"),
    ],
)
def test_unknown_names(shared: Scratch, words: tuple[str, ...], what: str, why: str) -> None:
    ran = shared.doit(*words, status=3)
    assert f"ERROR: {what}" in ran.err
    assert why in ran.err
