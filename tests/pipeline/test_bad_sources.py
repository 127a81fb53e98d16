"""What comes in and is wrong, tools that fail or are missing: told, and nothing is lost."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pysequoia
import pytest
from support.checkouts.config_errors import Bad, Edit, check, put_back, snapshot, written
from support.checkouts.scratch import Scratch, base_digest, surroundings
from support.machines.namespace import unshare
from support.servers.mirror import Fault, Mirror

RECIPE = "recipes/dom0.toml"
LOCK = "sets/mini.lock"
STOPPED = "stopped      nothing was pinned: no lock of mini was written\n"
PINNED = base_digest()[:10]
OTHER = ("f" if PINNED[0] == "e" else "e") + PINNED[1:]
CONFIG = "kernel-configs/XEN3_DOM0_CD"
OVERLAY = "recipes/dom0/overlay"
LIST = "sets/mini/hashes.asc"
LIST_PATH = "NetBSD/security/hashes/NetBSD-mini_hashes.asc"
BASE = "NetBSD/NetBSD-mini/amd64/binary/sets/base.tgz"

# what comes in


FAULTS: dict[str, tuple[Fault, str]] = {
    "wrong content": (Fault("wrong"), "the checksum does not match"),
    "an HTML page": (Fault("page"), "the mirror sent a page instead of the file"),
    "not there": (Fault("status", status=404), "the server answered 404"),
    "a server's error": (Fault("status", status=500), "the server answered 500"),
    "cut": (Fault("cut", at=5000), ""),
    "another size": (Fault("other-size"), "the checksum does not match"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_mirror(scratch: Scratch, mirror: Mirror, name: str) -> None:
    """The error names the URL; with a good mirror only what is missing is fetched and unpacked."""
    fault, what = FAULTS[name]
    products = scratch.products()
    scratch.blob(scratch.outputs("fetch:amd64/binary/sets/base.tgz")["file"]).unlink()
    scratch.blob(scratch.outputs("unpack:base")["tree"]).unlink()
    mirror.misbehave(BASE, fault)
    ran = scratch.doit("iso", f"mirror={mirror.url}", status=1)
    assert f"ERROR: {what}" in ran.err
    assert f"  where: {mirror.url}/{BASE}" in ran.err
    if "checksum" in what:
        assert re.search(rf"SHA512 pinned {PINNED}\w{{118}}\n +SHA512 found  \w{{128}}\n", ran.err)
    assert scratch.products() == products
    mirror.misbehave(BASE, Fault("wrong"), times=0)
    ran = scratch.build("iso", f"mirror={mirror.url}")
    assert ran.built == {"fetch:amd64/binary/sets/base.tgz", "unpack:base"}
    assert scratch.products() == products


def test_a_mirror_that_is_not_there(bare: Scratch) -> None:
    ran = bare.doit("signature", "mirror=http://127.0.0.1:9", status=3)
    assert "no mirror answers (http://127.0.0.1:9: Connection refused)" in ran.err
    ran = bare.doit("signature", "mirror=/nonexistent", status=3)
    assert "no mirror answers (/nonexistent: no such folder)" in ran.err
    assert ran.out == ""


def test_waiting_for_a_busy_mirror_ends_at_once(bare: Scratch, mirror: Mirror) -> None:
    """What it waits for is told, and Ctrl-C need not wait."""
    mirror.misbehave(LIST_PATH, Fault("status", status=503, after="30"))
    command = subprocess.Popen(
        bare.argv("lock", f"mirror={mirror.url}"),
        cwd=bare.root,
        env=surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    line = command.stdout.readline()
    assert line.endswith(
        "the server answered 503 Service Unavailable; trying again in 30 s (2 of 4)\n"
    )
    started = time.monotonic()
    command.send_signal(signal.SIGTERM)
    assert command.wait(25) == 128 + signal.SIGTERM
    assert time.monotonic() - started < 25
    command.stdout.close()


def forged(signer: pysequoia.Tsk | None) -> Edit:
    """The list as its signer wrote it with one digest changed, or signed by somebody else."""

    def edit(scratch: Scratch) -> None:
        text = scratch.read(LIST)
        if signer is None:
            scratch.edit(LIST, f"base.tgz) = {PINNED}", f"base.tgz) = {OTHER}")
            return
        payload = "".join(re.findall(r"^SHA512 .*\n", text, re.MULTILINE)).encode()
        signed = pysequoia.sign(signer.signer(), payload, mode=pysequoia.SignatureMode.CLEAR)
        scratch.path(LIST).write_bytes(signed)

    return edit


FORGERIES: dict[str, Bad] = {
    "a changed digest": Bad(
        forged(None), "the signature is not good", "hashes.asc", "no valid", "nothing of it is"
    ),
    "another signer": Bad(
        forged(pysequoia.Tsk.generate("somebody else")),
        "the signature is not good",
        "hashes.asc",
        "",
        "signed with another key",
    ),
    "no signature": Bad(
        written(LIST, "SHA512 (NetBSD-mini/source/sets/src.tgz) = " + "0" * 128 + "\n"),
        "the list is not signed",
        "hashes.asc",
        "no clear-signed block",
        "fetch it from",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_list_is_not_locked(scratch: Scratch, name: str) -> None:
    bad, before, lock = FORGERIES[name], snapshot(scratch), scratch.read(LOCK)
    bad.edit(scratch)
    ran = scratch.doit("lock", status=3)
    check(ran, bad)
    assert ran.out.endswith(STOPPED)
    assert scratch.read(LOCK) == lock
    put_back(scratch, before)
    assert scratch.build("iso").built <= {"iso", "mirror"}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_list_that_was_locked_all_the_same(scratch: Scratch, name: str) -> None:
    """Whoever changes list and lock still cannot sign."""
    bad, before = FORGERIES[name], snapshot(scratch)
    bad.edit(scratch)
    data = scratch.path(LIST).read_bytes()
    head, _, rest = scratch.read(LOCK).partition(' "files"')
    pins = {"sha512": hashlib.sha512(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
    for algorithm, value in pins.items():
        head = re.sub(rf'"{algorithm}": "\w+"', f'"{algorithm}": "{value}"', head)
    head = re.sub(r'"size": \d+', f'"size": {len(data)}', head)
    scratch.write(LOCK, f'{head} "files"{rest}')
    ran = scratch.doit("iso", status=1)
    assert f"ERROR: {bad.what}" in ran.err
    assert "FAILED   signature" in ran.out
    put_back(scratch, before)
    assert scratch.build("iso").built <= {"iso", "mirror"}


def test_a_set_that_changed_since_it_was_locked(scratch: Scratch, mirror: Mirror) -> None:
    """What others publish does not change: both digests are shown, and nothing is written."""
    scratch.edit("sets/mini.toml", 'mirror_source = "mini"\n', "")
    scratch.edit("sets/mini.toml", "mirrors = []", f'mirrors = ["{mirror.url}"]')
    lock = scratch.read(LOCK)
    assert scratch.doit("lock").out.count("as locked") == 6
    assert scratch.read(LOCK) == lock
    scratch.edit(LOCK, f'"{PINNED}', f'"{OTHER}')
    wrong = scratch.read(LOCK)
    ran = scratch.doit("lock", status=3)
    assert "ERROR: amd64/binary/sets/base.tgz has changed since the lock was made" in ran.err
    assert re.search(rf"locked {OTHER}\w{{118}}\n +signed {PINNED}\w{{118}}\n", ran.err)
    assert scratch.read(LOCK) == wrong


def test_packages_that_install_one_file(scratch: Scratch) -> None:
    scratch.write("sets/mini/packages/rsync/files/bin/lz4", "Not lz4.\n")
    scratch.doit("lock")
    ran = scratch.doit("iso", status=1)
    assert "ERROR: lz4-1.10.0 and rsync-3.4.1 both install /usr/pkg/bin/lz4" in ran.err
    assert "  do:    remove one of them from the recipe" in ran.err


def test_a_lock_for_a_package_that_is_not_there(scratch: Scratch) -> None:
    scratch.edit(RECIPE, "net/rsync", "net/rsnyc")
    lock = scratch.read(LOCK)
    ran = scratch.doit("lock", status=3)
    assert "set          amd64/binary/sets/base.tgz: pinned\n" in ran.out
    assert ran.out.endswith(STOPPED)
    assert scratch.read(LOCK) == lock
    assert "ERROR: no package matches net/rsnyc" in ran.err
    assert "there is net/rsync" in ran.err


# tools


def test_a_kernel_configuration_with_an_unknown_option(scratch: Scratch) -> None:
    """The log's last lines say it, and the command that is shown does it again."""
    text, products = scratch.read(CONFIG), scratch.products()
    scratch.append(CONFIG, "options \tNO_SUCH_THING\n")
    ran = scratch.doit("iso", status=1)
    assert "where: stage kernel:XEN3_DOM0_CD" in ran.err
    said = f"XEN3_DOM0_CD:{scratch.read(CONFIG).count(chr(10))}: unknown option `NO_SUCH_THING'"
    assert f"  why:   kernel-configs/{said}\n" in ran.err
    (log,) = re.findall(r"^  log:   (.*)$", ran.err, re.MULTILINE)
    assert said in Path(log).read_text()
    (command,) = re.findall(r"^  again: (.*)$", ran.err, re.MULTILINE)
    assert "env -i" in command
    again = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert again.returncode != 0
    assert said in again.stdout + again.stderr
    assert scratch.products() == products
    scratch.write(CONFIG, text)
    assert scratch.doit("iso").text == ""


