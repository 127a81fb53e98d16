"""Properties of the build host in keys: tools, folders, libraries, packages, compilers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildlib.engine import keys as module
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.keys import InputNotBuilt, Keys
from buildlib.engine.stage import HostPackage, OutputRef, SourceFile, SourceTree, Stage
from buildlib.host.distribution import DistributionPackage
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, StageError, ToolError
from buildlib.store.records import Output
from buildlib.store.store import Store

ONE, TWO = OutputRef("one", "out"), OutputRef("two", "out")


@dataclass(frozen=True)
class Toy(Stage):
    """A stage that accepts any value."""

    value: object


class Host:
    """The host's tools and answers, and keys over a store of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.store = Store(folder / "build")
        self.keys = Keys(self.store, CodeDigests(self.store.seen))
        self.answers: dict[str, str | None] = {}
        self.asked: list[str] = []
        monkeypatch.setattr(module, "find_tool", self.find_tool)
        monkeypatch.setattr(type(self.store.runner), "answer", self.answer)

    def find_tool(self, name: str) -> Path | None:
        """A tool is a file in the folder."""
        path = self.folder / name
        return path if path.exists() else None

    def answer(self, argv: list[str]) -> str | None:
        """What a program prints."""
        self.asked.append(argv[-1])
        return self.answers.get(argv[-1], "")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_tool_is_its_path_and_content(host: Host) -> None:
    path = host.folder / "tool"
    path.write_bytes(b"a tool")
    assert host.keys.tool("tool") == (path, digest(b"a tool"))
    path.unlink()
    assert host.keys.tool("tool")[0] == path, "it is read once per run"


@pytest.mark.parametrize(("tool", "package"), [("cc", "gcc"), ("xorriso", "xorriso")])
def test_a_tool_that_is_missing(host: Host, tool: str, package: str) -> None:
    with pytest.raises(ToolError, match=f"the tool {tool} is not installed") as error:
        host.keys.tool(tool)
    assert error.value.hint == f"apt-get install {package}"
    assert error.value.reason == "tool-missing"


@dataclass(frozen=True)
class Uses(Stage):
    """A stage that needs things of the host."""

    LIBRARIES = ("pytest", "no_such_library")
    TOOLS = ("tool", "no-tool")

    folders: tuple[str, ...] = ()
    package: HostPackage | None = None

    def host_folders(self) -> tuple[str, ...]:
        """The folders."""
        return self.folders


def test_everything_that_the_host_lacks_is_named(host: Host) -> None:
    (host.folder / "tool").touch()
    stage = Uses(("/no/i386-pc", "/no/other", str(host.folder / "build")))
    found = host.keys.missing(stage)
    assert [(error.what, error.hint) for error in found] == [
        ("the tool no-tool is not installed", "apt-get install no-tool"),
        ("/no/i386-pc is missing", "apt-get install grub-pc-bin"),
        ("/no/other is missing", "apt-get install other"),
        ("the Python package no_such_library is not installed", "make venv"),
    ]
    assert {error.reason for error in found} == {"tool-missing"}


def test_a_package_of_the_host_needs_apt(host: Host) -> None:
    found = host.keys.missing(Uses(package=HostPackage("xen-*")))
    assert "the tool apt-cache is not installed" in [error.what for error in found]


def test_a_library_s_version_is_in_its_metadata(host: Host) -> None:
    assert host.keys._library("pytest") == pytest.__version__
    assert host.keys._library("buildlib") == "unknown", "it runs from the checkout"


def test_a_folder_and_a_file_of_the_host(host: Host) -> None:
    folder = host.folder / "share"
    folder.mkdir()
    before = host.keys._folder(str(folder))
    (folder / "file").write_bytes(b"data")
    assert host.keys._folder(str(folder)) != before
    assert host.keys._host_file(str(folder / "file")) == digest(b"data")
    assert host.keys._host_file(str(folder / "none")) == ""
    assert host.keys._host_file(str(folder)) == ""


