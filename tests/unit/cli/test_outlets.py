"""Standard output that accepts every write."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from buildlib.cli.outlets import Outlet

LOST = OSError(errno.ENOSPC, "no space")
START = "import sys; from buildlib.cli.outlets import *; open_outlets()\n"


def test_all_of_the_data_is_written() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data, found = b"x" * (1 << 20), bytearray()  # more than a pipe holds

    def read() -> None:
        while piece := os.read(reader, 1 << 16):
            found.extend(piece)

    thread = threading.Thread(target=read)
    thread.start()
    outlet = Outlet(writer)
    assert outlet.write(data) == len(data)
    os.close(writer)
    thread.join()
    os.close(reader)
    assert bytes(found) == data
    assert outlet.lost is None


def test_what_is_lost_is_discarded() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        outlet = Outlet(full.fileno())
        assert outlet.write(b"text") == 4
        assert outlet.lost is not None
        assert outlet.lost.errno == errno.ENOSPC
        first = outlet.lost
        assert outlet.write(b"more") == 4
        assert outlet.lost is first


def test_its_properties() -> None:
    master, slave = os.openpty()
    try:
        outlet = Outlet(slave)
        assert outlet.writable()
        assert outlet.fileno() == slave
        assert outlet.isatty()
        assert not Outlet(slave, LOST).isatty()
    finally:
        os.close(master)
        os.close(slave)


def test_a_lasting_one_continues_without_a_reader() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    outlet = Outlet(writer)
    outlet.lasting = True
    assert outlet.write(b"text") == 4
    assert outlet.lost is not None
    assert outlet.lost.errno == errno.EPIPE
    os.close(writer)


def run(code: str, **streams: object) -> subprocess.CompletedProcess[str]:
    arguments = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run(  # type: ignore[call-overload,no-any-return]  # streams of any kind
        [sys.executable, "-c", START + code], text=True, **arguments
    )


def unread(code: str) -> subprocess.CompletedProcess[str]:
    reader, writer = os.pipe()
    os.close(reader)
    ended = run(code, stdout=writer)
    os.close(writer)
    return ended


@pytest.mark.programs
def test_a_command_that_only_prints_ends_when_nobody_reads() -> None:
    ended = unread("print('x', flush=True); print('not reached', file=sys.stderr)")
    assert (ended.returncode, ended.stderr) == (128 + 13, "")


@pytest.mark.programs
def test_a_command_that_makes_something_continues(tmp_path: Path) -> None:
    ended = unread(
        "keep_running_unread(); print('x', flush=True); print('reached', file=sys.stderr)"
    )
    assert (ended.returncode, ended.stderr) == (0, "reached\n")


@pytest.mark.programs
def test_lines_are_written_immediately_when_it_continues() -> None:
    code = "keep_running_unread(); print('x'); import os; os._exit(0)"
    assert run(code).stdout == "x\n"
    assert run(code.replace("keep_running_unread();", "")).stdout == ""


@pytest.mark.programs
def test_lost_output_is_an_error() -> None:
    with open("/dev/full", "wb") as full:
        ended = run("print('x')", stdout=full)
    assert ended.returncode == 3
    assert ended.stderr.splitlines() == [
        "ERROR: the output is incomplete",
        "  where: standard output",
        f"  why:   {os.strerror(errno.ENOSPC)}",
        "  do:    redirect it elsewhere; everything else is done",
    ]


@pytest.mark.programs
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(closed: str, tmp_path: Path) -> None:
    """The next file that is opened does not become standard output."""
    code = START + (
        "f = open(sys.argv[1], 'w'); print('x'); print('y', file=sys.stderr); open_outlets()\n"
        "f.write(str(f.fileno()))"
    )
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", code, tmp_path / "f"]
    )
    assert ended.returncode == 0
    assert int((tmp_path / "f").read_text()) > 2


@pytest.mark.programs
def test_a_character_that_the_terminal_lacks_is_escaped() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", START + "print('ä…')"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert ended.stdout == b"\\xe4\\u2026\n"
