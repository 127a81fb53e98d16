"""`doit outdated`: newer packages and vulnerabilities, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.readers.archives import gz

from buildlib.cli.commands import lock as lock_command
from buildlib.cli.commands import outdated as command
from buildlib.cli.commands.outdated import Outdated
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, SourceError
from buildlib.operations.lock import outdated as operation
from buildlib.operations.lock import packages, signers
from buildlib.operations.lock.outdated import Outdated as Row
from buildlib.operations.lock.outdated import Vulnerability
from buildlib.pkgsrc import advisories, remote_index
from buildlib.pkgsrc.advisories import Advisory
from buildlib.sources.web import limits
from buildlib.store.store import Store

ROWS = [
    Row("lz4", "1.9", "1.10", "newer", "archivers/lz4", ("dom0", "sql")),
    Row("web", "1.0", "", "gone", "www/web", ("sql",)),
]
WEAK = [
    Vulnerability("lz4-1.9", "overflow", "http://a/", ("dom0",), "lz4-1.10"),
    Vulnerability("lz4-1.9", "leak", "http://b/", ("dom0", "sql")),
]
BAD = Advisory("{", "x", "http://c/", 7)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the comparison finds; a test changes it. None: not asked."""
    found: dict[str, Any] = {"rows": ROWS, "weak": None, "error": None, "eol": None}
    lock = SimpleNamespace(release="mini", packages=("lz4", "web", "x"))

    @contextmanager
    def open_release(_root: Path, _settings: object, _say: object) -> Iterator[object]:
        yield SimpleNamespace(lock=lambda: lock, configuration=0, store=0, mirrors=0)

    class Locker:
        def __init__(self, *_any: object) -> None:
            pass

        def offer(self, _signer: None) -> str:
            if found["error"]:
                raise found["error"]
            return "offer"

    def vulnerabilities(_lock: object, known: object, _offer: object, *, eol: bool) -> object:
        found["eol"] = eol
        assert known == ("one", "two")
        return found["weak"], [BAD]

    monkeypatch.setattr(lock_command, "open_release", open_release)
    monkeypatch.setattr(packages, "PackageLocker", Locker)
    monkeypatch.setattr(signers, "package_signer", lambda *_any: None)
    monkeypatch.setattr(operation, "outdated", lambda _lock, _offer: found["rows"])
    monkeypatch.setattr(operation, "vulnerabilities", vulnerabilities)
    monkeypatch.setattr(
        command, "_advisories", lambda *_any: None if found["weak"] is None else ("one", "two")
    )
    return found


def run(*, as_json: bool = False, eol: bool = False) -> int:
    return Outdated().execute({"json": as_json, "eol": eol}, [])