@pytest.mark.parametrize("has_lists", [True, False])
def test_a_package_of_the_distribution(
    host: Host, *, has_lists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    cached: list[tuple[str, str]] = []

    def memo(path: str, make: Callable[[str], str], *_more: object, kind: str = "") -> str:
        if kind:
            cached.append((path, kind))
        return make(path)

    def candidate(pattern: str, _output: object, *, hint: str) -> DistributionPackage:
        asked.append((pattern, hint))
        return DistributionPackage("xen-4", "4.17", "a" * 64)

    monkeypatch.setattr(module, "candidate", candidate)
    lists = str(host.folder if has_lists else host.folder / "none")
    monkeypatch.setattr(module, "LISTS", lists)
    monkeypatch.setattr(host.store.seen, "memo", memo)
    (host.folder / "apt-cache").touch()
    package = HostPackage("xen-*", "install xen")
    assert host.keys.host_package(package) == DistributionPackage("xen-4", "4.17", "a" * 64)
    assert asked == [("xen-*", "install xen")]
    assert cached == [(lists, "apt xen-*")] * has_lists, "until the lists change"
    assert host.keys.inputs(Toy(package)) == {"xen-4 4.17": "a" * 64}
    value = host.keys.document(Toy(package), {})["fields"]["value"]
    assert value == {
        "class": "HostPackage",
        "name": "xen-4",
        "version": "4.17",
        "sha256": "a" * 64,
    }


@dataclass(frozen=True)
class Compiling(Stage):
    """A stage with a compiler."""

    def compilers(self) -> tuple[str, ...]:
        """The compiler."""
        return ("cc",)


def test_programs_and_headers_of_a_compiler(host: Host) -> None:
    for name in ("cc", "cc1", "lto1"):
        (host.folder / name).write_bytes(name.encode())
    (host.folder / "include").mkdir()
    program = "-print-prog-name={}".format
    host.answers = {
        program("cc1"): f"{host.folder}/cc1\n",
        program("cc1plus"): f"{host.folder}/none\n",
        program("collect2"): "collect2\n",
        program("lto1"): f"{host.folder}/lto1\nand more\n",
        program("lto-wrapper"): f"{host.folder}/include\n",
        "-print-file-name=include": f"{host.folder}/include\n",
    }
    found = host.keys.programs(Compiling())
    assert found == {
        "cc cc1": digest(b"cc1"),
        "cc include": host.keys._folder(str(host.folder / "include")),
    }
    assert host.asked == [*host.answers]
    host.keys.programs(Compiling())
    assert host.asked == [*host.answers], "they are read once per run"


def test_headers_are_a_folder_and_programs_are_files(host: Host) -> None:
    for name in ("cc", "include"):
        (host.folder / name).touch()
    host.answers = {"-print-file-name=include": f"{host.folder}/include\n"}
    assert host.keys.programs(Compiling()) == {}


def test_a_compiler_that_does_not_name_its_programs(host: Host) -> None:
    (host.folder / "cc").touch()
    host.answers = {"-print-prog-name=cc1": f"{host.folder}/cc\n", "-print-prog-name=lto1": None}
    assert host.keys.programs(Compiling()) == {}


def test_a_source_that_cannot_be_read(host: Host) -> None:
    with pytest.raises(ConfigError, match="a/file cannot be read") as error:
        host.keys.document(Toy(SourceFile(host.folder / "none", "a/file")), {})
    assert error.value.where == str(host.folder / "none")
    assert (error.value.why, error.value.reason) == ("No such file or directory", "file")


def test_an_output_that_is_not_made_yet(host: Host) -> None:
    with pytest.raises(InputNotBuilt) as error:
        host.keys.document(Toy((ONE, TWO)), {ONE: Output(Blob("1" * 64, 1))})
    assert error.value.stage == "two"


def test_a_stage_that_is_no_dataclass_has_no_key(host: Host) -> None:
    class Plain(Stage):
        def __post_init__(self) -> None:
            """It has no fields."""

    with pytest.raises(StageError) as error:
        host.keys.document(Plain(), {})
    assert error.value.reason == "key-field"


def test_a_folder_is_marked_with_its_spec(host: Host) -> None:
    folder = host.folder / "overlay"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/motd").touch()
    assert [*host.keys.marks(Toy(SourceTree(folder, "o")))] == [
        "overlay.mtree",
        "o/etc",
        "o/etc/motd",
    ]
