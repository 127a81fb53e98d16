"""Globs with sets, compared with a matcher that tries everything, character by character."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.pkgsrc.pattern import matches

PIECES = st.lists(
    st.sampled_from([*"ab-]1[!^*?.\\", "[a", "[!", "[]", "-b]", "[0-9]", "\\]", "a-"]),
    max_size=7,
).map("".join)
NAMES = st.text("ab-]1[!^*.\\", max_size=5)


def naive_match(pattern: str, name: str) -> bool:
    """pkg_match for a pattern without braces and tests."""
    globs = bool(set(pattern) & set("*?[]"))
    return (globs and naive(pattern, name)) or pattern == name or naive(f"{pattern}-[0-9]*", name)


def naive(pattern: str, name: str, *, start: bool = True) -> bool:
    """fnmatch(3) of NetBSD with FNM_PERIOD. `start`: `name` is the whole name."""
    if not pattern:
        return not name
    head, rest = pattern[0], pattern[1:]
    period = start and name.startswith(".")
    if head == "*":
        rest = rest.lstrip("*")
        return not period and (
            not rest or any(naive(rest, name[cut:], start=False) for cut in range(len(name)))
        )
    if not name:
        return False
    if head == "?":
        fits = not period
    elif head == "[":
        found = naive_set(rest, name[0])
        if found is None:
            return False
        fits, rest = found
    elif head == "\\" and not rest:
        return False
    else:
        if head == "\\":
            head, rest = rest[0], rest[1:]
        fits = head == name[0]
    return fits and naive(rest, name[1:], start=False)


def naive_set(text: str, character: str) -> tuple[bool, str] | None:
    """Whether the set at the start of `text` contains the character, and the text after the set."""
    denied = text[:1] in {"!", "^"}
    tokens: list[tuple[str, bool]] = []  # and whether it is quoted
    at = int(denied)
    while at < len(text) and (not tokens or text[at] != "]"):
        quoted = text[at] == "\\"
        at += quoted
        if at == len(text):
            return None
        tokens.append((text[at], quoted))
        at += 1
    if at >= len(text):
        return None
    has, place = False, 0
    while place < len(tokens):
        first = last = tokens[place][0]
        place += 1
        if tokens[place : place + 1] == [("-", False)] and place + 1 < len(tokens):
            last = tokens[place + 1][0]
            place += 2
        has = has or first <= character <= last
    return has != denied, text[at + 1 :]


@some
@given(PIECES, NAMES)
@example("[]a]", "]")
@example("[!]a]*", "b-1")
@example("[a-\\]]", "]")
@example("a\\", "a\\")
@example("[a-", "b")
def test_same_as_trying_everything(pattern: str, name: str) -> None:
    assert matches(pattern, name) is naive_match(pattern, name)


@pytest.mark.thorough
@some
@given(PIECES, NAMES, st.sampled_from(["", "*", "-[0-9]*", "?"]))
def test_same_on_names_that_nearly_match(pattern: str, name: str, end: str) -> None:
    """The pattern with its special characters replaced by plausible ones."""
    text = pattern.replace("*", name).replace("[0-9]", "1").replace("?", "a")
    assert matches(pattern + end, text) is naive_match(pattern + end, text)