def test_a_table_of_what_differs(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.splitlines() == [
        "package  locked  offered         recipes",
        "lz4      1.9     1.10     newer  dom0, sql",
        "web      1.0     -        gone   sql",
        "2 of 3 packages differ from the repository's",
    ]


def test_all_are_the_newest(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    found["rows"] = []
    assert run() == 0
    assert capsys.readouterr().out == "all 3 packages are the repository's newest\n"


def test_advisories_make_the_exit_status(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found |= {"rows": [], "weak": WEAK}
    assert run() == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1:] == [
        "lz4-1.9: overflow (dom0), not in lz4-1.10",
        "    http://a/",
        "lz4-1.9: leak (dom0, sql)",
        "    http://b/",
        "2 advisories about 1 package",
    ]
    assert shown.err == "line 7 of pkg-vulnerabilities has no usable pattern: {\n"
    assert found["eol"] is False


@pytest.mark.parametrize(
    ("weak", "status", "summary"),
    [
        ([], 0, "none of 2 advisories is about a locked package"),
        (WEAK[:1], 1, "1 advisory about 1 package"),
        (
            [*WEAK, Vulnerability("web-1", "x", "http://d/", ())],
            1,
            "3 advisories about 2 packages",
        ),
    ],
)
def test_the_number_of_advisories(
    weak: list[Vulnerability],
    status: int,
    summary: str,
    found: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    found["weak"] = weak
    assert run(eol=True) == status
    assert capsys.readouterr().out.splitlines()[-1] == summary
    assert found["eol"] is True


def test_json_has_the_same(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["release"], told["packages"], told["vulnerabilities"]) == ("mini", 3, None)
    assert told["outdated"][1] == {
        "package": "web",
        "locked": "1.0",
        "offered": "",
        "state": "gone",
        "pkgpath": "www/web",
        "recipes": ["sql"],
    }
    assert told["notes"] == []
    found["weak"] = WEAK[:1]
    assert run(as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["fixed"] for one in told["vulnerabilities"]] == ["lz4-1.10"]
    assert len(told["notes"]) == 1


OFFLINE = SourceError("no", reason="offline")


def test_offline_the_advisories_are_checked(
    found: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "command_line", lambda: {"vulnerabilities": "list"})
    found |= {"error": OFFLINE, "weak": []}
    assert run(as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outdated"] is None
    note = "not compared with the repository: fetching is disabled (offline=yes)"
    assert told["notes"][0] == note
    assert run() == 0
    assert "repository's" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "listed"), [(OFFLINE, ""), (SourceError("no", reason="fetch"), "list")]
)
def test_other_errors_end_it(
    error: SourceError,
    listed: str,
    found: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "command_line", lambda: {"vulnerabilities": listed})
    found |= {"error": error, "weak": []}
    assert run() == 3
    assert capsys.readouterr().err.startswith("ERROR: no\n")


def test_it_takes_no_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert Outdated().execute({"json": False, "eol": False}, ["a", "b"]) == 3
    assert capsys.readouterr().err.splitlines()[:2] == [
        "ERROR: doit outdated takes no task",
        "  why:   it was given a b",
    ]


def test_a_large_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildlib.sources.web.limits.ADVISORIES", 5)
    assert command._unpacked([b"123", b"45"], "list") == b"12345"
    with pytest.raises(SourceError, match="pkg-vulnerabilities is too large") as error:
        command._unpacked([b"123", b"456"], "list")
    assert (error.value.reason, error.value.where) == ("size", "list")
    assert error.value.why == "at most 5 bytes are read"


# the list of vulnerabilities


class List:
    """A list of vulnerabilities, as a mirror has it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "build")
        self.told: list[str] = []
        self.asked: list[Any] = []
        self.key = folder / "security.asc"
        self.key.write_bytes(b"the key")

    def advisories(self, where: str, *, key: str = "") -> Any:
        """What the command reads from there."""
        patience = object()
        packages = SimpleNamespace(advisories_key=key, advisories_fingerprint="F")
        opened: Any = SimpleNamespace(
            mirrors=SimpleNamespace(patience=patience),
            store=self.store,
            configuration=SimpleNamespace(
                release=SimpleNamespace(name="mini", packages=packages),
                beside={"k.asc": SimpleNamespace(path=self.key)},
            ),
        )
        settings: Any = SimpleNamespace(vulnerabilities=where, offline=True)
        notes: Any = SimpleNamespace(tell=self.told.append)
        return command._advisories(opened, settings, notes)

    def fetch_file(self, name: str, _pin: object, mirrors: Any, _store: Store, **rest: Any) -> Blob:
        """Fetch it."""
        self.asked.append((name, mirrors.roots, mirrors.offline, rest["most"]))
        return self.store.blobs.put(gz(b"one\ntwo\n"))


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> List:
    made = List(tmp_path)

    def verified(data: bytes, key: bytes, *, fingerprint: str, where: str) -> bytes:
        assert (key, fingerprint, where) == (b"the key", "F", "http://x/pkg-vulnerabilities")
        return b"verified " + data

    monkeypatch.setattr(remote_index, "fetch_file", made.fetch_file)
    monkeypatch.setattr(advisories, "parse", lambda data, *, where: (data, where))
    monkeypatch.setattr(advisories, "verified", verified)
    return made


@pytest.mark.parametrize(
    ("where", "root", "name"),
    [
        ("http://x/list.gz", "http://x", "list.gz"),
        ("/srv/list", "/srv", "list"),
        ("/list", "/", "list"),
        ("list", ".", "list"),
    ],
)
def test_the_list_is_read_from_its_folder(listed: List, where: str, root: str, name: str) -> None:
    assert listed.advisories(where) == (b"one\ntwo\n", where)
    assert listed.asked == [(name, (root,), True, limits.ADVISORIES)]
    (text,) = listed.told
    assert text.startswith("the signature of pkg-vulnerabilities is not checked: mini names no key")


def test_no_list_is_set(listed: List) -> None:
    assert listed.advisories("") is None
    assert listed.asked == listed.told == []


def test_a_signed_list_is_verified(listed: List) -> None:
    where = "http://x/pkg-vulnerabilities"
    assert listed.advisories(where, key="k.asc") == (b"verified one\ntwo\n", where)
    assert listed.told == []
    listed.key.unlink()
    with pytest.raises(ConfigError, match="the key of pkg-vulnerabilities cannot be read") as error:
        listed.advisories(where, key="k.asc")
    assert (error.value.where, error.value.reason) == (str(listed.key), "file")


def test_a_list_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ADVISORIES", 6)
    assert command._unpacked([b"one", b"two"], "there") == b"onetwo"
    with pytest.raises(SourceError, match="pkg-vulnerabilities is too large") as error:
        command._unpacked([b"one", b"two", b"3"], "there")
    assert (error.value.where, error.value.reason) == ("there", "size")
    assert error.value.why == "at most 6 bytes are read"
