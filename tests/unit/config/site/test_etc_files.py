"""Files of /etc that identify a machine: hosts(5) and rc.conf(5)."""

from __future__ import annotations

import subprocess

import pytest

from buildlib.config.site.addresses import parse_address
from buildlib.config.site.etc_files import (
    Host,
    Line,
    Setting,
    assignments,
    is_yes,
    lines_of,
    read_hosts,
)


def test_lines_have_words_and_numbers() -> None:
    text = ["# a comment", "", "one  two # three", "\tfour", "  # five", "six#seven"]
    assert list(lines_of(text)) == [
        Line(3, ("one", "two")),
        Line(4, ("four",)),
        Line(6, ("six",)),
    ]


def test_comments_may_begin_with_other_characters() -> None:
    text = ["one ; two", "; three", "four # five"]
    assert list(lines_of(text, "#;")) == [Line(1, ("one",)), Line(3, ("four",))]
    assert list(lines_of(text, ";"))[1] == Line(3, ("four", "#", "five"))


@pytest.mark.programs
@pytest.mark.parametrize(
    ("text", "value", "is_plain"),
    [
        ("name=value", "value", True),
        ("name=", "", True),
        ("name='a b'", "a b", True),
        ('name="a b"', "a b", True),
        ("name=a\\ b", "a b", True),
        ("name=a'b'\"c\"", "abc", True),
        ("name=value # a comment", "value", True),
        ("name=a#b", "a#b", True),
        ("name='$x'", "$x", True),
        ("name=\\$x", "$x", True),
        ('name="\\$x"', "$x", True),
        ('name="\\a"', "\\a", True),
        ('name="\\\\"', "\\", True),
        ("name=$x", "$x", False),
        ("name=`x`", "`x`", False),
        ('name="$x"', "$x", False),
        ('name="`x`"', "`x`", False),
        ("name=a\\\nb", "ab", True),
        ('name="a\\\nb"', "ab", True),
        ('name="a\nb"', "a\nb", True),
        ("name='a\nb'", "a\nb", True),
        ("export name=value", "value", True),
        ("[ -f x ] && name=value", "value", True),
        ("other=1; name=value", "value", True),
        ("name=first\nname=value", "value", True),
    ],
)
def test_a_setting_is_what_sh_assigns(text: str, value: str, is_plain: bool) -> None:
    found = assignments(text.split("\n"))["name"]
    assert (found.value, found.is_plain) == (value, is_plain)
    if is_plain and "[" not in text:
        shell = subprocess.run(
            ["sh", "-c", f'{text}\nprintf %s "$name"'], capture_output=True, text=True
        )
        assert shell.stdout == value


@pytest.mark.parametrize(
    "text", ["# name=value", "x # name=value", "1name=value", "na-me=value", "'name=value'"]
)
def test_what_assigns_nothing(text: str) -> None:
    assert "name" not in assignments([text])


def test_a_setting_has_the_line_in_which_it_begins() -> None:
    text = ["a=1", "b='one", "two'", "c=3", "d=x\\", "y", "e=5"]
    assert {name: one.line for name, one in assignments(text).items()} == {
        "a": 1,
        "b": 2,
        "c": 4,
        "d": 5,
        "e": 7,
    }
    assert assignments(["a=1", "a=2"]) == {"a": Setting(2, "2", True)}


@pytest.mark.parametrize("value", ["yes", "YES", "true", "On", "1"])
def test_yes(value: str) -> None:
    assert is_yes(value)


@pytest.mark.parametrize("value", ["no", "", "0", "y", "off", "yes please"])
def test_anything_else_is_no(value: str) -> None:
    assert not is_yes(value)


def hosts(*text: str) -> tuple[list[Host], list[tuple[int, str]]]:
    wrong: list[tuple[int, str]] = []
    return list(read_hosts(text, wrong)), wrong


def test_a_line_of_hosts() -> None:
    address = parse_address("10.0.0.1")
    assert hosts("# hosts", "10.0.0.1 WWW.Example.org. www # the server") == (
        [Host(2, address, ("www.example.org", "www"))],
        [],
    )
    assert hosts("::1 localhost")[0] == [Host(1, parse_address("::1"), ("localhost",))]


def test_what_is_wrong_in_hosts() -> None:
    found, wrong = hosts("10.0.0.1", "10.0.0.2 good b*d also!bad", "10.0.0.256 www", "10.0.0.3 a")
    assert [(host.line, host.names) for host in found] == [(1, ()), (2, ("good",)), (4, ("a",))]
    assert wrong[:2] == [
        (1, "10.0.0.1 has no name"),
        (2, "'b*d' is not a host name: use letters, digits, - and _ between dots"),
    ]
    ((number, what),) = wrong[2:]
    assert number == 3
    assert what.endswith(", begins with '10.0.0.256'")


def test_an_address_in_hosts_has_no_prefix() -> None:
    found, wrong = hosts("10.0.0.1/24 www")
    assert found == []
    assert wrong[0][1].endswith("begins with '10.0.0.1/24'")


def test_a_line_that_begins_with_no_address_is_ignored() -> None:
    assert hosts("www example") == ([], [])


@pytest.mark.parametrize("name", ["a", "a-b", "a_b", "_a", "a.b.c", "a.", "x" * 63, "1"])
def test_names_of_hosts(name: str) -> None:
    assert hosts(f"10.0.0.1 {name}")[1] == []


@pytest.mark.parametrize("name", ["-a", "a-", "a..b", ".a", "a.-b", "x" * 64, "ä", "a/b"])
def test_names_that_no_host_has(name: str) -> None:
    assert len(hosts(f"10.0.0.1 {name}")[1]) == 1