def test_a_source_that_does_not_compile(scratch: Scratch) -> None:
    scratch.write(
        "kernel-configs/XEN3_DOM0_CD", scratch.read(CONFIG) + 'options \tBOOT_MESSAGE="no string"\n'
    )
    ran = scratch.doit("iso", status=1)
    assert "where: stage kernel:XEN3_DOM0_CD" in ran.err
    assert re.search(r"^  why:   .*: error: ", ran.err, re.MULTILINE)
    (log,) = re.findall(r"^  log:   (.*)$", ran.err, re.MULTILINE)
    assert "error: " in Path(log).read_text()
    assert shlex.split(re.findall(r"^  again: (.*)$", ran.err, re.MULTILINE)[0])[0] == "cd"


def test_a_missing_tool(scratch: Scratch) -> None:
    hidden = [
        *unshare("--mount"),
        "sh",
        "-c",
        'mount --bind /dev/null /usr/bin/grub-mkimage && exec "$@"',
        "sh",
    ]
    ran = scratch.doit("iso", before=hidden, status=1)
    assert "ERROR: the tool grub-mkimage is not installed" in ran.err
    assert "  where: stage grub:" in ran.err
    assert "  do:    apt-get install grub-common" in ran.err
    assert scratch.doit("iso").text == ""


def test_a_file_name_cannot_steer_the_terminal(scratch: Scratch) -> None:
    """Nor does one that is no text stop a run, or what is told of it."""
    name = os.fsdecode(b"new\nline \x1b[31m\xff")
    scratch.path(f"{OVERLAY}/{name}").write_text("Odd.\n")
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    for words in (("plan",), ("why",), ("iso",)):
        ran = scratch.doit(*words, environment=strict)
        assert "new\\nline \\x1b[31m\\udcff" in ran.out
        assert "\x1b" not in ran.out
