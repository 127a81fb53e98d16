"""Whether mirrors answer: any status will do, silence will not, and nobody is waited for long."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.servers.mirror import Fault, Mirror

from buildlib.sources.web.probe import folder_of, unanswered

CLOSED = "http://127.0.0.1:9/a"


@pytest.mark.parametrize(
    "fault", [None, Fault("status", status=404), Fault("status", status=503), Fault("cut", at=1),
              Fault("page")])
def test_any_answer_will_do(fault: Fault | None) -> None:
    with Mirror({"a": b"content"}) as mirror:
        if fault:
            mirror.misbehave("a", fault)
        assert unanswered([f"{mirror.url}/a"]) == {}


def test_each_that_does_not_answer_is_told_with_the_reason() -> None:
    with Mirror({"a": b"content"}) as mirror:
        good = f"{mirror.url}/a"
        assert unanswered([CLOSED, good, "gopher://x/a", "http://no.such.host.invalid/a"]).keys() \
            == {CLOSED, "gopher://x/a", "http://no.such.host.invalid/a"}
    assert unanswered([CLOSED]) == {CLOSED: "Connection refused"}
    assert "gopher:// is not supported" in unanswered(["gopher://x/a"]).values()


def test_nobody_is_waited_for_long() -> None:
    with Mirror(dict.fromkeys("abc", b"content")) as mirror:
        for name in "abc":
            mirror.misbehave(name, Fault("mute"))
        urls = [f"{mirror.url}/{name}" for name in "abc"]
        started = time.monotonic()
        assert unanswered(urls, seconds=0.5) == dict.fromkeys(urls, "no answer within 0.5 s")
        assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("mirror", "folder"),
    [("/srv/a b", Path("/srv/a b")), ("file:///srv/a%20b", Path("/srv/a b")),
     ("mirror", Path("mirror")), ("http://a/b", None), ("https://a/b", None), ("http://[", None)])
def test_folders_are_told_from_servers(mirror: str, folder: Path | None) -> None:
    assert folder_of(mirror) == folder
