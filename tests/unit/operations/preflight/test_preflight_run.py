"""What is checked before which run, and how problems are put together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.config.build_sh import Space
from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError, SourceError, ToolError
from buildlib.operations.preflight import preflight as module
from buildlib.operations.preflight.pending_work import PendingWork
from buildlib.operations.preflight.preflight import (
    check,
    fetch_problems,
    host_problems,
    product_problems,
    tool_problems,
    unlocked_problems,
)

SPACE = Space(0, 0, 0, 0)
TOOLCHAIN, KERNELS = PendingWork(toolchain=True), PendingWork(kernels=2)


def release_of(**more: Any) -> Any:
    compiler = SimpleNamespace(c="cc", cxx="c++")
    return SimpleNamespace(
        name="mini",
        build=SimpleNamespace(space=SPACE, compiler=compiler),
        mirror_source="",
        signature=SimpleNamespace(list="the list"),
        **more,
    )


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The host's properties; a test changes them."""
    found: dict[str, Any] = {"noexec": False, "compilers": [], "full": False}

    def compilers(*_any: object) -> list[str]:
        if isinstance(found["compilers"], OSError):
            raise found["compilers"]
        return list(found["compilers"])

    monkeypatch.setattr(module, "forbids_programs", lambda _folder: found["noexec"])
    monkeypatch.setattr(module, "compiler_problems", compilers)
    monkeypatch.setattr(module, "is_nearly_full", lambda _folder: found["full"])
    monkeypatch.setattr(module, "space_left", lambda _folder: "7 kB are left")
    monkeypatch.setattr(module, "space_problems", lambda *_any, **_more: ["no space"])
    return found


def store_at(folder: Path) -> Any:
    return SimpleNamespace(
        build=folder,
        runner=None,
        blobs=SimpleNamespace(fresh=lambda: str(folder / "new")),
        workspaces=SimpleNamespace(unfinished=lambda _kinds: (0, 0)),
    )


def lacks(folder: Path, work: PendingWork) -> list[str]:
    return host_problems(release_of(), work, store_at(folder))


def test_compilers_are_tried_for_a_toolchain_only(tmp_path: Path, host: dict[str, Any]) -> None:
    host["compilers"] = ["cc makes no programs"]
    assert lacks(tmp_path, KERNELS) == ["no space"]
    assert lacks(tmp_path, TOOLCHAIN) == ["no space", "cc makes no programs"]


def test_a_disk_without_programs(tmp_path: Path, host: dict[str, Any]) -> None:
    host["noexec"] = True
    for work in (KERNELS, TOOLCHAIN):
        _, problem = lacks(tmp_path, work)
        assert problem.startswith(f"programs cannot be run below {tmp_path}: ")


def test_why_nothing_can_be_compiled(tmp_path: Path, host: dict[str, Any]) -> None:
    host["full"] = True
    assert lacks(tmp_path, TOOLCHAIN) == ["no space"]
    host["compilers"] = ["cc makes no programs", "c++ makes none"]
    _, problem = lacks(tmp_path, TOOLCHAIN)
    assert problem.startswith("nothing can be compiled: only 7 kB are left: ")
    host.update(full=False, compilers=OSError(28, "No space left on device"))
    assert lacks(tmp_path, TOOLCHAIN)[1:] == [
        f"nothing can be compiled below {tmp_path}: No space left on device"
    ]


def test_missing_tools_are_named_once() -> None:
    errors = {
        "a": [ToolError("the tool cc is not installed", hint="install gcc")],
        "b": [
            ToolError("the tool xorriso is not installed", hint="install xorriso"),
            ToolError("the tool cc is not installed", hint="install gcc"),
        ],
    }
    engine: Any = SimpleNamespace(keys=SimpleNamespace(missing=errors.__getitem__))
    stages: Any = ("a", "b")
    xorriso = "the tool xorriso is not installed: install xorriso"
    assert tool_problems(engine, stages, reported=frozenset({"cc"})) == [xorriso]
    assert tool_problems(engine, stages, reported=frozenset()) == [
        "the tool cc is not installed: install gcc",
        xorriso,
    ]


def test_folders_of_products(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ref = OutputRef("a", "b")
    good = Product("good", tmp_path / "dist", {"x": ref})
    bad = [Product(name, tmp_path / "file/dist", {"x": ref}) for name in ("one", "two")]
    assert product_problems([good]) == []
    (problem,) = product_problems([good, *bad])
    assert problem == (
        f"two cannot be written to {tmp_path}/file/dist: {tmp_path}/file is not a folder: "
        "choose another folder with dist=FOLDER"
    )


class Offline:
    """Mirrors that are not asked, except for what a folder has."""

    roots = ("http://x",)

    def urls(self, path: str) -> list[str]:
        """Where it is."""
        if path.startswith("http"):
            raise SourceError("offline", reason="offline")
        return [path]


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, " and 1 more")])
def test_what_cannot_be_fetched_offline(tmp_path: Path, count: int, more: str) -> None:
    (tmp_path / "there").touch()
    paths = [f"http{number}" for number in range(count)]
    mirrors: Any = Offline()
    (problem,) = fetch_problems(mirrors, [str(tmp_path / "there"), *paths])
    assert problem == (
        "not in the store, and fetching is disabled (offline): "
        f"http0, http1, http2{more}: run once with offline=no"
    )
    assert fetch_problems(mirrors, [str(tmp_path / "there")]) == []


