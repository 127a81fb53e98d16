"""Files of a site as text: what an editor on another system leaves in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildlib.config.shconf import Problem
from buildlib.config.site.text import LONGEST, is_ruled, read_text

UTF_16 = ["utf-16-le", "utf-16-be"]


def read(
    folder: Path, data: bytes, *, is_ruled: bool = True
) -> tuple[tuple[str, ...], list[Problem]]:
    problems: list[Problem] = []
    (folder / "file").write_bytes(data)
    return read_text(str(folder / "file"), "etc/file", problems, is_ruled=is_ruled), problems


@pytest.mark.parametrize(
    "path",
    [
        *("hosts", "myname", "mygate", "mygate6", "resolv.conf", "fstab", "rc.conf", "ifaliases"),
        *("rc.conf.d/network", "rc.conf.d/dhcpcd", "ifconfig.wm0", "ifconfig.xennet12"),
    ],
)
def test_files_with_rules(path: str) -> None:
    assert is_ruled(path)


@pytest.mark.parametrize(
    "path", ["host", "sub/hosts", "rc.conf.d/sshd", "ifconfig.wm", "ifconfig.0", "ifconfig.WM0"]
)
def test_files_without_rules(path: str) -> None:
    assert not is_ruled(path)


def test_a_good_file(tmp_path: Path) -> None:
    assert read(tmp_path, "one\n\n\tzwölf\n".encode()) == (("one", "", "\tzwölf"), [])
    assert read(tmp_path, b"") == ((), [])
    assert read(tmp_path, b"\n") == (("",), [])


@pytest.mark.parametrize(
    ("data", "lines", "problem"),
    [
        (
            b"one\ntwo",
            ("one", "two"),
            Problem(
                "etc/file",
                2,
                "the last line has no line end",
                "end it with a line feed, because some programs ignore it otherwise",
                "line-end",
            ),
        ),
        (
            b"\xef\xbb\xbfone\n",
            ("one",),
            Problem(
                "etc/file",
                1,
                "begins with a byte order mark",
                "save it as UTF-8 without one",
                "line-end",
            ),
        ),
        (
            b"one\ntwo\r\nthree\r\n",
            ("one", "two", "three"),
            Problem(
                "etc/file",
                2,
                "the line ends in CR LF, as on Windows",
                "save the file with Unix line ends",
                "line-end",
            ),
        ),
        (
            b"one\nt\xe4o\nthree\n",
            ("one", "", "three"),
            Problem("etc/file", 2, "byte 0xe4 is not UTF-8", "save it as UTF-8", "syntax"),
        ),
        (
            b"one\rtwo\n",
            ("",),
            Problem(
                "etc/file",
                1,
                r"has the control character '\r'",
                "save it with Unix line ends",
                "syntax",
            ),
        ),
        (
            b"one\n\0\n",
            ("one", ""),
            Problem("etc/file", 2, r"has the control character '\x00'", "", "syntax"),
        ),
        (
            b"a\x7fb\n",
            ("",),
            Problem("etc/file", 1, r"has the control character '\x7f'", "", "syntax"),
        ),
    ],
    ids=["no end", "mark", "CR LF", "Latin 1", "CR", "NUL", "DEL"],
)
def test_what_servers_cannot_read(
    tmp_path: Path, data: bytes, lines: tuple[str, ...], problem: Problem
) -> None:
    assert read(tmp_path, data) == (lines, [problem])


def test_a_long_file_with_rules_is_not_read(tmp_path: Path) -> None:
    assert read(tmp_path, b"x" * (LONGEST - 2) + b"\n")[1] == []
    assert read(tmp_path, b"x" * LONGEST) == (
        (),
        [Problem("etc/file", 0, "is longer than 1 MiB", reason="unreadable")],
    )


@pytest.mark.parametrize("data", [b"text\n", b"no end", b"Latin \xe4\n", b"\0binary\r\n", b""])
def test_other_files_may_be_anything(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data, is_ruled=False) == ((), [])


@pytest.mark.parametrize("encoding", UTF_16)
def test_no_file_is_in_utf_16(tmp_path: Path, encoding: str) -> None:
    data = "\ufeffa=1\n".encode(encoding)
    assert read(tmp_path, data, is_ruled=False) == (
        (),
        [Problem("etc/file", 0, "is text in UTF-16", "save it as UTF-8", "line-end")],
    )


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfone\n", b"one\r\n"])
def test_other_files_have_unix_line_ends_too(tmp_path: Path, data: bytes) -> None:
    lines, problems = read(tmp_path, data, is_ruled=False)
    assert lines == ()
    assert [problem.reason for problem in problems] == ["line-end"]


def test_of_other_files_the_beginning_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, b"x" * (1 << 16) + b"\r\n", is_ruled=False) == ((), [])
    assert read(tmp_path, b"x" * (LONGEST + 1), is_ruled=False) == ((), [])


def test_a_missing_file_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_text(str(tmp_path / "none"), "etc/none", [], is_ruled=True)
