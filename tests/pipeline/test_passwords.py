"""A password in a URL reaches its server, and no file, line or list of processes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.scratch import Scratch
from support.servers.mirror import Mirror

SECRET, WRITTEN = "S3cr€t/pw", "S3cr%E2%82%ACt%2Fpw"


class Guarded(Mirror):
    """A mirror that asks for a name and a password."""

    def allows(self, authorization: str) -> bool:
        """Whether these are right."""
        return authorization == "Basic " + base64.b64encode(f"alice:{SECRET}".encode()).decode()


@pytest.fixture
def guarded(template: Scratch) -> Iterator[Mirror]:
    with Guarded(template.path("build/mirror/mini")) as served:
        yield served


def leaks(*folders: Path) -> list[str]:
    """Files below these that have the password in them, in whatever form."""
    forms = [SECRET.encode(), WRITTEN.encode(), b"S3cr"]
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and any(form in path.read_bytes() for form in forms)
    ]


def test_it_is_nowhere(scratch: Scratch, guarded: Mirror) -> None:
    """After a build that succeeds, and after ones that fail in every way there is."""
    url = guarded.url.replace("//", f"//alice:{WRITTEN}@")
    wrong = guarded.url.replace("//", f"//alice:{WRITTEN}X@")
    closed = f"http://alice:{WRITTEN}@127.0.0.1:9"
    scratch.blob(scratch.outputs("fetch:amd64/binary/sets/base.tgz")["file"]).unlink()
    scratch.blob(scratch.outputs("unpack:base")["tree"]).unlink()
    told = [
        scratch.doit("iso", f"mirror={where}", *more, status=status)
        for where, more, status in (
            (closed, (), 3),
            (wrong, (), 1),
            (wrong, ("progress=json",), 1),
            (url, (), 0),
        )
    ]
    told += [
        scratch.doit("lock", f"mirror={where}", status=status)
        for where, status in ((closed, 3), (wrong, 3), (url, 0))
    ]
    told += [
        scratch.doit("outdated", f"mirror={url}", f"vulnerabilities={where}/x", status=3)
        for where in (closed, wrong)
    ]
    told += [scratch.doit(*words, f"mirror={url}") for words in (("info", "iso"), ("why",))]
    assert "alice:***@127.0.0.1" in told[0].err
    for ran in told:
        for form in (SECRET, WRITTEN, "S3cr"):
            assert form not in ran.text
            assert form not in ran.err
    assert leaks(scratch.root) == []
    kept = [path.read_text() for path in scratch.path("build/store").glob("glance-*.json")]
    assert any("alice:***@127.0.0.1" in text for text in kept), "the last run was not noted"
