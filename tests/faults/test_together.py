"""Several runs at once in one checkout: they wait for each other, share work, corrupt nothing."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter

import pytest
from support.checkouts.fault_checkout import Victim, wait_until
from support.faults.kill_stress import products
from support.faults.slow_compiler import SlowCompiler

pytestmark = pytest.mark.pipeline


def _all_at_once(victim: Victim, *tasks: str) -> Counter[str]:
    """Start runs of all tasks at the same time; how often each stage was built."""
    attempts = [victim.start(task, "progress=json") for task in tasks]
    ended = [attempt.wait().good() for attempt in attempts]
    assert [run.err for run in ended] == [""] * len(tasks)
    return Counter(stage for run in ended for stage in run.stages())


def test_three_builds_from_nothing(victim: Victim) -> None:
    right = products(victim.dist)
    shutil.rmtree(victim.folder / "build")
    shutil.rmtree(victim.dist)
    built = _all_at_once(victim, "iso", "iso", "iso")
    assert set(built.values()) == {1}, built
    assert products(victim.dist) == right
    assert victim.build().out == ""


def test_other_tasks_on_a_store_half_built(victim: Victim) -> None:
    right = products(victim.dist)
    shutil.rmtree(victim.folder / "build")
    attempt = victim.start("iso", "progress=json")
    wait_until(lambda: '"kernel' in attempt.out, "a kernel is being compiled")
    attempt.signal(signal.SIGKILL)
    before = attempt.wait().stages()
    built = _all_at_once(victim, "kernel", "iso", "domu-images")
    assert set(built.values()) == {1}, built
    assert not set(built) & set(before)
    assert products(victim.dist).items() >= right.items()


def test_what_can_be_done_while_a_run_is_at_work(victim: Victim) -> None:
    """Whatever needs no writing goes on; what does waits, and says so."""
    right = victim.iso()
    compiler = SlowCompiler(victim)
    compiler.stop()
    first = victim.start("iso", "progress=json")
    compiler.reached()
    assert victim.run("grub", "progress=json").good().out == ""  # is up to date: no need to wait
    assert "toolchain" in victim.run("list", "--all").good().out
    assert "HOST_CC" in victim.run("why", "toolchain").good().out
    planned = json.loads(victim.run("plan", "--json").good().out)
    assert "toolchain" in {row["task"] for row in planned}
    others = [victim.start("gc"), victim.start("iso"), victim.start("kernel")]
    for other in others:
        wait_until(lambda: "waiting" in other.out + other.err, "it waits")  # noqa: B023  called at once
        assert str(first.pid) in other.out + other.err
    assert first.process.poll() is None
    compiler.go()
    for attempt in (first, *others):
        ended = attempt.wait().good()
        assert "Traceback" not in ended.err, ended.report()
    assert victim.iso() == right
    victim.build()
    assert victim.build().out == ""
    assert victim.iso() == right


def test_looking_on_all_the_time(victim: Victim) -> None:
    """Commands that only read find a store in which things appear; it never looks damaged."""
    right = victim.iso()
    shutil.rmtree(victim.folder / "build")
    attempt = victim.start("iso", "progress=json")
    while attempt.process.poll() is None:
        victim.run("plan").good()
    ended = attempt.wait().good()
    assert "made again" not in ended.out, ended.report()
    assert victim.iso() == right
