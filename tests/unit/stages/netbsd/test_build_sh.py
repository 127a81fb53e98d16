"""Progress of a build.sh: what is counted, and out of how many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support.stages.stage_bench import Bench

from buildlib.model.errors import ToolError
from buildlib.model.events import Event, Progress
from buildlib.stages.netbsd.build_log import ErrorScanner
from buildlib.stages.netbsd.build_sh import BuildSh, _explained
from buildlib.stages.netbsd.interrupted import InterruptedBuild
from buildlib.stages.netbsd.toolchain import Toolchain

NETBSD = BuildSh((), "10.1", "amd64", "x86_64", ("cc", "c++"), (), {})
# As NetBSD's makefiles print it, with MAKEVERBOSE 2 and 1; and GNU's.
KERNEL = [
    "===> Building kernel from: XEN3_DOM0",
    "#    create  XEN3_DOM0/assym.h",
    "#    create  XEN3_DOM0/acpi.d",
    "     create  XEN3_DOM0/vm.d",
    "#    create  XEN3_DOM0/.depend",
    "#   compile  XEN3_DOM0/acpi.o",
    "x86_64--netbsd-gcc -O2 -I. -c acpi.c -o acpi.o",
    "    compile  XEN3_DOM0/vm.o",
]
TOOLS = [
    "gcc -O2 -c -o one.o ../src/one.c",
    "#    create  mtree/create.d",
    "#   compile  mtree/create.lo",
]


@dataclass
class Seen:
    """What a run told."""

    progress: list[tuple[int, int, str]] = field(default_factory=list)

    def sink(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.progress.append((event.done, event.total, event.what))


Run = Callable[..., list[tuple[int, int, str]]]


@pytest.fixture
def run(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a build.sh that prints these lines. Returns its progress."""
    context = bench.context(Toolchain(NETBSD))
    sources = context.workspaces.get(
        "sources", "0" * 16, lambda folder: (folder / "usr/src").mkdir(parents=True)
    )
    monkeypatch.setattr(InterruptedBuild, "sweep", lambda _self: left[0])
    left: list[int | None] = [None]
    numbers = iter(range(100))

    def run(
        lines: list[str], *, build: BuildSh = NETBSD, what: str = "tools", done: int | None = None
    ) -> list[tuple[int, int, str]]:
        left[0] = done
        seen = Seen()
        folder = tmp_path / str(next(numbers))
        folder.mkdir()

        def printed(*_words: object, on_line: Callable[[str], None], **_rest: Any) -> None:
            for line in lines:
                on_line(line)

        now = replace(context, sink=seen.sink)
        monkeypatch.setattr(type(now), "run", lambda _self, *words, **rest: printed(*words, **rest))
        build.run(now, "tools", source=sources / "usr/src", folder=folder, what=what)
        return seen.progress

    return run


def test_files_of_the_last_build(run: Run) -> None:
    assert [part[:2] for part in run(TOOLS)] == [(1, 0), (1, 0), (2, 0)]
    assert run(TOOLS) == [(1, 2, "one.c"), (1, 2, "depend create.d"), (2, 2, "create.lo")]
    assert run([*TOOLS, TOOLS[0]])[-1] == (3, 3, "one.c"), "more than the last time"


def test_counts_are_those_of_the_release(run: Run) -> None:
    """The first toolchain of a release does not know how many files it has."""
    run(TOOLS)
    for other in (
        replace(NETBSD, version="11.0"),
        replace(NETBSD, machine_arch="i386"),
    ):
        assert {total for _, total, _ in run(TOOLS, build=other)} == {0}
        assert {total for _, total, _ in run(TOOLS, build=other)} == {2}
    assert {total for _, total, _ in run(KERNEL, what="kernel-X")} == {0}
    assert {total for _, total, _ in run(TOOLS)} == {2}


def test_the_phase_depend(run: Run) -> None:
    assert run(KERNEL, what="kernel-X") == [
        (1, 0, "depend acpi.d"),
        (2, 0, "depend vm.d"),
        (1, 0, "acpi.o"),
        (2, 0, "vm.o"),
    ]
    again = run(KERNEL, what="kernel-X")
    assert again[:3] == [(1, 2, "depend acpi.d"), (2, 2, "depend vm.d"), (1, 2, "acpi.o")]


def test_a_build_that_resumes(run: Run) -> None:
    """It lists no dependencies again, which says nothing of the next build."""
    run(KERNEL, what="kernel-X")
    assert run(KERNEL[-1:], what="kernel-X", done=1) == [(2, 2, "vm.o")]
    assert run(KERNEL, what="kernel-X")[0] == (1, 2, "depend acpi.d")


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("build.sh: Unknown operation `kernel=K'", "build-operation"),
        ("x.c:3:5: error: 'y' undeclared", "tool-failed"),
    ],
)
def test_why_build_sh_failed(printed: str, reason: str) -> None:
    scanner = ErrorScanner()
    scanner.take(printed)
    error = _explained(ToolError("?"), scanner, "kernel=/conf/K", Path("/w/src/usr/src"))
    assert (error.what, error.why) == ("build.sh kernel=K failed", printed)
    assert error.tail == (printed,)
    assert error.reason == reason
    assert bool(error.hint) == (reason == "build-operation")
