"""What a signal leaves behind: no process, no traceback, nothing that stops the next run."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Sequence

import pytest
from support.checkouts.fault_checkout import Attempt, Victim, wait_until
from support.faults.slow_compiler import SlowCompiler, alive

pytestmark = pytest.mark.pipeline

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _at_the_compiler(victim: Victim, compiler: SlowCompiler) -> tuple[Attempt, list[int]]:
    """A run whose compiler stands still, and the compiler's processes."""
    compiler.stop()
    attempt = victim.start("iso", "progress=json")
    pids = compiler.reached()
    assert all(map(alive, pids))
    return attempt, pids


def _assert_nothing_runs(victim: Victim, pids: Sequence[int]) -> None:
    wait_until(lambda: not any(map(alive, pids)), "what was killed ends")
    assert victim.processes() == {}


@pytest.mark.parametrize("kind", ["tame", "stubborn", "daemon"])
def test_a_signal_ends_the_tools_too(victim: Victim, kind: str) -> None:
    iso = victim.iso()
    compiler = SlowCompiler(victim, kind)
    for number, group in itertools.product(SIGNALS, (False, True)):
        attempt, pids = _at_the_compiler(victim, compiler)
        attempt.signal(number, group=group)
        ended = attempt.wait()
        assert ended.status == 128 + number, ended.report()
        assert ended.err == ""
        assert not [event for event in ended.events if event["event"] == "error"], ended.report()
        _assert_nothing_runs(victim, pids)
    compiler.go()
    assert "toolchain" in victim.build().stages()
    assert victim.iso() == iso


@pytest.mark.parametrize("kind", ["stubborn", "daemon"])
def test_kill_leaves_tools_which_the_next_run_ends(victim: Victim, kind: str) -> None:
    iso = victim.iso()
    compiler = SlowCompiler(victim, kind)
    attempt, orphans = _at_the_compiler(victim, compiler)
    attempt.signal(signal.SIGKILL, group=True)
    attempt.wait()
    assert all(map(alive, orphans))  # nobody could end them
    attempt, pids = _at_the_compiler(victim, compiler)
    assert [pid for pid in orphans if alive(pid)] == []  # ended before a tool ran beside them
    compiler.go()
    ended = attempt.wait().good()
    assert victim.iso() == iso
    assert "toolchain" in ended.stages()
    _assert_nothing_runs(victim, [*orphans, *pids])
    assert victim.build().out == ""


def test_a_signal_while_waiting_for_another_run(victim: Victim) -> None:
    compiler = SlowCompiler(victim)
    first, pids = _at_the_compiler(victim, compiler)
    for number in SIGNALS:
        second = victim.start("iso", "progress=plain")
        wait_until(lambda: "waiting" in second.out, "it waits")  # noqa: B023  called at once
        second.signal(number)
        ended = second.wait()
        assert ended.status == 128 + number, ended.report()
        assert ended.err == ""
        assert all(map(alive, pids))  # they are the first one's
    compiler.go()
    first.wait().good()


def test_a_signal_that_the_caller_ignores_stays_ignored(victim: Victim) -> None:
    """nohup(1)."""
    compiler = SlowCompiler(victim)
    compiler.stop()
    attempt = victim.start("iso", "progress=json", wrap=["nohup"])
    compiler.reached()
    assert attempt.handles(signal.SIGTERM)
    attempt.signal(signal.SIGHUP, group=True)
    compiler.go()
    attempt.wait().good()


def test_other_commands_end_quietly(victim: Victim) -> None:
    compiler = SlowCompiler(victim)
    first, _ = _at_the_compiler(victim, compiler)
    gc = victim.start("gc")
    wait_until(lambda: "waiting" in gc.err, "it says that it waits")
    gc.signal(signal.SIGINT)
    ended = gc.wait()
    assert ended.status == 128 + signal.SIGINT, ended.report()
    assert "Traceback" not in ended.err
    first.signal(signal.SIGTERM)
    first.wait()
