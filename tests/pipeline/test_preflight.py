"""What would make a long build fail is told before it begins, at once; short ones ask nothing."""

from __future__ import annotations

import json

from support.checkouts.scratch import Ran, Scratch

RELEASE = "sets/mini.toml"
LOCK = "sets/mini.lock"
RC_CONF = "recipes/dom0/overlay/etc/rc.conf"
CONFIG = "kernel-configs/XEN3_DOM0_CD"
DEAD = "mirror=http://127.0.0.1:9"
SET = "source/sets/src.tgz"


def want_room(scratch: Scratch) -> None:
    """Say that the toolchain takes more than any disk has."""
    scratch.edit(RELEASE, "toolchain = 1", "toolchain = 90_000_000_000")


def want_compiler(scratch: Scratch) -> None:
    """Name a compiler nobody has, and a header."""
    scratch.edit(
        RELEASE, "headers = []", 'c = "gcc-99"\nheaders = ["no/such/header.h"]\nnewest = 1'
    )


def problems(ran: Ran) -> list[str]:
    return [line.removeprefix("  - ") for line in ran.err.splitlines() if line.startswith("  - ")]


def begins(told: list[str], *beginnings: str) -> None:
    assert len(told) == len(beginnings), told
    for problem, beginning in zip(told, beginnings, strict=True):
        assert problem.startswith(beginning), told


HOST = (
    "the build needs 90000000.2 GB, ",
    "the compiler gcc-99 is not installed: ",
    "c++ is version ",
    "the compiler does not find the header no/such/header.h",
)


def test_all_is_told_together_and_nothing_is_begun(bare: Scratch) -> None:
    want_room(bare)
    want_compiler(bare)
    ran = bare.doit("iso", DEAD, status=3)
    assert "ERROR: this build cannot succeed" in ran.err
    assert ran.err.count("ERROR") == 1
    begins(problems(ran), *HOST, "no mirror answers (http://127.0.0.1:9: Connection refused)")
    assert ran.out == ""
    assert not list(bare.path("build/store/records").rglob("*.json"))
    assert not bare.path("build/partial").exists()
    assert not list(bare.path("build/store/tmp").iterdir())


def test_programs_are_told_too(bare: Scratch) -> None:
    want_room(bare)
    ran = bare.build("iso", status=3)
    (error,) = ran.errors
    assert error["reason"] == "preflight"
    begins(error["problems"], "the build needs ")
    assert [event["event"] for event in ran.events] == ["error"]


def test_what_does_not_need_it_is_made_all_the_same(bare: Scratch) -> None:
    """The mirror, the signature and a domU's packages take no compiler and little room."""
    want_room(bare)
    want_compiler(bare)
    assert "packages:pkgrepo" in bare.build("packages:pkgrepo").built


def test_a_lock_that_comes_short_hides_nothing(bare: Scratch) -> None:
    want_room(bare)
    want_compiler(bare)
    lock = json.loads(bare.read(LOCK))
    del lock["files"][SET]
    bare.write(LOCK, json.dumps(lock))
    ran = bare.doit("iso", status=3)
    assert "ERROR: the lock " in ran.err
    assert "doit lock release=mini" in ran.err
    begins(problems(ran), f"{SET}: ", *HOST)
    begins(problems(bare.doit("iso", DEAD, status=3)), f"{SET}: ", *HOST, "no mirror answers")
    for command in ("list", "plan"):  # they run nothing
        begins(problems(bare.doit(command, status=3)), f"{SET}: ")


def test_no_lock_at_all(bare: Scratch) -> None:
    want_compiler(bare)
    bare.remove(LOCK)
    ran = bare.doit(status=3)
    assert "ERROR: the release mini has no lock" in ran.err
    begins(problems(ran), *HOST[1:])


def test_short_runs_ask_nothing(scratch: Scratch) -> None:
    """Neither disk nor compilers nor mirrors: what stands would all be wrong."""
    want_room(scratch)
    scratch.edit(RELEASE, "headers = []", 'headers = ["no/such/header.h"]')
    assert scratch.build("iso", "domu-images", DEAD).built == set()
    scratch.append(RC_CONF, "sshd=YES\n")
    assert "root:dom0" in scratch.build("iso", DEAD).built


def test_a_toolchain_is_counted_where_it_has_to_be_made(scratch: Scratch) -> None:
    """The template has no work folders: for the first kernel the tools are made again."""
    scratch.append(CONFIG, "options \tDIAGNOSTIC\n")
    good = scratch.read(RELEASE)
    want_room(scratch)
    begins(problems(scratch.doit("iso", status=3)), "the build needs ")
    scratch.write(RELEASE, good)
    assert "kernel:XEN3_DOM0_CD" in scratch.build("iso").built
    want_room(scratch)
    scratch.append(CONFIG, "options \tLOCKDEBUG\n")
    assert "kernel:XEN3_DOM0_CD" in scratch.build("iso").built
    scratch.append("buildlib/stages/netbsd/toolchain.py", "\n\nUNUSED = 1\n")  # the folder stands
    assert "toolchain" in scratch.build("iso").built
