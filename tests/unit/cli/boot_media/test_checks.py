"""The tasks `verify`, `boot-test`, `image-server` and `package-repo`, without images."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli.boot_media import checks
from buildlib.model.errors import BootError, ConfigError, SourceError, StoreError
from buildlib.model.events import Event, Finished, Note, Progress, Started
from buildlib.operations import integrity
from buildlib.operations.boot_test import config_disk, matrix, qemu
from buildlib.operations.boot_test.matrix import BootCase
from buildlib.operations.fleet import image_server, package_repository


class Served:
    """Two outputs of stages, as an engine has them."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def use(self, stages: Any, act: Any) -> Any:
        self.used += stages
        return act()

    def output(self, ref: Any) -> Any:
        return SimpleNamespace(blob=SimpleNamespace(size=ref.size))


@pytest.fixture
def session(tmp_path: Path) -> Any:
    refs = {
        "a.ffs": SimpleNamespace(stage="image:a", size=1000),
        "b.ffs": SimpleNamespace(stage="image:a", size=500),
    }
    product = SimpleNamespace(name="iso", folder=tmp_path / "dist", files={"cd.iso": None})
    return SimpleNamespace(
        root=tmp_path,
        settings=SimpleNamespace(
            images="",
            packages="",
            dist="dist",
            key="",
            media=(),
            workers=1,
            progress="plain",
            seconds=0,
        ),
        store=SimpleNamespace(
            folder=tmp_path / "store",
            build=tmp_path / "build",
            runner="runner",
            log=lambda name: tmp_path / f"build/logs/{name}.log",
        ),
        engine=Served(),
        publisher=SimpleNamespace(publish=lambda _product: None),
        plan=SimpleNamespace(
            version=refs,
            repository=refs,
            products={"iso": product},
            release=SimpleNamespace(signature=SimpleNamespace(key="k.asc", fingerprint="ab cd")),
            lock=SimpleNamespace(packages=()),
        ),
    )


def item(kind: str, name: str, *, size: int = 1000, is_whole: bool = True) -> Any:
    return SimpleNamespace(kind=kind, name=name, size=size, is_whole=is_whole)


def set_items(
    monkeypatch: pytest.MonkeyPatch, stored: list[Any], products: list[Any], fetched: Any = ()
) -> None:
    def verify_files(_plan: object, _engine: object, add: Any) -> None:
        for one in fetched:
            if isinstance(one, Exception):
                raise one
            add(one)

    monkeypatch.setattr(integrity, "check_store", lambda _store: stored)
    monkeypatch.setattr(integrity, "check_products", lambda _products, _engine: products)
    monkeypatch.setattr(checks, "verify_files", verify_files)


def checked(path: str, *against: str, present: bool = True) -> Any:
    return SimpleNamespace(path=path, against=against, present=present)


