"""Whether mirrors answer: any status counts, silence does not, and waiting is limited."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from support.servers.mirror import Fault, Mirror

from buildlib.sources.web import probe
from buildlib.sources.web.probe import folder_of, unanswered

CLOSED = "http://127.0.0.1:9/a"


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Fault("status", status=404),
        Fault("status", status=503),
        Fault("cut", at=1),
        Fault("page"),
    ],
)
def test_any_answer_will_do(fault: Fault | None) -> None:
    with Mirror({"a": b"content"}) as mirror:
        if fault:
            mirror.misbehave("a", fault)
        assert unanswered([f"{mirror.url}/a"]) == {}


def test_each_that_does_not_answer_is_told_with_the_reason() -> None:
    with Mirror({"a": b"content"}) as mirror:
        good = f"{mirror.url}/a"
        assert unanswered(
            [CLOSED, good, "gopher://x/a", "http://no.such.host.invalid/a"]
        ).keys() == {CLOSED, "gopher://x/a", "http://no.such.host.invalid/a"}
    assert unanswered([CLOSED]) == {CLOSED: "Connection refused"}
    assert "gopher:// is not supported" in unanswered(["gopher://x/a"]).values()


@pytest.mark.thorough
def test_nobody_is_waited_for_long() -> None:
    with Mirror(dict.fromkeys("abc", b"content")) as mirror:
        for name in "abc":
            mirror.misbehave(name, Fault("mute"))
        urls = [f"{mirror.url}/{name}" for name in "abc"]
        started = time.monotonic()
        assert unanswered(urls, seconds=0.5) == dict.fromkeys(urls, "no answer within 0.5 s")
        assert time.monotonic() - started < 20


def test_a_server_that_is_still_asked_keeps_no_process_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    daemons: list[bool] = []

    def begin(_url: str, *, seconds: float) -> None:
        daemons.append(threading.current_thread().daemon and seconds == 20)

    monkeypatch.setattr(probe, "begin", begin)
    assert unanswered(["http://a.example/", "http://b.example/"], seconds=20) == {}
    assert daemons == [True, True]


@pytest.mark.parametrize(
    ("mirror", "folder"),
    [
        ("/srv/a b", Path("/srv/a b")),
        ("file:///srv/a%20b", Path("/srv/a b")),
        ("mirror", Path("mirror")),
        ("http://a/b", None),
        ("https://a/b", None),
        ("http://[", None),
    ],
)
def test_folders_are_told_from_servers(mirror: str, folder: Path | None) -> None:
    assert folder_of(mirror) == folder
