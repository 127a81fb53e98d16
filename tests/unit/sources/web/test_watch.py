"""Limits of an answer's size and speed, by a clock that the test sets."""

from __future__ import annotations

import io

import pytest

from buildlib.model.errors import SourceError
from buildlib.sources.web import watch as module
from buildlib.sources.web.limits import HEAD, Patience, TemporaryError
from buildlib.sources.web.watch import Watch

URL = "http://a.example/x"
PATIENCE = Patience(head=5.0, span=10.0, least=100, base=50.0, pace=10)
SLACK = 1 << 20


class Clock:
    """What the time is."""

    def __init__(self) -> None:
        self.time = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "monotonic", lambda: made.time)
    return made


@pytest.fixture
def watch(clock: Clock) -> Watch:
    return Watch(URL, PATIENCE)


def refused(watch: Watch) -> SourceError:
    with pytest.raises(SourceError) as caught:
        watch.look()
    assert caught.value.where == URL
    return caught.value


def test_headers_have_a_time(watch: Watch, clock: Clock) -> None:
    clock.time += 5
    watch.look()
    clock.time += 0.001
    error = refused(watch)
    assert isinstance(error, TemporaryError)
    assert (error.reason, error.what) == ("timeout", "the server did not answer within 5 s")


def test_headers_have_a_size(watch: Watch) -> None:
    watch.read(HEAD)
    watch.look()
    watch.read(1)
    error = refused(watch)
    assert (error.reason, error.why) == ("answer", f"{HEAD + 1} bytes of headers")


def test_a_connection_may_end_after_the_headers_only(watch: Watch) -> None:
    watch.read(1)
    with pytest.raises(SourceError):
        watch.read(0)
    watch.expect_body(100)
    watch.read(0)


def test_a_body_has_a_time_by_its_size(watch: Watch, clock: Clock) -> None:
    clock.time += 4
    watch.expect_body(1000)
    for _ in range(15):
        clock.time += 10
        watch.moved(10_000)
        watch.look()
    clock.time += 0.001
    error = refused(watch)
    assert (error.reason, error.what) == ("timeout", "the server is too slow")
    assert error.why == "it was not finished after 150 s"


def test_a_body_has_a_speed(watch: Watch, clock: Clock) -> None:
    """In each span by itself."""
    watch.expect_body(100_000)
    watch.moved(999)
    clock.time += 10
    watch.look()
    watch.moved(1)
    clock.time += 0.001
    watch.look()
    assert watch.begun
    watch.moved(999)
    clock.time += 10
    watch.look()
    clock.time += 0.001
    assert refused(watch).why == "999 bytes in 10 s"


def test_a_body_has_little_else_in_it(watch: Watch) -> None:
    """Eight bytes for each of the file, and a megabyte."""
    watch.read(HEAD)
    watch.expect_body(10)
    watch.read(SLACK)
    watch.look()
    watch.moved(1)
    watch.read(80)
    watch.look()
    watch.moved(1)
    watch.read(1)
    assert refused(watch).why == f"{SLACK + 81} bytes of little content"


def test_a_megabyte_without_content_is_endless(watch: Watch) -> None:
    watch.expect_body(1 << 20)
    watch.read(SLACK)
    watch.look()
    watch.moved(1)
    watch.read(SLACK)
    watch.look()
    watch.read(1)
    assert refused(watch).reason == "answer"


def test_nothing_has_begun_before_the_file_s_first_byte(watch: Watch) -> None:
    watch.read(10)
    watch.expect_body(10)
    assert not watch.begun
    watch.moved(1)
    assert watch.begun


def test_all_that_is_read_is_counted(watch: Watch) -> None:
    raw = io.FileIO("/dev/zero")
    reader = watch.over(raw)
    assert reader.readable()
    assert reader.read(10) == bytes(10)
    for _ in range(HEAD // io.DEFAULT_BUFFER_SIZE):
        reader.read(io.DEFAULT_BUFFER_SIZE)
    with pytest.raises(SourceError, match="endless"):
        reader.read(io.DEFAULT_BUFFER_SIZE)
    watch.close()
    assert raw.closed


def test_a_reader_closes_what_is_below(watch: Watch) -> None:
    raw = io.FileIO("/dev/zero")
    watch.over(raw).close()
    assert raw.closed
