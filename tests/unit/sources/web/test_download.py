"""Downloads from mirrors with all kinds of faults."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers.mirror import PAGE, Fault, Kind, Mirror
from support.servers.raw_server import RawServer
from support.waiting import until

from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.sources.web.download import Pin, fetch, fetch_unpinned
from buildlib.sources.web.limits import LIST, Patience
from buildlib.store.blobs import Blobs

DATA = os.urandom(100_000) * 3
SET = "release/sets/base set.tgz"
SILENCE = 0.3
HURRY = Patience(silence=SILENCE, wait=lambda _seconds: None)


def pin_of(data: bytes) -> Pin:
    return Pin(hashlib.sha512(data).hexdigest(), sha256(data), len(data))


PIN = pin_of(DATA)


@pytest.fixture(scope="module")
def mirror_files() -> dict[str, bytes]:
    return {SET: DATA}


@pytest.fixture
def mirror(mirror_files: dict[str, bytes]) -> Iterator[Mirror]:
    with Mirror(mirror_files) as mirror:
        yield mirror


class Target:
    """The destination of downloads."""

    def __init__(self, folder: Path) -> None:
        self.blobs = Blobs(folder)
        self.partial = folder / "partial"
        self.told: list[tuple[int, int]] = []

    def fetch(self, *urls: str, pin: Pin = PIN) -> bytes:
        blob = fetch(
            urls,
            pin,
            self.blobs,
            partial=self.partial,
            patience=HURRY,
            tell=lambda done, total: self.told.append((done, total)),
        )
        assert not self.partial.exists()
        return self.blobs.read(blob.sha256)

    def fails(self, *urls: str, pin: Pin = PIN) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.fetch(*urls, pin=pin)
        assert not list(self.blobs.all()), "something unverified is in the store"
        return caught.value

    @property
    def kept(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path / "store")


def url(mirror: Mirror) -> str:
    return f"{mirror.url}/{SET}"


def test_a_download(mirror: Mirror, target: Target) -> None:
    assert target.fetch(url(mirror)) == DATA
    assert target.told[-1] == (len(DATA), len(DATA))
    assert target.told == sorted(target.told)
    assert mirror.requests == [(SET, "")]


def test_a_length_that_is_not_told(mirror: Mirror, target: Target) -> None:
    mirror.misbehave(SET, Fault("lengthless"))
    assert target.fetch(url(mirror)) == DATA


def test_redirects_are_followed(mirror: Mirror, target: Target) -> None:
    mirror.misbehave("old/base.tgz", Fault("redirect", to=f"/{SET}"))
    assert target.fetch(f"{mirror.url}/old/base.tgz") == DATA


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("fault", "reason", "text"),
    [
        (Fault("status", status=404), "not-found", "404 Not Found"),
        (Fault("status", status=410), "not-found", "410 Gone"),
        (Fault("status", status=500), "http-status", "500 Internal Server Error"),
        (Fault("status", status=503), "http-status", "503"),
        (Fault("status", status=204), "http-status", "204"),
        (Fault("page"), "html", "a page instead of the file"),
        (Fault("short-page"), "html", "a page instead of the file"),
        (Fault("wrong"), "checksum", "checksum does not match"),
        (Fault("other-size"), "size", "size differs"),
        (Fault("longer"), "size", "longer than the pinned"),
        (Fault("mute"), "timeout", f"silent for {SILENCE} s"),
        (Fault("redirect", to=f"/{SET}"), "redirect", "redirects in a loop"),
        (Fault("redirect", to="file:///etc/passwd"), "redirect", "a URL that is not http(s)"),
    ],
    ids=lambda value: f"{value.kind} {value.status}" if isinstance(value, Fault) else None,
)
def test_a_fault_is_told_and_leaves_nothing(
    mirror: Mirror, target: Target, fault: Fault, reason: str, text: str
) -> None:
    mirror.misbehave(SET, fault)
    error = target.fails(url(mirror))
    assert (error.reason, error.where) == (reason, url(mirror))
    assert text in error.what
    assert not target.partial.exists()
    assert len(error.lines()) >= 2


def test_a_wrong_checksum_shows_both(mirror: Mirror, target: Target) -> None:
    mirror.misbehave(SET, Fault("wrong"))
    error = target.fails(url(mirror))
    assert PIN.sha512 in (error.why or "")
    assert "SHA512 found" in (error.why or "")
    assert "removed" in (error.hint or "")


@pytest.mark.parametrize(
    "pin", [Pin("0" * 128, PIN.sha256, PIN.size), Pin(PIN.sha512, "0" * 64, PIN.size)]
)
def test_both_digests_count(mirror: Mirror, target: Target, pin: Pin) -> None:
    assert target.fails(url(mirror), pin=pin).reason == "checksum"


def test_a_pin_may_know_less(mirror: Mirror, target: Target) -> None:
    assert target.fetch(url(mirror), pin=Pin(PIN.sha512)) == DATA
    assert target.fetch(url(mirror), pin=Pin("")) == DATA
    mirror.misbehave(SET, Fault("cut", at=1000))
    assert target.kept == 0
    with pytest.raises(SourceError) as caught:
        target.fetch(url(mirror), pin=Pin(""))
    assert caught.value.reason == "cut"


def test_what_nothing_pins_is_not_gone_on_with(mirror: Mirror, target: Target) -> None:
    target.partial.write_bytes(b"of another file")
    assert target.fetch(url(mirror), pin=Pin("")) == DATA
    assert mirror.requests == [(SET, "")]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["cut", "reset", "hang"])
def test_what_came_is_kept_and_gone_on_with(mirror: Mirror, target: Target, kind: Kind) -> None:
    """Also if less than a buffer was received."""
    mirror.misbehave(SET, Fault(kind, at=1000), times=1)
    assert target.fetch(url(mirror)) == DATA
    assert mirror.requests == [(SET, ""), (SET, "bytes=1000-")]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "reason"), [("cut", "cut"), ("reset", "connection"), ("hang", "timeout")]
)
def test_a_mirror_that_always_breaks_off(
    mirror: Mirror, target: Target, kind: Kind, reason: str
) -> None:
    mirror.misbehave(SET, Fault(kind, at=1000))
    error = target.fails(url(mirror))
    assert (error.reason, error.where) == (reason, url(mirror))
    assert "run again to resume" in (error.hint or "")
    assert target.kept == 3000
    assert len(mirror.requests) == 3
    mirror.misbehave(SET, Fault("status"), times=0)
    assert target.fetch(url(mirror)) == DATA
    assert mirror.requests[-1] == (SET, "bytes=3000-")


def test_no_bytes_no_second_try(mirror: Mirror, target: Target) -> None:
    mirror.misbehave(SET, Fault("cut", at=0))
    assert target.fails(url(mirror)).reason == "cut"
    assert len(mirror.requests) == 1


def test_a_server_without_ranges(mirror: Mirror, target: Target) -> None:
    target.partial.write_bytes(DATA[:150_000])
    mirror.misbehave(SET, Fault("no-range"))
    assert target.fetch(url(mirror)) == DATA
    assert mirror.requests == [(SET, "bytes=150000-")]


@pytest.mark.parametrize("kept", [b"stale" * 100, DATA[:-1] + b"!", DATA + b"more", DATA + DATA])
def test_kept_bytes_that_are_wrong_cost_one_more_try(
    mirror: Mirror, target: Target, kept: bytes
) -> None:
    target.partial.write_bytes(kept)
    assert target.fetch(url(mirror)) == DATA
    assert mirror.requests[-1] == (SET, "")


def test_a_range_that_begins_elsewhere(mirror: Mirror, target: Target) -> None:
    target.partial.write_bytes(DATA[:1000])
    mirror.misbehave(SET, Fault("wrong-range"), times=1)
    assert target.fetch(url(mirror)) == DATA


def test_a_server_that_has_less_than_was_kept(mirror: Mirror, target: Target) -> None:
    target.partial.write_bytes(DATA[:-1])
    mirror.misbehave(SET, Fault("status", status=416), times=1)
    assert target.fetch(url(mirror)) == DATA
    assert mirror.requests == [(SET, f"bytes={len(DATA) - 1}-"), (SET, "")]


def test_all_bytes_were_kept(mirror: Mirror, target: Target) -> None:
    target.partial.write_bytes(DATA)
    assert target.fetch(url(mirror)) == DATA
    assert mirror.requests == []


def test_the_next_mirror_is_tried(mirror: Mirror, target: Target, tmp_path: Path) -> None:
    with Mirror({}) as empty, Mirror({SET: PAGE}) as polite:
        urls = [
            url(empty),
            url(polite),
            "http://127.0.0.1:1/x",
            str(tmp_path / "none"),
            url(mirror),
        ]
        assert target.fetch(*urls) == DATA
        assert len(empty.requests) == len(polite.requests) == 1


def test_a_download_moves_to_the_next_mirror(mirror: Mirror, target: Target) -> None:
    with Mirror({SET: DATA}) as weak:
        weak.misbehave(SET, Fault("reset", at=1000))
        assert target.fetch(url(weak), url(mirror)) == DATA
    assert mirror.requests == [(SET, "bytes=3000-")]


def test_a_mirror_is_not_blamed_for_the_one_before(mirror: Mirror, target: Target) -> None:
    """The first sends wrong bytes and closes the connection; the second has a good copy."""
    with Mirror({SET: bytes(len(DATA))}) as false:
        false.misbehave(SET, Fault("cut", at=5000))
        assert target.fetch(url(false), url(mirror)) == DATA
    assert mirror.requests == [(SET, "bytes=15000-"), (SET, "")]


def test_no_mirror_has_it(mirror: Mirror, target: Target, tmp_path: Path) -> None:
    mirror.misbehave(SET, Fault("wrong"))
    error = target.fails(f"{mirror.url}/none", str(tmp_path / "none"), url(mirror))
    assert error.what == "no mirror has the pinned none"
    assert error.reason == "checksum"
    lines = (error.why or "").splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        f"{mirror.url}/none",
        str(tmp_path / "none"),
        url(mirror),
    ]
    assert "404" in lines[0]
    assert "No such file" in lines[1]
    assert error.hint
    assert target.fails().reason == "no-mirror"


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_local_mirrors(target: Target, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "a mirror#1?x=%41"
    folder.mkdir()
    (folder / "base.tgz").write_bytes(DATA)
    path = str(folder / "base.tgz")
    if form.startswith("file"):
        path = path.replace("%", "%25").replace("#", "%23").replace("?", "%3F")
    target.partial.write_bytes(DATA[:1000])
    assert target.fetch(form.format(path)) == DATA
    (folder / "base.tgz").write_bytes(DATA[:-1])
    target.blobs.discard(PIN.sha256)
    assert target.fails(form.format(path)).reason == "size"
    (folder / "base.tgz").unlink()
    assert target.fails(form.format(path)).reason == "not-found"
    assert target.fails(form.format(tmp_path)).why == "it is a folder, not a file"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://ftp.netbsd.org/pub", "scheme"),
        ("http://", "connection"),
        ("http://127.0.0.1:1/closed", "connection"),
        ("http://[::1", "scheme"),
        ("https://127.0.0.1:1/closed", "connection"),
        ("http://x.invalid/", "connection"),
        (f"http://{'a' * 70}.invalid/", "connection"),
    ],
)
def test_urls_that_lead_nowhere(target: Target, url: str, reason: str) -> None:
    assert target.fails(url).reason == reason


def test_a_server_that_speaks_no_http(target: Target) -> None:
    with RawServer(b"220 ftp ready\r\n") as server:
        assert target.fails(f"{server.url}/").reason == "connection"


FETCH = """
import sys
from pathlib import Path
from buildlib.sources.web.download import Pin, fetch
from buildlib.store.blobs import Blobs
url, folder, sha512, sha256, size = sys.argv[1:]
fetch([url], Pin(sha512, sha256, int(size)), Blobs(Path(folder)),
      partial=Path(folder) / "partial")