def unlocked(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> list[Any]:
    """What is looked at for a release without a lock."""
    looked: list[Any] = []

    def lacking(_release: Any, work: PendingWork, _store: Any) -> list[str]:
        looked.append(work)
        return ["the host"]

    def fetching(mirrors: Any, paths: tuple[str, ...]) -> list[str]:
        looked.append((mirrors, paths))
        return ["the mirror"]

    monkeypatch.setattr(module, "host_problems", lacking)
    monkeypatch.setattr(module, "fetch_problems", fetching)
    monkeypatch.setattr(module, "mirrors_of", lambda _release, **how: how)
    release = release_of()
    release.mirror_source = more.pop("mirror_source", "")
    configuration: Any = SimpleNamespace(
        unread=more.pop("unread", ()),
        release=release,
        settings=SimpleNamespace(mirror=more.pop("mirror", ""), offline=False),
        recipes={name: SimpleNamespace(kernel=name[0]) for name in ("a1", "a2", "b")},
    )
    looked.append(unlocked_problems(configuration, store_at(folder)))
    return looked


WHOLE = PendingWork(sources=True, toolchain=True, kernels=2)


def test_a_release_without_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ({"mirror": "", "offline": False}, ("the list",))
    assert unlocked(tmp_path, monkeypatch) == [WHOLE, asked, ("the host", "the mirror")]
    assert unlocked(tmp_path, monkeypatch, unread=("x",)) == [()]
    own = unlocked(tmp_path, monkeypatch, mirror_source="mirror")
    assert own == [WHOLE, ("the host",)]
    both = unlocked(tmp_path, monkeypatch, mirror_source="mirror", mirror="http://x")
    assert both == [
        WHOLE,
        ({"mirror": "http://x", "offline": False}, ("the list",)),
        ("the host", "the mirror"),
    ]


class Run:
    """A run, and the problems that each kind of check finds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trees: list[ConfigError] = []
        self.work = PendingWork()
        self.done: list[str] = []
        self.reported: frozenset[str] = frozenset()
        self.folder = folder
        self.roots: tuple[str, ...] = ("http://x",)
        monkeypatch.setattr(module, "pending", lambda _engine, _names: {"a": "A", "b": "B"})
        monkeypatch.setattr(module, "long_ones", lambda _engine, _names: ["b", "c"])
        monkeypatch.setattr(module, "work_of", self.work_of)
        monkeypatch.setattr(module, "tree_problems", self.tree_problems)
        monkeypatch.setattr(module, "tool_problems", self.tool_problems)
        for name in ("host_problems", "product_problems", "fetch_problems"):
            monkeypatch.setattr(module, name, self.looking(name))

    def looking(self, name: str) -> Any:
        """A check that notes its name, and finds nothing."""

        def look(*_any: object) -> list[str]:
            self.done.append(name)
            return []

        return look

    def work_of(self, _engine: object, stages: dict[str, str]) -> PendingWork:
        """The work, of what is pending and takes long."""
        assert stages == {"b": "B"}
        return self.work

    def tree_problems(self, _engine: object, _stages: object, *, room: int) -> Iterator[Any]:
        """Those of the trees."""
        assert room > 0
        yield from self.trees

    def tool_problems(
        self, _engine: object, stages: tuple[str, ...], *, reported: frozenset[str]
    ) -> list[str]:
        """Those of tools."""
        assert stages == ("A", "B")
        self.reported = reported
        self.done.append("tool_problems")
        return []

    def check(self) -> ConfigError | None:
        """The error."""
        engine: Any = SimpleNamespace(store=store_at(self.folder))
        product = SimpleNamespace(folder=self.folder / "dist")
        plan: Any = SimpleNamespace(
            release=release_of(),
            products={"iso": product},
            mirrors=SimpleNamespace(roots=self.roots),
        )
        self.done.clear()
        try:
            check(engine, plan, ["iso", "verify"])
        except ConfigError as error:
            return error
        return None


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def test_which_checks_a_run_needs(run: Run) -> None:
    assert run.check() is None
    assert run.done == ["fetch_problems"]
    run.work = KERNELS
    assert run.check() is None
    whole = ["host_problems", "tool_problems", "product_problems", "fetch_problems"]
    assert (run.done, run.reported) == (whole, frozenset())
    run.work = TOOLCHAIN
    assert run.check() is None
    assert (run.done, run.reported) == (whole, frozenset({"cc", "c++"}))


def test_a_mirror_that_this_run_makes_is_not_asked(run: Run) -> None:
    run.roots = (str(run.folder / "dist"),)
    assert run.check() is None
    assert run.done == []


def test_a_single_problem_of_a_recipe_is_the_error(run: Run) -> None:
    one = ConfigError("no", where="a.toml", reason="clash")
    run.trees = [one, ConfigError("no", where="a.toml", reason="clash")]
    found = run.check()
    assert found is not None
    assert (found.what, found.where, found.reason) == ("no", "a.toml", "clash")


def test_several_problems_are_one_error(run: Run) -> None:
    run.trees = [ConfigError("no", where="a.toml"), ConfigError("nor", where="b.toml")]
    found = run.check()
    assert found is not None
    assert found.what == "this build cannot succeed"
    assert found.problems == ("a.toml: no", "b.toml: nor")
    assert (found.where, found.reason) == ("release mini", "preflight")
