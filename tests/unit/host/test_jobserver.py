"""Slots: never more are handed out than there are, and none is lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from buildlib.host.jobserver import TOKEN, Slots, TokenPipe


def _eventually(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def four() -> Iterator[Slots]:
    slots = Slots(4)
    yield slots
    with slots.one(), slots.share() as share:
        assert share.waiting() == 3  # all came back


def _take(share: TokenPipe, count: int) -> bytes:
    return os.read(share.read, count)


def test_a_make_alone_gets_all_slots_but_its_own(four: Slots) -> None:
    with four.one(), four.share() as share:
        assert share.waiting() == 3


def test_two_makes_share(four: Slots) -> None:
    with four.one(), four.share() as first, four.one(), four.share() as second:
        _eventually(lambda: first.waiting() + second.waiting() == 2)
        _eventually(lambda: first.waiting() == second.waiting() == 1)


def test_what_one_does_not_take_the_other_gets(four: Slots) -> None:
    with four.one(), four.share() as first, four.one(), four.share() as second:
        _eventually(lambda: second.waiting() == 1)
        _take(second, 1)
        _eventually(lambda: second.waiting() == 1)
        assert first.waiting() == 0
        os.write(second.write, TOKEN)


def test_a_stage_that_waits_comes_before_more_jobs(four: Slots) -> None:
    with four.one(), four.share() as share:
        begun = [threading.Event() for _ in range(3)]
        end = threading.Event()

        def stage(number: int) -> None:
            with four.one():
                begun[number].set()
                end.wait(5)

        threads = [threading.Thread(target=stage, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        assert all(event.wait(5) for event in begun)
        assert share.waiting() == 0
        end.set()
        for thread in threads:
            thread.join()


def test_no_more_than_there_are(four: Slots) -> None:
    held, most, lock = 0, 0, threading.Lock()

    def stage() -> None:
        nonlocal held, most
        with four.one():
            with lock:
                held += 1
                most = max(most, held)
            time.sleep(0.01)
            with lock:
                held -= 1

    threads = [threading.Thread(target=stage) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 4


@pytest.mark.parametrize("left", [b"", b"E", b"+"])
def test_a_make_that_dies_costs_the_others_nothing(four: Slots, left: bytes) -> None:
    """make drains its pipe and leaves an error token; a killed one leaves nothing."""
    with four.one(), four.share() as other:
        with four.one(), four.share() as dying:
            _eventually(lambda: other.waiting() + dying.waiting() == 2)
            if dying.waiting():
                _take(dying, 9)
            os.write(dying.write, left)
            time.sleep(0.12)
        _eventually(lambda: other.waiting() == 3)


def test_one_slot_is_enough() -> None:
    slots = Slots(1)
    with slots.one(), slots.share() as share:
        assert share.waiting() == 0
    with slots.one(), slots.share() as share:
        assert share.waiting() == 0


def test_pipes_are_not_inherited() -> None:
    with Slots(2).share() as share:
        assert not os.get_inheritable(share.read)
        assert not os.get_inheritable(share.write)


@pytest.fixture
def pipe() -> Iterator[TokenPipe]:
    """A pipe as `share` makes it."""
    read, write = os.pipe2(os.O_NONBLOCK)
    yield TokenPipe(read, write)
    os.close(read)
    os.close(write)


def test_tokens_are_put_and_taken_back(pipe: TokenPipe) -> None:
    assert (pipe.waiting(), pipe.granted) == (0, 0)
    pipe.put(3)
    assert (pipe.waiting(), pipe.granted) == (3, 3)
    assert pipe.take(2) == 2
    assert (pipe.waiting(), pipe.granted) == (1, 1)
    assert pipe.take(5) == 1
    assert pipe.take(5) == 0, "make has taken the rest"
    assert (pipe.waiting(), pipe.granted) == (0, 0)


def test_a_pipe_that_a_failure_has_poisoned_stays_so(pipe: TokenPipe) -> None:
    """NetBSD's make writes another letter, so that the other makes end."""
    pipe.put(1)
    os.write(pipe.write, b"-")
    assert pipe.take(2) == 0
    assert (pipe.waiting(), pipe.granted) == (2, 1)
    assert sorted(os.read(pipe.read, 2)) == sorted(TOKEN + b"-")


def test_a_poisoned_pipe_that_is_full(pipe: TokenPipe, monkeypatch: pytest.MonkeyPatch) -> None:
    os.write(pipe.write, b"-")

    def full(_descriptor: int, _data: bytes) -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "write", full)
    assert pipe.take(1) == 0
