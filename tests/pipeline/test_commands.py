"""The commands beside building: list, plan, why, lock, gc, verify, and the settings."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from support.checkouts.scratch import Ran, Scratch
from support.servers.mirror import Mirror

RC_CONF = "recipes/dom0/overlay/etc/rc.conf"
CONFIG = "kernel-configs/XEN3_DOM0_CD"
LZ4 = "sets/mini/packages/lz4/package.toml"
BASE_SET = "NetBSD/NetBSD-mini/amd64/binary/sets/base.tgz"


def rows(ran: Ran) -> dict[str, list[str]]:
    """First word of each line, and the rest."""
    return {words[0]: words[1:] for words in map(str.split, ran.out.splitlines()) if words}


# list, help, completion


def test_list_tells_what_each_task_is_for(bare: Scratch) -> None:
    """Before anything was built, and from the memory of a run."""
    listed = rows(bare.doit("list"))
    assert set(listed) >= {"iso", "domu-images", "verify", "boot-test", "fetch", "kernel", "mirror"}
    assert all(listed.values()), listed
    every = rows(bare.doit("list", "--all"))
    assert set(every) >= {"kernel:XEN3_DOM0_CD", "domu-images:base", "image:cd", "unpack:base"}
    assert all(every.values()), every
    assert not bare.path("dist").exists()


def test_list_is_the_same_after_a_build(scratch: Scratch) -> None:
    before = scratch.doit("list", "--all").out
    scratch.doit("iso")
    assert scratch.doit("list", "--all").out == before


def test_help_names_our_commands(shared: Scratch) -> None:
    text = shared.doit("help").out
    for command in ("plan", "why", "lock", "gc", "site-init", "site-check"):
        assert f" {command} " in text
        about = shared.doit("help", command).out
        assert "PURPOSE" in about
        assert "DESCRIPTION" in about
    assert "build the boot CD" in shared.doit("help", "iso").out


def test_completion_knows_commands_and_tasks(shared: Scratch) -> None:
    script = shared.doit("tabcompletion", "--hardcode-tasks").out
    for word in ("why", "plan", "lock", "gc", "site-init", "site-check", "iso", "domu-images"):
        assert f" {word} " in script.replace('"', " ")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


# plan and why


def test_a_plan_of_nothing_is_empty(shared: Scratch) -> None:
    assert shared.doit("plan").text == ""
    assert json.loads(shared.doit("plan", "--json").out) == []
    assert shared.doit("why").text == "nothing would run\n"
    assert json.loads(shared.doit("why", "--json").out) == {}


def test_checks_have_a_plan_too(shared: Scratch) -> None:
    """Of a check only what it needs can be told."""
    assert shared.doit("plan", "verify", "boot-test").text == ""


@pytest.mark.parametrize("command", ["clean", "dumpdb", "forget", "ignore", "reset-dep"])
def test_commands_of_doit_that_do_nothing_say_so(shared: Scratch, command: str) -> None:
    ran = shared.doit(command, status=3)
    assert f"doit {command} does nothing here" in ran.err
    assert "do:" in ran.err
    assert "(not used here: " in shared.doit("help", command).out


def test_a_plan_for_a_fresh_checkout(bare: Scratch) -> None:
    planned = rows(bare.doit("plan"))
    assert planned["press"][0] == "build"
    assert planned["fetch:list"][0] == "build"
    assert planned["image:cd"][0] == "depends"
    assert planned["iso"][0] == "depends"
    assert "domu-images:base" not in planned
    assert not bare.path("dist").exists()


def planned(scratch: Scratch, *words: str) -> dict[str, str]:
    """Task to verdict."""
    listed: list[dict[str, Any]] = json.loads(scratch.doit("plan", "--json", *words).out)
    assert all(item["reasons"] for item in listed)
    return {item["task"]: item["verdict"] for item in listed}


def kernel_there_and_back(scratch: Scratch) -> None:
    text = scratch.read(CONFIG)
    scratch.append(CONFIG, "options \tDIAGNOSTIC\n")
    scratch.doit("iso")
    scratch.write(CONFIG, text)


def unused_code(scratch: Scratch) -> None:
    scratch.append("buildlib/stages/inputs/unpack.py", "\n\nUNUSED = 1\n")


EDITS: dict[str, Callable[[Scratch], object]] = {
    "an overlay": lambda scratch: scratch.append(RC_CONF, "sshd=YES\n"),
    "a kernel configuration": lambda scratch: scratch.append(CONFIG, "options \tDIAGNOSTIC\n"),
    "a kernel configuration, and back": kernel_there_and_back,
    "code without effect": unused_code,
    "the boot menu": lambda scratch: scratch.edit(
        "recipes/dom0.toml", "timeout = 3", "timeout = 9"
    ),
    "a product deleted": lambda scratch: scratch.product().unlink(),
    "a side file deleted": lambda scratch: scratch.product("mini-dom0.iso.json").unlink(),
    "a signing key's file": lambda scratch: scratch.append("sets/keys/mini.asc", "\nA remark.\n"),
    "a blob deleted": lambda scratch: scratch.blob(
        scratch.outputs("kernel:XEN3_DOM0_CD")["kernel"]
    ).unlink(),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_plan_tells_what_will_run_and_changes_nothing(scratch: Scratch, name: str) -> None:
    """What it is sure of comes true; what it says depends may still be cut off."""
    planned(scratch)  # whoever looks first at a store that was copied reads it and seals it anew
    EDITS[name](scratch)
    before = scratch.listing("build")
    products = scratch.listing("dist")
    plan = planned(scratch)
    assert without_memory(scratch.listing("build")) == without_memory(before)
    assert scratch.listing("dist") == products
    ran = scratch.build("iso")
    certain = {task for task, verdict in plan.items() if verdict == "build"}
    restored = {task for task, verdict in plan.items() if verdict == "restore"}
    assert certain <= ran.built
    assert restored == ran.restored
    assert ran.built <= plan.keys()
    assert plan
    assert planned(scratch) == {}


def without_memory(listing: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Without the memory of digests; a folder's own times change when it is written to."""
    return {
        path: marks
        for path, marks in listing.items()
        if path not in {"build/store/seen.json", "build/store", "build/store/tmp"}
    }


