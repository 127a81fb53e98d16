"""Every misbehaving server as a mirror, wherever something is fetched.

    PYTHONPATH=.:tests python -m support.servers.strange_mirrors      all of it; counts in the end

Alone it causes a SourceError soon; before a good mirror it has no effect.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from functools import cache
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pysequoia

from buildlib.cli.commands.lock import OpenRelease
from buildlib.cli.commands.outdated import _advisories, _Notes
from buildlib.config.boot_test import BootTestConfig
from buildlib.config.release import PackageSource, Release, Signature
from buildlib.config.settings import Settings
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import SourceError
from buildlib.model.events import silent
from buildlib.operations.lock.release import LockMaker
from buildlib.pkgsrc.advisories import format_list as format_advisories
from buildlib.pkgsrc.remote_index import read_offer
from buildlib.sources.checksums import format_list
from buildlib.sources.mirrors import Mirrors
from buildlib.sources.web import limits
from buildlib.sources.web.limits import Patience
from buildlib.sources.web.probe import unanswered
from buildlib.stages.inputs.fetch import Fetch
from buildlib.store.store import Store
from support.checkouts.campaigns import Tally
from support.checkouts.configurations import configuration_of
from support.machines.packages import packed, source, summaries, summary
from support.servers.mirror import Mirror
from support.servers.raw_server import BUFFERS, RawServer
from support.servers.strange_answers import STRANGE

# the good mirror must succeed even if this machine is busy
HURRY = Patience(
    silence=2, head=2, span=2, base=20, pace=1 << 22, tries=2, wait=lambda _seconds: None
)
SECONDS = 180.0
MOST = 4 << 20  # replaces every limit
SET = b"a set " * 1000
SETS = {"source/sets/src.tgz": SET, "amd64/binary/sets/base.tgz": SET + b"!"}
MADE = source("a-1.0")
LIST = "hashes.asc"


@cache
def _signer() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate("officer")


@cache
def _release() -> Release:
    fingerprint = str(_signer().extract_certificate().fingerprint)
    return Release(
        name="tiny",
        version="1.0",
        mirrors=("http://unused.invalid",),
        path="tiny",
        signature=Signature(LIST, "key", fingerprint, "key"),
        boot=BootTestConfig(("login:",)),
        packages=PackageSource("packages"),
        source_sets=("src",),
        binary_sets=("base",),
        binary_suffix=".tgz",
    )


@cache
def good_files() -> Mapping[str, bytes]:
    """The files of a good mirror."""
    digests = {f"tiny/{path}": hashlib.sha512(data).hexdigest() for path, data in SETS.items()}
    # no size, no digest: the summary does not pin the package
    listed = summary(MADE, file_size=None, file_cksum="")
    files = {
        LIST: bytes(
            pysequoia.sign(
                _signer().signer(),
                format_list("SHA512", digests),
                mode=pysequoia.SignatureMode.CLEAR,
            )
        ),
        "key": str(_signer().extract_certificate()).encode(),
        "packages/a-1.0.tgz": packed(MADE),
        "packages/pkg_summary.gz": summaries([listed]),
        "pkg-vulnerabilities": format_advisories([("a<2", "hole", "http://x/")]),
    }
    for path, data in SETS.items():
        folder, _, name = path.rpartition("/")
        files[f"tiny/{path}"] = data
        for algorithm in ("SHA512", "MD5"):
            files[f"tiny/{folder}/{algorithm}"] = format_list(
                algorithm, {name: hashlib.new(algorithm, data).hexdigest()}
            )
    return files


def _mirrors(roots: tuple[str, ...]) -> Mirrors:
    return Mirrors(roots, patience=HURRY)


def _store(folder: Path, *packages: str) -> Store:
    """The store of a project with one recipe."""
    (folder / "recipes").mkdir()
    (folder / "recipes/dom0.toml").write_text(
        f"sets = ['base']\nkernel = 'K'\npackages = {list(packages)}\n"
    )
    return Store(folder / "build")


def _lock(folder: Path, roots: tuple[str, ...]) -> None:
    store = _store(folder, "a")
    lock = LockMaker(
        configuration_of(folder, _release()),
        store,
        mirrors=_mirrors(roots),
        say=lambda _line: None,
    ).make(None)
    assert lock.packages[0].pin.sha512 == hashlib.sha512(packed(MADE)).hexdigest()
    assert lock.files["source/sets/src.tgz"].sha512 == hashlib.sha512(SET).hexdigest()


def _fetch(folder: Path, roots: tuple[str, ...]) -> None:
    store = _store(folder)
    path = "source/sets/src.tgz"
    stage = Fetch(f"tiny/{path}", hashlib.sha512(SETS[path]).hexdigest(), "", -1)
    engine = Engine(
        Graph({"fetch": stage}),
        store,
        Keys(store, CodeDigests(store.seen)),
        sink=silent,
        jobs=1,
        services={Mirrors: _mirrors(roots)},
    )
    partial = store.build / "partial"
    partial.mkdir(parents=True)
    (partial / stage.sha512).write_bytes(SET[:100])  # an earlier run was interrupted
    engine.build("fetch")
    assert store.blobs.read(engine.output(OutputRef("fetch", "file")).blob.sha256) == SET


def _summary(folder: Path, roots: tuple[str, ...]) -> None:
    store = _store(folder)
    assert "a-1.0" in read_offer(
        "packages", _mirrors(roots), store, signer=None, say=lambda _line: None
    )


def _outdated(folder: Path, roots: tuple[str, ...]) -> None:
    """These have only one source, so it is tried alone."""
    store = _store(folder)
    opened = OpenRelease(configuration_of(folder, _release()), store, _mirrors(roots))
    settings = Settings(vulnerabilities=f"{roots[-1]}/pkg-vulnerabilities")
    with redirect_stderr(StringIO()):
        found = _advisories(opened, settings, _Notes())
    assert found is not None
    assert [one.pattern for one in found] == ["a<2"]


PLACES: dict[str, Callable[[Path, tuple[str, ...]], None]] = {
    "lock": _lock,
    "fetch": _fetch,
    "summary": _summary,
    "outdated": _outdated,
}


@contextmanager
def both() -> Iterator[tuple[RawServer, Mirror]]:
    """A server with scripted answers, and a good mirror."""
    with (
        patch.multiple(limits, KEY=MOST, LIST=MOST, ADVISORIES=MOST, SUMMARY=MOST, FILE=MOST),
        RawServer(b"") as bad,
        Mirror(good_files()) as good,
    ):
        yield bad, good


def play(place: str, name: str, bad: RawServer, good: Mirror, folder: Path) -> str:
    """Use one misbehaving server at one place. Return its error's reason; raise any other error."""
    bad.speech = STRANGE[name]
    started, sent, asked = time.monotonic(), bad.sent, len(bad.requests)
    for number, roots in enumerate([(bad.url,), (bad.url, good.url)]):
        work = folder / str(number)
        work.mkdir()
        failed: SourceError | None = None
        try:
            PLACES[place](work, roots)
        except SourceError as error:
            failed = error
        if number:
            assert failed is None, f"a good mirror was not asked: {failed}"
        else:
            assert failed is not None, "what is strange was taken"
            reason = failed.reason
            assert all(line.isprintable() for line in failed.lines())
    unanswered([f"{bad.url}/x"], seconds=0.3)
    assert time.monotonic() - started < SECONDS
    assert bad.sent - sent < (len(bad.requests) - asked + 1) * (9 * MOST + BUFFERS)
    return reason


def main() -> int:
    """Try all combinations. Return the number of failures."""
    tally = Tally()
    with both() as (bad, good):
        for place in PLACES:
            for name in STRANGE:
                with tempfile.TemporaryDirectory() as folder, tally.watch(f"{place}, {name}"):
                    tally.counts[play(place, name, bad, good, Path(folder))] += 1
    tally.show(f"{len(STRANGE)} servers at {len(PLACES)} places")
    return tally.wrong


if __name__ == "__main__":
    ArgumentParser(
        prog="python -m support.servers.strange_mirrors",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    ).parse_args()
    sys.exit(bool(main()))
