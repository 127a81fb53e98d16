"""What is shown: plain lines, a live terminal, events for programs, and silence."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from pathlib import Path
from typing import Any

from support.checkouts.scratch import Scratch, surroundings
from support.servers.mirror import Fault, Mirror

RC_CONF = "recipes/dom0/overlay/etc/rc.conf"
CONFIG = "kernel-configs/XEN3_DOM0_CD"
CSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(scratch: Scratch, *words: str, status: int = 0) -> str:
    """All that a terminal of 100 columns gets from a run."""
    ours, theirs = pty.openpty()
    try:
        termios.tcsetwinsize(ours, (24, 100))
        with subprocess.Popen(
            scratch.argv(*words),
            cwd=scratch.root,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=surroundings({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}),
            close_fds=True,
        ) as process:
            os.close(theirs)
            pieces = []
            while piece := _read(ours):
                pieces.append(piece)
            assert process.wait() == status, b"".join(pieces)
    finally:
        os.close(ours)
    return b"".join(pieces).decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # Linux tells the end of a pseudo-terminal so
        return b""


def lines(text: str) -> list[str]:
    """What stays on the terminal: results, without colours and what was painted over."""
    plain = CSI.sub("", text).replace("\r\n", "\n")
    return [line.rpartition("\r")[2] for line in plain.split("\n")]


# plain


def test_plain_lines_when_not_a_terminal(scratch: Scratch) -> None:
    """How it ended, which stage, how much, and why, root cause first."""
    text = scratch.read(RC_CONF)
    scratch.append(RC_CONF, "sshd=YES\n")
    ran = scratch.doit("iso")
    assert ran.err == ""
    found = [line.split(maxsplit=2) for line in ran.out.splitlines()]
    assert [words[:2] for words in found] == [
        ["built", name]
        for name in ("root:dom0", "tree:cd", "image:cd", "checksums:mini-dom0.iso", "iso")
    ]
    assert re.search(rf"\d kB  file {RC_CONF} changed: file \w{{12}} → file \w{{12}}$", found[0][2])
    assert "output root:dom0.tree changed" in found[1][2]
    assert found[4][2].endswith(str(scratch.path("dist")))
    assert "\x1b" not in ran.out
    scratch.write(RC_CONF, text)
    words = [line.split()[:2] for line in scratch.doit("iso", "progress=plain").out.splitlines()]
    assert words == [
        ["restored", name]
        for name in ("root:dom0", "tree:cd", "image:cd", "checksums:mini-dom0.iso")
    ] + [["built", "iso"]]


def test_quiet_says_nothing_but_errors(scratch: Scratch) -> None:
    scratch.append(RC_CONF, "sshd=YES\n")
    assert scratch.doit("iso", "progress=quiet").text == ""
    scratch.write("recipes/dom0/overlay/var", "No folder.\n")
    ran = scratch.doit("iso", "progress=quiet", status=1)
    assert ran.out == ""
    assert ran.err.startswith("ERROR: a file would replace a dir\n")


def test_a_setting_says_how(scratch: Scratch) -> None:
    scratch.append(RC_CONF, "sshd=YES\n")
    assert scratch.doit("iso", environment={"GOLDMASTER_PROGRESS": "quiet"}).text == ""
    scratch.append(RC_CONF, "sshd=NO\n")
    scratch.write("recipes/settings.toml", 'progress = "json"\n')
    assert scratch.doit("iso").out.startswith('{"event": ')


# live


def test_a_terminal_shows_results_and_what_runs(scratch: Scratch) -> None:
    scratch.append(CONFIG, "options \tDIAGNOSTIC\n")
    text = on_terminal(scratch, "iso")
    results = [line for line in lines(text) if line.startswith("built")]
    assert [line.split()[1] for line in results] == [
        "kernel:XEN3_DOM0_CD",
        "root:dom0",
        "tree:cd",
        "image:cd",
        "checksums:mini-dom0.iso",
        "iso",
    ]
    assert max(map(len, results)) <= 100
    assert "file kernel-con" in results[0]
    assert results[0].endswith("…")
    # a line for the stage while it runs, with a count of what is compiled
    assert re.search(r"kernel:XEN3_DOM0_CD \S* *\d+ files \w+\.o", CSI.sub("", text))
    assert "\x1b[?25l" in text
    assert text.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in text[text.rindex("\x1b[?25l") :]


def test_a_terminal_shows_bytes_and_rate_of_downloads(scratch: Scratch, mirror: Mirror) -> None:
    sha256 = scratch.outputs("fetch:amd64/binary/sets/base.tgz")["file"]
    scratch.blob(sha256).unlink()
    mirror.misbehave("NetBSD/NetBSD-mini/amd64/binary/sets/base.tgz", Fault("slow"))
    text = CSI.sub("", on_terminal(scratch, "iso", f"mirror={mirror.url}"))
    assert re.search(r"fetch:amd64/binary/sets/base\.tgz \S* *\d+\.\d kB \d+\.\d kB/s", text)


def test_a_terminal_stays_silent_where_nothing_is_to_do(scratch: Scratch) -> None:
    for _ in range(2):
        assert on_terminal(scratch, "iso") == ""


def test_an_error_on_a_terminal(scratch: Scratch) -> None:
    scratch.append(CONFIG, "options \tNO_SUCH_THING\n")
    text = lines(on_terminal(scratch, "iso", status=1))
    assert [line for line in text if line.startswith("FAILED   kernel:XEN3_DOM0_CD")]
    assert [line for line in text if line.startswith("ERROR: ")]
    assert [line for line in text if "unknown option `NO_SUCH_THING'" in line]


# json

FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "started": {"stage": str, "reasons": list},
    "progress": {"stage": str, "done": int, "total": int, "unit": str, "what": str},
    "finished": {"stage": str, "outcome": str, "seconds": (int, float), "size": int, "detail": str},
    "note": {"text": str, "stage": str},
    "error": {
        "stage": str,
        "reason": str,
        "what": str,
        "where": (str, type(None)),
        "why": (str, type(None)),
        "hint": (str, type(None)),
        "log": (str, type(None)),
        "problems": (list,),
        "tail": (list,),
        "command": (str, type(None)),
    },
}


def check_form(events: list[dict[str, Any]]) -> None:
    for event in events:
        fields = FIELDS[event["event"]]
        assert event.keys() - {"event"} >= fields.keys()
        for name, kind in fields.items():
            assert isinstance(event[name], kind), (name, event)


def test_events_have_their_form(bare: Scratch) -> None:
    """Of a whole build: each stage starts, tells how far it is, and ends."""
    events = bare.build("iso").events
    check_form(events)
    kinds = {event["event"] for event in events}
    assert kinds == {"started", "progress", "finished"}
    assert {event["outcome"] for event in events if event["event"] == "finished"} == {"built"}
    assert {event["unit"] for event in events if event["event"] == "progress"} == {"bytes", "files"}
    running: set[str] = set()
    products = {"mirror", "iso"}
    for event in events:
        if event["event"] == "started":
            assert event["stage"] not in running
            running.add(event["stage"])
        elif event["stage"] not in products:
            assert event["stage"] in running, event
        if event["event"] == "finished":
            running.discard(event["stage"])
    assert running == set()
    done = [
        event["done"]
        for event in events
        if event["event"] == "progress"
        and event["stage"] == "kernel:XEN3_DOM0_CD"
        and event["unit"] == "files"
    ]
    assert done == list(range(1, len(done) + 1))
    assert len(done) > 10


def test_errors_are_events_too(scratch: Scratch) -> None:
    scratch.append(CONFIG, "options \tNO_SUCH_THING\n")
    ran = scratch.build("iso", status=1)
    check_form(ran.events)
    (error,) = ran.errors
    assert (error["stage"], error["reason"]) == ("kernel:XEN3_DOM0_CD", "kernel-config")
    assert "NO_SUCH_THING" in Path(error["log"]).read_text()
    assert ran.finished("failed") == {"kernel:XEN3_DOM0_CD"}
    assert ran.err == ""


def test_nothing_to_do_says_nothing(scratch: Scratch) -> None:
    for progress in ("json", "plain", "live", "quiet"):
        assert scratch.doit("iso", f"progress={progress}").text == ""