def test_why_tells_the_root_cause_first(scratch: Scratch) -> None:
    scratch.append(RC_CONF, "sshd=YES\n")
    unused_code(scratch)
    told: dict[str, list[str]] = json.loads(scratch.doit("why", "--json").out)
    assert next(iter(told)).startswith("unpack:")
    assert told["unpack:base"][0].startswith("code of buildlib.stages.inputs.unpack changed: ")
    assert told["root:dom0"] == ["uses an output of unpack:base"]
    one = scratch.doit("why", "unpack:etc").out
    assert one.startswith("unpack:etc: build\n    code of buildlib.stages.inputs.unpack changed: ")
    assert "root" not in one


WHY: dict[str, tuple[Callable[[Scratch], object], str, str]] = {
    "a file": (EDITS["an overlay"], "root:dom0", f"file {RC_CONF} changed: "),
    "a new file": (
        lambda scratch: scratch.write("recipes/dom0/overlay/etc/motd", "Hello.\n"),
        "root:dom0",
        "file recipes/dom0/overlay/etc/motd is new ",
    ),
    "a spec": (
        lambda scratch: scratch.append("recipes/dom0/overlay.mtree", "# More.\n"),
        "root:dom0",
        "file recipes/dom0/overlay.mtree changed: ",
    ),
    "a configuration": (
        EDITS["a kernel configuration"],
        "kernel:XEN3_DOM0_CD",
        f"file {CONFIG} changed: ",
    ),
    "a parameter": (
        lambda scratch: scratch.append("recipes/domu/base.toml", 'free = "20%"\n'),
        "image:base",
        "free changed: 5% → 20%",
    ),
    "a menu": (EDITS["the boot menu"], "tree:cd", "set timeout=3 → set timeout=9"),
    "a blob": (EDITS["a blob deleted"], "kernel:XEN3_DOM0_CD", "was deleted or damaged"),
}


@pytest.mark.parametrize("name", WHY)
def test_why_names_what_changed_from_what_to_what(scratch: Scratch, name: str) -> None:
    """And the run that follows gives the same reason."""
    edit, task, reason = WHY[name]
    edit(scratch)
    told: dict[str, list[str]] = json.loads(scratch.doit("why", "--json").out)
    assert reason in told[task][0]
    started = {
        event["stage"]: event["reasons"]
        for event in scratch.build("iso").events
        if event["event"] == "started"
    }
    assert started[task] == told[task]


# lock


def test_lock_writes_the_same_again(scratch: Scratch, mirror: Mirror) -> None:
    before = scratch.path("sets/mini.lock").read_bytes()
    for words in (("lock",), ("lock", "release=mini", f"mirror={mirror.url}")):
        said = scratch.doit(*words).out
        assert "NetBSD-mini_hashes.asc: good" in said
        assert not {"add", "upgrade", "drop"} & {line.split()[0] for line in said.splitlines()}
        assert scratch.path("sets/mini.lock").read_bytes() == before
    asked = {path for path, _ in mirror.requests}
    assert BASE_SET.replace("base.tgz", "SHA512") in asked
    assert BASE_SET not in asked  # the signed list tells its digest, the store has its libraries
    assert scratch.doit("iso").text == ""


