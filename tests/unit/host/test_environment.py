"""What is read of the caller's environment and of the host, and what is left alone."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from buildlib.host import environment


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("GOLDMASTER_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def one_processor() -> Iterator[None]:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.mark.usefixtures("one_processor")
def test_processors_are_those_that_this_process_may_use() -> None:
    assert environment.processors() == 1


def test_settings_are_variables_with_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.all_settings() == {}
    monkeypatch.setenv("GOLDMASTER_JOBS", "3")
    monkeypatch.setenv("GOLDMASTER_MIRROR", "")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "9")
    assert environment.all_settings() == {"jobs": "3", "SOURCE_DATE_EPOCH": "9"}
    assert environment.setting("jobs") == "3"
    assert environment.setting("mirror") is None
    assert environment.source_date_epoch() == "9"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    assert environment.all_settings() == {"jobs": "3"}
    assert environment.source_date_epoch() is None


def test_a_tool_gets_those_variables_of_the_caller_that_are_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SET", "1")
    monkeypatch.setenv("EMPTY", "")
    assert environment.caller_environment("SET", "EMPTY", "UNSET") == {"SET": "1"}


@pytest.mark.parametrize(
    ("name", "can"), [("xterm", True), ("dumb", False), ("unknown", False), ("", False)]
)
def test_terminals(monkeypatch: pytest.MonkeyPatch, name: str, can: bool) -> None:
    monkeypatch.setenv("TERM", name)
    assert environment.can_move_lines() is can


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        ({"http_proxy": "a"}, {"http_proxy": "http_proxy"}),
        ({"FTP_PROXY": "a"}, {"ftp_proxy": "FTP_PROXY", "FTP_PROXY": "FTP_PROXY"}),
        (
            {"no_proxy": "a", "NO_PROXY": "b"},
            {"no_proxy": "no_proxy", "NO_PROXY": "NO_PROXY"},
        ),
        (
            {"all_proxy": "a", "https_proxy": "b"},
            {"all_proxy": "all_proxy", "https_proxy": "https_proxy", "http_proxy": "all_proxy"},
        ),
        ({"http_proxy": ""}, {}),
    ],
    ids=["none", "small", "capitals", "both", "all", "empty"],
)
def test_proxies(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], found: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert environment.proxies() == found


def test_boots_and_machines_are_named_by_the_kernel() -> None:
    assert len(environment.boot_id()) == 36
    assert environment.machine_id() == "" or len(environment.machine_id()) == 32


@pytest.mark.parametrize(("text", "alone"), [("deny", True), ("allow", False), ("", False)])
def test_a_namespace_may_have_no_other_users(
    text: str, alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_read", lambda _path: text)
    assert environment.has_no_other_users() is alone


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert environment._read(str(tmp_path / "none")) == ""
    (tmp_path / "bytes").write_bytes(b"\xff")
    assert environment._read(str(tmp_path / "bytes")) == ""
    (tmp_path / "text").write_text(" text\n")
    assert environment._read(str(tmp_path / "text")) == "text"


def test_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "time", lambda: 7.0)
    monkeypatch.setattr(time, "monotonic", lambda: 9.0)
    monkeypatch.setattr(time, "sleep", slept.append)
    environment.pause(0.5)
    assert (environment.now(), environment.monotonic(), slept) == (7.0, 9.0, [0.5])


def test_a_tool_is_the_first_program_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c", "d")]
    monkeypatch.setattr(environment, "TOOL_PATH", ":".join(map(str, folders)))
    for folder in folders:
        folder.mkdir()
    assert environment.tool_candidates("cc") == [f"{folder}/cc" for folder in folders]
    assert environment.find_tool("cc") is None
    (tmp_path / "a/cc").mkdir()
    (tmp_path / "b/cc").touch(0o644)
    (tmp_path / "real").touch(0o755)
    (tmp_path / "c/cc").symlink_to(tmp_path / "real")
    (tmp_path / "d/cc").touch(0o755)
    assert environment.find_tool("cc") == tmp_path / "real"


def mounted(monkeypatch: pytest.MonkeyPatch, **values: int) -> None:
    status = SimpleNamespace(f_files=0, f_favail=0, f_flag=0)
    vars(status).update(values)
    monkeypatch.setattr(os, "statvfs", lambda _folder: status)


def test_room_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=9, used=4, free=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    assert environment.free_bytes(tmp_path) == 3
    mounted(monkeypatch, f_files=100, f_favail=7)
    assert environment.free_files(tmp_path) == 7
    mounted(monkeypatch, f_files=0, f_favail=0)
    assert environment.free_files(tmp_path) is None, "inodes are made on demand"


def test_a_file_system_without_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(monkeypatch, f_flag=os.ST_NOEXEC | os.ST_NOSUID)
    assert environment.forbids_programs(tmp_path) is True
    mounted(monkeypatch, f_flag=os.ST_NOSUID)
    assert environment.forbids_programs(tmp_path) is False


def test_folders_that_take_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbids = environment.forbids_files
    assert forbids(tmp_path, ["a"]) == ""
    assert forbids(tmp_path / "new/folder", ["a"]) == ""
    (tmp_path / "file").touch()
    assert forbids(tmp_path / "file/folder", ["a"]) == f"{tmp_path}/file is not a folder"
    asked: list[int] = []
    monkeypatch.setattr(os, "access", lambda _path, how: asked.append(how))
    assert forbids(tmp_path, ["a"]) == "Permission denied"
    assert asked == [os.W_OK | os.X_OK]
    mounted(monkeypatch, f_flag=os.ST_RDONLY | os.ST_NOSUID)
    assert forbids(tmp_path, ["a", "file"]) == "its file system is read-only"
    assert forbids(tmp_path, ["file"]) == "", "it is there already"


def test_a_folder_that_cannot_be_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_folder: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "statvfs", fail)
    assert environment.forbids_files(tmp_path, ["a"]) == "Input/output error"
