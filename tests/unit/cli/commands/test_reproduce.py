"""`doit reproduce`: what is compared, how the second build runs, and what is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli.commands import reproduce as module
from buildlib.cli.commands.reproduce import Reproduce
from buildlib.model.errors import ToolError
from buildlib.model.events import Event, Finished, Progress, Started
from buildlib.operations import reproduce
from buildlib.operations.reproduce import Verdict

SAME, OTHER = Verdict("cd.iso", "1" * 64, same=True), Verdict("cd.iso", "1" * 64, same=False)


class Bench:
    """A session with a CD's image, and a second build that does what a test says."""

    def __init__(self, root: Path) -> None:
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.error: ToolError | None = None
        self.found = [SAME]
        self.words: list[str] = []
        self.rest: dict[str, Any] = {}
        self.apart: tuple[Path, ...] = ()
        self.mirrors: list[Path] = []
        self.compared: tuple[Any, ...] = ()
        self.is_current = True
        self.ran: list[list[Any]] = []
        self.report: str | None = None
        self.place = root / "build/reproduce"
        product = SimpleNamespace(
            name="iso", folder=root / "dist", record="cd.iso.json", files={"cd.iso": 1, "x": 2}
        )
        mirror = SimpleNamespace(name="mirror", record="", files={})
        logs = root / "build/logs"
        self.session = SimpleNamespace(
            root=root,
            settings=SimpleNamespace(
                build="build", dist="dist", release="mini", workers=2, progress="plain"
            ),
            products={"mirror": mirror, "iso": product},
            stages_of=lambda name: [f"image:{name}"],
            publisher=SimpleNamespace(is_current=lambda _product: self.is_current),
            engine=SimpleNamespace(
                resolve=lambda _name: None,
                done={"image:iso": 1},
                graph=SimpleNamespace(closure=lambda names: ["tree", *names]),
            ),
            plan=SimpleNamespace(release=SimpleNamespace(mirror_source="")),
            store=SimpleNamespace(logs=logs, runner=SimpleNamespace(run=self.diffoscope)),
        )

    def event(self, event: Event) -> None:
        """The display."""
        self.events.append(event)

    def close(self) -> None:
        """The display's end."""
        self.events.append(Started("closed"))

    def rebuild(
        self, _checkout: Path, words: Sequence[str], *, tell: Callable[[str], None], **rest: Any
    ) -> None:
        """The second build."""
        self.words, self.rest = [*words], rest
        for line in self.lines:
            tell(line)
        if self.error:
            raise self.error

    def copy_checkout(self, _root: Path, target: Path, *, apart: tuple[Path, ...]) -> None:
        """The copy."""
        self.apart = apart
        target.mkdir(parents=True)

    def verdicts(self, *words: Any) -> list[Verdict]:
        """The comparison."""
        self.compared = words
        return self.found

    def diffoscope(self, argv: list[Any], **_rest: Any) -> None:
        """A closer look at the difference."""
        self.ran.append(argv)
        if self.report is not None:
            Path(argv[2]).write_text(self.report)
        raise ToolError("diffoscope failed")