def test_lock_tells_what_changed(scratch: Scratch) -> None:
    scratch.edit(LZ4, "lz4-1.10.0", "lz4-1.10.1")
    scratch.edit("recipes/domu/pkgrepo.toml", '"pkgtools/pkg_chk", ', "")
    stale = scratch.doit("iso", status=3)
    assert "run: doit lock release=mini" in stale.err
    said = scratch.doit("lock").out
    assert "\nupgrade      lz4 1.10.0 → 1.10.1\n" in said
    assert "\ndrop         pkg_chk 2.1.2\n" in said
    scratch.doit("iso")
    scratch.edit("recipes/domu/base.toml", "packages = [", 'packages = ["www/bozohttpd", ')
    assert "\nadd          bozohttpd 20240428\n" in scratch.doit("lock").out
    ran = scratch.build("iso")
    assert ran.built >= {"packages:base", "root:base", "image:base", "iso"}
    assert not ran.built & {"packages:dom0", "root:pkgrepo", "unpack:base", "toolchain"}


# gc


def test_gc_keeps_what_the_last_builds_need(scratch: Scratch) -> None:
    products = scratch.products()
    text = scratch.read(RC_CONF)
    scratch.append(RC_CONF, "sshd=YES\n")
    scratch.doit("iso")
    size = sum(marks[1] for marks in scratch.listing("build").values())
    said = scratch.doit("gc").out
    assert said.startswith("removed ")
    assert "removed 0 files" not in said
    assert sum(marks[1] for marks in scratch.listing("build").values()) < size
    assert planned(scratch, "iso", "domu-images") == {}
    for _ in range(2):
        assert scratch.doit("iso", "domu-images").text == ""
    assert scratch.doit("gc").out == "removed 0 files, 0 B\n"
    scratch.write(RC_CONF, text)  # what it was before is gone, and is made again
    assert scratch.build("iso").built >= {"root:dom0", "image:cd", "iso"}
    assert scratch.products() == products


# verify


def test_verify_says_what_was_checked_against_what(shared: Scratch) -> None:
    told = {line.split()[1]: line for line in shared.doit("verify").out.splitlines()}
    fingerprint = tomllib.loads(shared.read("sets/mini.toml"))["signature"]["fingerprint"]
    assert f"good signature by {fingerprint.upper()}" in told["keys/mini.asc"]
    assert told[BASE_SET].endswith("lock, signature, MD5, SHA512")
    assert told["pkgsrc/packages/NetBSD/x86_64/1.0/All/lz4-1.10.0.tgz"].endswith(" lock")
    assert all(line.startswith("ok ") for line in told.values())


def test_verify_before_anything_was_fetched(bare: Scratch) -> None:
    *lines, last = bare.doit("verify").out.splitlines()
    assert last == "-  build and products  nothing there yet"
    assert len(lines) > 15
    assert all(line.startswith("-") and line.endswith("not fetched yet") for line in lines)


@pytest.mark.parametrize(
    ("name", "seal"),
    [
        (BASE_SET, "broken"),
        (BASE_SET, "kept"),
        ("NetBSD/security/hashes/NetBSD-mini_hashes.asc", "broken"),
        ("NetBSD/NetBSD-mini/source/sets/SHA512", "kept"),
        ("pkgsrc/packages/NetBSD/x86_64/1.0/All/lz4-1.10.0.tgz", "kept"),
    ],
)
def test_verify_removes_what_is_damaged(
    scratch: Scratch, mirror: Mirror, name: str, seal: str
) -> None:
    (sha256,) = {
        value
        for stage in ("list", "source/sets/SHA512", "amd64/binary/sets/base.tgz", "lz4-1.10.0.tgz")
        if name.endswith(stage) or (stage == "list" and name.endswith(".asc"))
        for value in scratch.outputs(f"fetch:{stage}").values()
    }
    blob = scratch.blob(sha256)
    status = blob.stat()
    blob.unlink()  # the mirror's copy is another name of it
    blob.write_bytes(bytes(status.st_size))
    if seal == "kept":
        shutil.copystat(scratch.product(), blob)
    ran = scratch.doit("verify", status=1)
    assert "the file has a wrong digest" in ran.err
    assert f"where: {name}" in ran.err
    assert "why:   lock: " in ran.err
    assert not blob.exists()
    assert f"-   {name}" in scratch.doit("verify").out
    assert scratch.build("iso", f"mirror={mirror.url}").built == {
        f"fetch:{name.rpartition('/')[2]}"
        if name.startswith("pkgsrc")
        else "fetch:list"
        if name.endswith(".asc")
        else f"fetch:{name.removeprefix('NetBSD/NetBSD-mini/')}"
    }
    assert all(line.startswith("ok ") for line in scratch.doit("verify").out.splitlines())