"""


@pytest.mark.programs
def test_a_killed_download_goes_on_where_it_stopped(mirror: Mirror, target: Target) -> None:
    mirror.misbehave(SET, Fault("slow"), times=1)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            FETCH,
            url(mirror),
            str(target.partial.parent),
            PIN.sha512,
            PIN.sha256,
            str(PIN.size),
        ]
    )
    until(lambda: target.kept > 20_000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = target.kept
    assert 20_000 < kept < len(DATA)
    assert target.fetch(url(mirror)) == DATA
    assert mirror.requests == [(SET, ""), (SET, f"bytes={kept}-")]


def test_never_more_than_the_pinned_size_is_written(mirror: Mirror, target: Target) -> None:
    sizes: list[int] = []
    mirror.misbehave(SET, Fault("longer"))
    with pytest.raises(SourceError):
        fetch(
            [url(mirror)],
            PIN,
            target.blobs,
            partial=target.partial,
            tell=lambda done, _total: sizes.append(max(done, target.kept)),
        )
    assert max(sizes) <= len(DATA)
    assert not target.partial.exists()


def test_an_empty_file(target: Target) -> None:
    with Mirror({"empty": b""}) as mirror:
        assert target.fetch(f"{mirror.url}/empty", pin=pin_of(b"")) == b""


@pytest.mark.thorough
def test_unpinned_lists(mirror: Mirror) -> None:
    assert fetch_unpinned([url(mirror)], most=LIST) == DATA
    assert fetch_unpinned([url(mirror)], most=len(DATA)) == DATA
    with pytest.raises(SourceError, match="larger than expected") as caught:
        fetch_unpinned([url(mirror)], most=len(DATA) - 1)
    assert caught.value.reason == "size"
    mirror.misbehave(SET, Fault("hang", at=10))
    with pytest.raises(SourceError, match="silent"):
        fetch_unpinned([url(mirror)], most=LIST, patience=HURRY)
    with pytest.raises(SourceError, match="404"):
        fetch_unpinned([f"{mirror.url}/none"], most=LIST)


def test_an_unpinned_list_that_is_cut_is_no_list(mirror: Mirror) -> None:
    mirror.misbehave(SET, Fault("cut", at=1000))
    with pytest.raises(SourceError) as caught:
        fetch_unpinned([url(mirror)], most=LIST)
    assert caught.value.reason == "cut"
