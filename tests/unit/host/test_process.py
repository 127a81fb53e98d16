"""Tools: their environment, their logged output, and how they are ended."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.waiting import is_gone, until

from buildlib.host import process
from buildlib.host.environment import TOOL_ENVIRONMENT
from buildlib.host.process import Runner, reexec, replay
from buildlib.model.errors import Interrupted, ToolError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.3)


def sh(runner: Runner, script: str, folder: Path, *arguments: str) -> list[str]:
    lines: list[str] = []
    runner.run(
        ["sh", "-c", script, "sh", *arguments], cwd=folder, log=folder / "log", on_line=lines.append
    )
    return lines


@pytest.mark.programs
def test_a_tool_finds_nothing_of_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("PATH", "/nowhere:" + os.environ["PATH"])
    before = os.umask(0o077)
    try:
        sh(Runner(), "env | sort; umask; cat; ls /proc/self/fd | wc -l", tmp_path)
    finally:
        os.umask(before)
    *environment, umask, descriptors = (tmp_path / "log").read_text().splitlines()
    assert {line for line in environment if not line.startswith(("PWD=", "OLDPWD=", "_="))} == {
        f"{key}={value}" for key, value in TOOL_ENVIRONMENT.items()
    }
    assert umask == "0022"
    assert int(descriptors) == 4  # three, and the folder ls looks at


@pytest.mark.programs
def test_environment_is_added_and_replaced(tmp_path: Path) -> None:
    Runner().run(
        ["env"], cwd=tmp_path, log=tmp_path / "log", environment={"HOME": "/h", "A B": "c d"}
    )
    lines = (tmp_path / "log").read_text().splitlines()
    assert {"HOME=/h", "A B=c d", "LC_ALL=C"} <= set(lines)


@pytest.mark.programs
def test_output_goes_to_the_log_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    lines = sh(Runner(), r"echo one; echo two >&2; printf 'th\377ree'", tmp_path)
    assert lines == ["one", "two", "th�ree"]
    assert (tmp_path / "log").read_bytes() == b"before\none\ntwo\nth\xffree"


@pytest.mark.programs
def test_long_output_and_long_lines(tmp_path: Path) -> None:
    lines = sh(Runner(), "seq 20000; head -c 300000 /dev/zero | tr '\\0' x; echo", tmp_path)
    assert lines[:-1] == [str(number) for number in range(1, 20001)]
    assert len(lines[-1]) == 300_000


@pytest.mark.programs
def test_a_failure_tells_tail_log_and_how_to_run_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "a folder's"
    folder.mkdir()
    words = [
        "sh",
        "-c",
        'seq 30; pwd; env | sort; printf "<%s>\\n" "$@"; umask; exit 3',
        "sh",
        "two words",
        "it's",
        'a"b',
        "$HOME",
        "`x`",
        "new\nline",
        "",
        "*",
    ]
    environment = {"FLAGS": "-O2 -g", "QUOTE": "it's"}
    with pytest.raises(ToolError) as caught:
        Runner().run(words, cwd=folder, log=folder / "log", environment=environment)
    error = caught.value
    said = (folder / "log").read_bytes()
    assert error.what == "sh failed with exit status 3"
    assert error.reason == "tool-failed"
    assert error.log == folder / "log"
    assert error.tail == tuple(said.decode().splitlines()[-12:])
    assert error.command
    again = subprocess.run(
        ["sh", "-c", f"umask 022; {error.command}"], cwd="/", capture_output=True, check=False
    )
    assert (again.returncode, again.stdout) == (3, said)
    assert error.command in error.lines()[-1]


def test_the_replay_command_is_one_line_where_it_can_be() -> None:
    assert replay(["cc", "-o", "a b"], cwd=Path("/w"), environment={"B": "2", "A": "1"}) == (
        "cd /w && env -i A=1 B=2 cc -o 'a b'"
    )


@pytest.mark.programs
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (signal.SIGKILL, "SIGKILL"),
        (signal.SIGSEGV, "SIGSEGV"),
        (signal.SIGRTMIN + 3, f"signal {signal.SIGRTMIN + 3}"),
    ],
)
def test_a_tool_that_a_signal_ends(tmp_path: Path, number: int, text: str) -> None:
    with pytest.raises(ToolError, match=f"sh was ended by {text}"):
        sh(Runner(), f"kill -{int(number)} $$", tmp_path)


@pytest.mark.programs
@pytest.mark.parametrize(
    "words", [["/nonexistent/cc"], ["/etc/passwd", "x"], ["no-tool", "-c", "x"]]
)
def test_a_tool_that_cannot_be_started(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(ToolError) as caught:
        Runner().run(words, cwd=tmp_path, log=tmp_path / "log")
    assert caught.value.reason == "tool-start"
    assert caught.value.what == f"{words[0]} cannot be started"
    assert caught.value.why


@pytest.mark.programs
def test_an_answer_is_what_the_program_says_and_not_that_it_was_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = Runner()
    assert runner.answer(["sh", "-c", "echo yes"]) == "yes\n"
    assert runner.answer(["sh", "-c", "echo no; exit 1"]) is None
    assert runner.answer(["there-is-no-such-program"]) is None

    def refuse(*_words: object, **_named: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(ToolError) as caught:
        runner.answer(["sh", "-c", "echo yes"])
    assert (caught.value.where, caught.value.reason) == ("sh -c 'echo yes'", "tool-start")


@pytest.mark.programs
def test_the_output_of_a_query() -> None:
    assert Runner().output(["sh", "-c", "pwd; echo $LC_ALL"]) == "/\nC\n"
    with pytest.raises(ToolError) as caught:
        Runner().output(["sh", "-c", "seq 20; exit 1"])
    assert caught.value.tail[-1] == "20"
    assert len(caught.value.tail) == 12
    assert caught.value.command


@pytest.mark.programs
def test_a_tool_has_a_session_of_its_own(tmp_path: Path) -> None:
    (line,) = sh(Runner(), "cut -d' ' -f1,5,6 /proc/$$/stat", tmp_path)
    assert len(set(line.split())) == 1


@pytest.mark.programs
def test_a_tool_inherits_the_lock(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        assert not os.get_inheritable(file.fileno())
        runner = Runner(file.fileno)
        (line,) = sh(runner, f"readlink /proc/$$/fd/{file.fileno()}", tmp_path)
    assert line == str(tmp_path / "lock")


@pytest.mark.programs
@pytest.mark.parametrize("background", ["sleep 60 &", "(trap '' TERM HUP; sleep 60) &"])
def test_what_a_tool_leaves_in_the_background_ends_with_it(tmp_path: Path, background: str) -> None:
    """A background process keeps the output open; that does not block the run."""
    pid, end = sh(Runner(), f"{background} echo $!; echo end", tmp_path)
    assert end == "end"
    until(lambda: is_gone(int(pid)))


@pytest.mark.programs
def test_a_daemon_that_got_away_does_not_hold_up_the_run(tmp_path: Path) -> None:
    started = time.monotonic()
    (pid,) = sh(Runner(), "setsid sleep 100 & echo $!", tmp_path)
    assert time.monotonic() - started < 50
    os.kill(int(pid), signal.SIGKILL)


@pytest.mark.programs
def test_stop_ends_whole_groups_and_starts_no_more(tmp_path: Path) -> None:
    runner = Runner()
    lines: list[str] = []
    caught: list[BaseException] = []
    script = (
        "sh -c 'trap \"\" TERM; sleep 60 & echo $!; while :; do wait; done' & echo $!; "
        "trap '' TERM; while :; do wait; done"
    )

    def run(number: int) -> None:
        try:
            runner.run(
                ["sh", "-c", script],
                cwd=tmp_path,
                log=tmp_path / f"log{number}",
                on_line=lines.append,
            )
        except BaseException as error:  # noqa: BLE001  looked at below
            caught.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: len(lines) == 4)
    runner.stop()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert [type(error) for error in caught] == [Interrupted, Interrupted]
    until(lambda: all(is_gone(int(line)) for line in lines))
    with pytest.raises(Interrupted):
        sh(runner, "echo", tmp_path)
    with pytest.raises(Interrupted):
        runner.output(["true"])
    runner.stop()


@pytest.mark.programs
def test_stop_from_a_signal_while_a_tool_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler runs on the thread that is starting a tool; that tool must be ended too."""
    runner = Runner()
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        made: subprocess.Popen[bytes] = popen(*arguments, **options)
        started.append(made)
        os.kill(os.getpid(), signal.SIGUSR1)
        return made

    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: runner.stop())
    try:
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", start)
            with pytest.raises(Interrupted):
                sh(runner, "sleep 60", tmp_path)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert is_gone(started[0].pid)


