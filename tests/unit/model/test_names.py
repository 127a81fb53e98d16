"""Rules for values that become a name, a path or an argument."""

from __future__ import annotations

import pytest

from buildlib.model import names
from buildlib.model.names import FieldProblems, Rule, fields

REFUSED: dict[str, tuple[Rule, list[str], list[str]]] = {
    "name": (names.name, ["a", "7", "a.b_c+d-E", "x" * 255], ["", ".a", "-a", "a b", "ä", "a\n"]),
    "long name": (names.name, [], ["x" * 256, "a/b"]),
    "label": (names.label, ["x" * 100], ["x" * 101, "", "-"]),
    "variable": (names.variable, ["A", "_a7"], ["7A", "", "A-B", "A\n"]),
    "below": (
        names.below,
        ["a", "a/b", "a b", "x" * 255, "/".join(["x" * 254] * 4)],
        ["", "/a", "a/", "a//b", ".", "a/./b", "..", "a/..", "x" * 256, "ä" * 128],
    ),
    "long path": (
        names.below,
        ["/".join(["x" * 255] * 4)],
        ["/".join([*["x" * 255] * 3, "x" * 254, "y"])],
    ),
    "path": (names.path, ["etc/motd"], ["etc/\u200bmotd", " ", "etc//motd", "a\tb"]),
    "full path": (names.full_path, ["/etc"], ["etc", "/", "", "/etc/", "//etc"]),
    "word": (names.word, ["vga=x", "!", "~", "[]", "#", "&("], ["", "a b", '"', "'", "\\", "ä"]),
    "title": (names.title, ["No ACPI (safe)"], ["", " ", 'a"b', "$a", "a\\b", "a\nb"]),
    "sentence": (names.sentence, ["a b", "ä"], ["", "  ", "a\tb", "a\x1b"]),
    "line": (names.line, ["http://a/b"], ["a b", "", "a\tb"]),
    "expression": (names.expression, ["", "a+", "login: $"], ["(", "a\tb", " "]),
    "shipped": (names.shipped(names.name), ["goldmaster:a", "a"], ["goldmaster:", "other:a"]),
}


def problem_of(rule: Rule, text: str) -> str | None:
    try:
        rule(text)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("case", REFUSED)
def test_what_each_rule_takes(case: str) -> None:
    rule, good, bad = REFUSED[case]
    assert [text for text in good if problem_of(rule, text) is not None] == []
    assert [text for text in bad if problem_of(rule, text) is None] == []


@pytest.mark.parametrize(
    ("rule", "text", "problem"),
    [
        (names.label, "x" * 101, f"'{'x' * 77}…' has 101 characters; at most 100 are allowed"),
        (names.below, "/etc//motd", "must be a path below its folder: write 'etc/motd'"),
        (names.below, "a/../b", "path 'a/../b' must be a path below its folder"),
        (names.below, "//", "path '//' must be a path below its folder"),
        (names.below, "ä" * 128, "a name of 256 bytes; NetBSD allows 255"),
        (names.below, "x/" * 511 + "xx", "a path of 1024 bytes; NetBSD allows 1023"),
        (names.word, "", "an empty argument"),
        (names.word, "a b", "'a b' is not a single argument"),
        (names.sentence, " ", "is empty"),
        (names.variable, "7", "'7' is not a valid variable name"),
        (names.full_path, "etc", "'etc' must be a full path"),
        (names.expression, "(", "'(' is not a regular expression: "),
    ],
)
def test_the_reason_is_given(rule: Rule, text: str, problem: str) -> None:
    assert problem in (problem_of(rule, text) or "")


def test_no_advice_for_a_path_that_cannot_be_put_right() -> None:
    for text in ("a/../b", "//", "."):
        assert "write" not in (problem_of(names.below, text) or "")


def test_a_valid_path_is_returned() -> None:
    assert names.below("etc/motd") == "etc/motd"
    assert names.below("caf\udce9") == "caf\udce9"  # a byte that is not UTF-8


def test_a_long_text_is_shortened() -> None:
    assert names.shown("x" * 80) == "x" * 80
    assert names.shown("x" * 81) == "x" * 77 + "…"


def test_a_folder_covers_itself_and_what_is_below() -> None:
    assert names.covers(["etc", "usr/pkg"], "usr/pkg")
    assert names.covers(["etc", "usr/pkg"], "usr/pkg/bin/x")
    assert not names.covers(["etc", "usr/pkg"], "usr/pkgsrc")
    assert not names.covers(["etc", "usr/pkg"], "usr")
    assert not names.covers([], "usr")


def test_names_that_ship() -> None:
    assert names.bare("goldmaster:mini") == "mini"
    assert names.bare("mini") == "mini"


def test_all_problems_of_a_table_are_collected() -> None:
    with pytest.raises(FieldProblems) as error, fields() as found:
        found.one("a", "good", names.name)
        found.one("b", "", names.name, empty=True)
        found.one("c", "no good", names.name)
        found.one("d", "", names.sentence)
        found.all("e", ["x", " ", "x"], names.sentence)
        found.all("f", ["x", "y", "x"], names.sentence, twice=False)
        found.keys("g", {"good": 1, "": 2}, names.sentence)
        found.that("h", is_right=True, problem="no")
        found.that("i", is_right=False, problem="is wrong")
    keys = [key for key, _ in error.value.found]
    assert keys == ["c", "d", "e[1]", "f[2]", "g.", "i"]
    problems = dict(error.value.found)
    assert problems["f[2]"] == "x is given twice"
    assert problems["i"] == "is wrong"
    assert str(error.value).endswith("g.: is empty; i: is wrong")


def test_a_table_without_problems() -> None:
    with fields() as found:
        found.one("a", "good", names.name)
    assert found.found == []


def test_numbers_and_times_have_limits() -> None:
    latest = 2**31 - 1
    with pytest.raises(FieldProblems) as error, fields() as found:
        for number in (1, 2, 3, 4):
            found.number(f"n{number}", number, 2, 3)
        for seconds in (-1, 0, latest, latest + 1):
            found.time(f"t{seconds}", seconds)
    assert [key for key, _ in error.value.found] == ["n1", "n4", "t-1", f"t{latest + 1}"]
    problems = dict(error.value.found)
    assert problems["n1"] == "must be a number from 2 to 3, is 1"
    assert problems["t-1"].startswith("the time -1 cannot be written: FFS version 1")


def test_a_number_without_end_is_not_printed() -> None:
    assert names.shown_number(10**40 - 1) == "9" * 40
    assert names.shown_number(-(10**40) + 1) == "-" + "9" * 40
    assert names.shown_number(10**40) == "one of more than 40 digits"
    assert names.shown_number(-(10**5000)) == "one of more than 40 digits"