def rows(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    lines = capsys.readouterr().out.splitlines()
    return [re.split(r"  +", re.sub(r"in [0-9.]+ s$", "in S", line)) for line in lines]


def test_all_that_is_there_is_read(
    session: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = [item("blob", "x"), item("blob", "y"), item("record", "z")]
    fetched = [checked("base.tgz", "list", "lock"), checked("comp.tgz", present=False)]
    set_items(monkeypatch, stored, [item("product", "iso")], fetched)
    checks.verify(session)
    assert rows(capsys) == [
        ["ok", "k.asc", "good signature by ABCD"],
        ["ok", "base.tgz", "list, lock"],
        ["-", "comp.tgz", "not fetched yet"],
        ["ok", "build and products", "2 blobs, 1 record, 1 product: 4.0 kB in S"],
    ]


def test_nothing_is_there_yet(
    session: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_items(monkeypatch, [], [], [checked("base.tgz", present=False)])
    checks.verify(session)
    assert rows(capsys) == [
        ["-", "base.tgz", "not fetched yet"],
        ["-", "build and products", "nothing there yet"],
    ]


def test_all_damage_is_one_error(
    session: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = [item("blob", "x", is_whole=False), item("blob", "y")]
    wrong = SourceError("bad digest", where="base.tgz")
    set_items(monkeypatch, stored, [item("product", "iso", is_whole=False)], [wrong])
    with pytest.raises(StoreError) as error:
        checks.verify(session)
    assert error.value.what == "2 items are damaged"
    assert error.value.why == "blob x\nproduct iso\nbase.tgz: bad digest"
    assert error.value.reason == "damaged"
    assert rows(capsys)[0][0] == "damaged"


def test_a_wrong_fetched_file_is_an_error(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = SourceError("bad digest")
    set_items(monkeypatch, [item("blob", "x")], [], [wrong])
    with pytest.raises(SourceError, match="bad digest"):
        checks.verify(session)


TASKS = {"image-server": checks.image_signer, "package-repo": checks.repo_signer}


def test_what_a_check_needs(session: Any) -> None:
    found = {check.name: check for check in checks.checks_of(session)}
    assert {name: check.needs for name, check in found.items()} == {
        "verify": [],
        "boot-test": ["iso"],
        "image-server": ["image:a"],
        "package-repo": ["image:a"],
    }
    assert [name for name, check in found.items() if check.ahead] == [*TASKS]


def test_images_are_served_with_a_key_only(session: Any) -> None:
    with pytest.raises(ConfigError, match="no signing key is set") as error:
        checks.image_signer(session)
    assert error.value.reason == "signing-key"
    session.plan.version = {}
    with pytest.raises(ConfigError, match="there are no domU images to serve") as error:
        checks.image_signer(session)
    assert error.value.reason == "no-images"


def test_packages_may_be_served_without_a_key(session: Any) -> None:
    assert checks.repo_signer(session) is None
    session.plan.repository = {}
    with pytest.raises(ConfigError, match="there are no packages to serve") as error:
        checks.repo_signer(session)
    assert error.value.reason == "no-packages"


def serve(session: Any, monkeypatch: pytest.MonkeyPatch, **served: bool) -> tuple[Finished, Path]:
    """The event of `image-server`, and the folder that it served to."""
    folders: list[Path] = []
    result = SimpleNamespace(version="v1", **served)
    monkeypatch.setattr(checks, "image_signer", lambda _session: "signer")

    def serve_it(folder: Path, *_rest: Any) -> Any:
        folders.append(folder)
        return result

    monkeypatch.setattr(image_server, "serve", serve_it)
    events: list[Event] = []
    checks.image_server(session, events.append)
    (event,), (folder,) = events, folders
    assert isinstance(event, Finished)
    return event, folder


@pytest.mark.parametrize(
    ("is_new", "is_named", "outcome"),
    [
        (True, False, "built"),
        (False, True, "built"),
        (True, True, "built"),
        (False, False, "up to date"),
    ],
)
def test_a_version_is_added_once(
    is_new: bool, is_named: bool, outcome: str, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, folder = serve(session, monkeypatch, is_new=is_new, is_named=is_named)
    assert (event.stage, event.outcome, event.size) == ("image-server", outcome, 1500)
    assert event.detail == f"v1 in {folder}"
    assert 0 <= event.seconds < 300
    assert session.engine.used == ["image:a"]


@pytest.mark.parametrize(("images", "place"), [("", "dist/images"), ("served", "served")])
def test_the_folder_of_images(
    images: str, place: str, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.settings.images = images
    assert serve(session, monkeypatch, is_new=True, is_named=True)[1] == session.root / place


@pytest.mark.parametrize(
    ("written", "removed", "outcome"),
    [(1, 0, "built"), (0, 1, "built"), (0, 0, "up to date")],
)
def test_packages_are_copied(
    written: int, removed: int, outcome: str, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.plan.lock.packages = tuple(SimpleNamespace(pkgname=f"lz4-1.{n}") for n in (1, 2))
    done = SimpleNamespace(written=written, removed=removed)
    monkeypatch.setattr(package_repository, "put", lambda *_any: done)
    events: list[Event] = []
    checks.package_repo(session, events.append)
    several, unsigned, finished = events
    assert several == Note(
        "several versions of lz4: pkg_chk -b uses only one of them", "package-repo"
    )
    assert isinstance(unsigned, Note)
    assert unsigned.text.startswith("SHA512 is not signed")
    assert isinstance(finished, Finished)
    assert (finished.outcome, finished.size) == (outcome, 1500)
    assert finished.detail == f"2 packages in {session.root}/dist/packages"


def test_a_signed_repository_has_nothing_to_note(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "repo_signer", lambda _session: "signer")
    monkeypatch.setattr(
        package_repository, "put", lambda *_any: SimpleNamespace(written=0, removed=0)
    )
    events: list[Event] = []
    checks.package_repo(session, events.append)
    assert [type(event) for event in events] == [Finished]


@pytest.fixture
def boots(session: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What QEMU was started with, and whether the boot succeeds; a test changes `error`."""
    did: dict[str, Any] = {"error": None, "damaged": False}
    release = SimpleNamespace(
        machine="q35",
        machine_pvh="pvh",
        memory=512,
        seconds=100,
        step=10,
        markers=lambda _medium: ("one", "two"),
    )
    session.plan.release.boot = release
    session.plan.boots = SimpleNamespace(
        dom0="pv", console_config=lambda: SimpleNamespace(port=did.get("port", ""))
    )
    session.plan.configuration = SimpleNamespace(definition=SimpleNamespace(name="sets/x.toml"))
    session.publisher.publish = lambda product: did.update(published=product.name)
    trial = BootCase("cd", "bios")
    did["name"] = trial.name

    def boot(image: Path, computer: Any, **rest: Any) -> Any:
        did.update(image=image, computer=computer, **rest)
        rest["tell"]("a line")
        rest["mark"](1.5)
        if did["error"]:
            raise did["error"]
        return SimpleNamespace(seconds=[1.5, 2.5], lines=["first", "last"])

    monkeypatch.setattr(matrix, "check_consoles", lambda _config: None)
    monkeypatch.setattr(matrix, "trials", lambda *_any, **_more: ([trial], [(trial, "boot.x")]))
    monkeypatch.setattr(integrity, "is_damaged", lambda *_any: did["damaged"])
    monkeypatch.setattr(config_disk, "write_trial_disk", lambda disk: did.update(disk=disk))
    monkeypatch.setattr(qemu, "boot", boot)
    return did


def test_a_boot_passes(
    session: Any, boots: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = []
    checks.boot_test(session, events.append)
    name = boots["name"]
    assert events == [
        Note("not tested: excluded by boot.x of the release", name),
        Started(name),
        Progress(name, 0, 0, "lines", "a line"),
        Finished(name, "passed", 2.5, detail="last"),
    ]
    assert (boots["seconds"], boots["step"]) == (100, 10)
    assert boots["expect"] == ("one", "two")
    computer = boots["computer"]
    assert (computer.words, computer.memory, computer.port) == ("q35", 512, "com1")
    assert (computer.medium, computer.config) == ("cd", boots["disk"])
    assert boots["disk"] == session.store.build / "boot-test-config.ffs"
    assert boots["image"] == session.root / "dist/cd.iso"
    assert "published" not in boots
    assert len(capsys.readouterr().out.splitlines()) >= 2, "a heading and a row"


def test_a_failed_boot_is_the_error(session: Any, boots: dict[str, Any]) -> None:
    boots["error"] = BootError("no prompt")
    events: list[Event] = []
    with pytest.raises(BootError, match="no prompt"):
        checks.boot_test(session, events.append)
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.outcome, last.detail) == ("failed", "no prompt")
    assert 0 <= last.seconds < 300


def test_a_limit_scales_the_steps(session: Any, boots: dict[str, Any]) -> None:
    session.settings.seconds = 300
    session.plan.boots.dom0 = "pvh"
    boots["port"] = "com2"
    checks.boot_test(session, lambda _event: None)
    assert (boots["seconds"], boots["step"]) == (300, 30)
    assert (boots["computer"].words, boots["computer"].port) == ("pvh", "com2")


def test_a_damaged_image_is_made_again(session: Any, boots: dict[str, Any]) -> None:
    boots["damaged"] = True
    events: list[Event] = []
    checks.boot_test(session, events.append)
    assert Note("the image is damaged and is made again", "iso") in events
    assert boots["published"] == "iso"


@pytest.mark.parametrize("progress", ["json", "quiet"])
def test_programs_get_no_table(
    progress: str, session: Any, boots: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    session.settings.progress = progress
    checks.boot_test(session, lambda _event: None)
    assert capsys.readouterr().out == ""