@pytest.mark.programs
def test_whoever_listens_may_raise(tmp_path: Path) -> None:
    pids: list[int] = []

    def listen(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Runner().run(
            ["sh", "-c", "sleep 60 & echo $!; wait"],
            cwd=tmp_path,
            log=tmp_path / "log",
            on_line=listen,
        )
    until(lambda: is_gone(pids[0]))


@pytest.mark.programs
def test_a_log_that_cannot_be_written_ends_the_tool(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Runner().run(["sleep", "60"], cwd=tmp_path, log=tmp_path / "none/log")


@pytest.mark.programs
def test_a_tool_that_fetches_gets_the_callers_proxies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both spellings; the command to run it again does not show their values."""
    for name in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ALL_PROXY", "http://bob:S3cret@127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "a,b")
    script = ["sh", "-c", "env | grep -i proxy | sort; exit 1"]
    with pytest.raises(ToolError) as caught:
        Runner().run(script, cwd=tmp_path, log=tmp_path / "log")
    assert caught.value.tail == (), "no other tool has them"
    with pytest.raises(ToolError) as caught:
        Runner().run(script, cwd=tmp_path, log=tmp_path / "log", fetches=True)
    proxy = "http://bob:***@127.0.0.1:1"
    expected = {
        f"{name}={proxy}" for name in ("ALL_PROXY", "all_proxy", "http_proxy", "https_proxy")
    } | {"no_proxy=a,b"}
    assert set(caught.value.tail) == expected
    assert set((tmp_path / "log").read_text().splitlines()) == expected
    command = caught.value.command or ""
    assert "S3cret" not in command
    again = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert {line.replace("S3cret", "***") for line in again.stdout.splitlines()} == expected
    out = Runner().output(["sh", "-c", "echo $http_proxy"], fetches=True)
    assert out == "http://bob:S3cret@127.0.0.1:1\n"


def test_a_new_run_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, list[str]]] = []

    def execv(path: str, words: list[str]) -> None:
        started.append((path, words))
        raise SystemExit  # it does not return

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-m", "doit", "iso"])
    with pytest.raises(SystemExit):
        reexec("-X", "utf8")
    words = [sys.executable, "-X", "utf8", "-m", "doit", "iso"]
    assert started == [(sys.executable, words)]