@pytest.fixture
def bench(project: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(project)
    monkeypatch.setattr(Reproduce, "boot_media", lambda _self: made.session)
    monkeypatch.setattr(module, "make_display", lambda _kind, _stream: made)
    monkeypatch.setattr(module, "is_damaged", lambda _product, _engine: False)
    monkeypatch.setattr(module, "find_tool", lambda _name: None)
    monkeypatch.setattr(module, "source_date_epoch", lambda: "7")
    for name in ("rebuild", "copy_checkout", "verdicts"):
        monkeypatch.setattr(reproduce, name, getattr(made, name))
    monkeypatch.setattr(reproduce, "lay_out_mirror", lambda _engine, at: made.mirrors.append(at))
    return made


def run(status: int) -> None:
    assert Reproduce().execute({}, []) == status


def test_the_same_result(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.place.mkdir(parents=True)
    (bench.place / "of an earlier run").touch()
    run(0)
    assert capsys.readouterr().out.split() == ["cd.iso", "the", "same", "1" * 64]
    assert not bench.place.exists()
    root = bench.session.root
    assert bench.compared == (
        root / "dist",
        bench.place / "elsewhere/dist",
        {"cd.iso": ["tree", "image:iso"]},
    )
    started, finished, closed = bench.events
    assert (started, closed) == (Started("reproduce"), Started("closed"))
    assert isinstance(finished, Finished)
    assert (finished.stage, finished.outcome) == ("reproduce", "built")
    assert 0 <= finished.seconds < 300


def test_how_the_second_build_runs(bench: Bench) -> None:
    run(0)
    mirror = bench.place / "mirror"
    assert bench.words == ["iso", "domu-images", "release=mini", "jobs=3", f"mirror={mirror}"]
    assert bench.mirrors == [mirror]
    root = bench.session.root
    assert bench.apart == (root / "build", root / "dist")
    assert bench.rest["epoch"] == "7"
    assert bench.rest["log"] == root / "build/logs/reproduce.log"
    assert (root / "build/logs").is_dir()


def test_a_release_with_its_own_mirror_has_it_built_again(bench: Bench) -> None:
    bench.session.plan.release.mirror_source = "mirror"
    run(0)
    assert bench.words == ["iso", "domu-images", "release=mini", "jobs=3"]
    assert bench.mirrors == []


def test_progress_of_the_second_build_is_shown(bench: Bench) -> None:
    progress = {"event": "progress", "done": 1, "total": 2, "unit": "files", "stage": "kernel:x"}
    bench.lines = ["a note", json.dumps(progress), json.dumps({"event": "finished"}), ""]
    run(0)
    assert bench.events[1] == Progress("reproduce", 1, 2, "files", "kernel:x")
    assert len(bench.events) == 4


ERROR = {"event": "error", "what": "no space", "where": "w", "why": "y", "hint": "h", "log": "l"}


def test_the_first_error_of_the_second_build(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.error = ToolError("doit failed", log=Path("all.log"))
    bench.lines = [json.dumps(ERROR), json.dumps({**ERROR, "what": "another"})]
    run(3)
    error = capsys.readouterr().err
    assert "the second build failed: no space" in error
    assert "another" not in error
    assert "all.log" not in error
    assert bench.events[-1] == Started("closed")
    bench.lines = [json.dumps({**ERROR, "log": ""})]
    run(3)
    assert "all.log" in capsys.readouterr().err


def test_a_second_build_that_fails_without_an_error(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.error = ToolError("doit failed")
    run(3)
    assert "doit failed" in capsys.readouterr().err


def different(bench: Bench, parts: int, *stages: str) -> None:
    found = Verdict("cd.iso", "1" * 64, False, stages, tuple(f"part {n}" for n in range(parts)))
    bench.found = [SAME, found]


def test_a_difference_is_shown_and_kept(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    different(bench, 10, "tree:cd", "image:cd")
    run(1)
    lines = capsys.readouterr().out.splitlines()
    assert "DIFFERS" in lines[1]
    other = bench.place / "elsewhere/dist/cd.iso"
    assert lines[2:] == [
        "cd.iso differs, first after the stage tree:cd",
        *(f"    part {number}" for number in range(10)),
        f"    diffoscope {bench.session.root}/dist/cd.iso {other}",
    ]
    assert bench.place.exists()


def test_ten_differences_are_named(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    different(bench, 12)
    run(1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "cd.iso differs, first after the stage that writes it"
    assert lines[-3:-1] == ["    part 9", "    and 2 more"]


def test_diffoscope_looks_closer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "find_tool", Path)
    different(bench, 0)
    bench.report = "what differs"
    run(1)
    report = bench.session.store.logs / "reproduce-cd.iso.txt"
    assert capsys.readouterr().out.splitlines()[-1] == f"    {report}"
    assert bench.ran == [
        [
            "diffoscope",
            "--text",
            report,
            bench.session.root / "dist/cd.iso",
            bench.place / "elsewhere/dist/cd.iso",
        ]
    ]
    report.unlink()
    bench.report = None
    run(1)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "    diffoscope could not compare them: diffoscope failed"


@pytest.mark.parametrize("case", ["unknown", "outdated", "damaged"])
def test_images_must_be_built_and_whole(
    bench: Bench,
    case: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if case == "unknown":
        bench.session.engine.done = {}
    elif case == "outdated":
        bench.is_current = False
    else:
        monkeypatch.setattr(module, "is_damaged", lambda _product, _engine: True)
    run(3)
    error = capsys.readouterr().err
    text = "iso is damaged" if case == "damaged" else "iso is not built, or is out of date"
    assert text in error
    assert "run doit iso domu-images" in error
    assert bench.words == []


def test_it_takes_no_arguments(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert Reproduce().execute({}, ["iso"]) == 3
    assert "doit reproduce takes no arguments" in capsys.readouterr().err
    assert bench.words == []
