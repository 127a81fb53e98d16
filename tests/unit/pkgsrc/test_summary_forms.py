"""A package of a summary is read with one match if it has the usual form, else line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.summary import Summary, format_summary, parse
from buildlib.testing.repositories import Shape, summaries

MANY = list(summaries(Shape(packages=40)))
NAMES = (
    "PKGNAME",
    "DEPENDS",
    "CONFLICTS",
    "COMMENT",
    "SIZE_PKG",
    "BUILD_DATE",
    "LICENSE",
    "PKGPATH",
    "PROVIDES",
    "REQUIRES",
    "SUPERSEDES",
    "FILE_NAME",
    "FILE_SIZE",
    "DESCRIPTION",
)
VALUES = st.sampled_from(
    [
        "",
        "a-1",
        "x>=1",
        "a=b",
        "=",
        "DEPENDS=x",
        " ",
        "\r",
        "é",
        "0",
        "12",
        "007",
        "9" * 18,
        "9" * 19,
        "-1",
        "1_0",
        "\u0663",
        "a-1.tgz",
        "../x",
        ".",
    ]
)
LINES = st.lists(st.tuples(st.sampled_from([*NAMES, "automatic", ""]), VALUES), max_size=8)


def read(text: str) -> Summary | str:
    """The package, or the place and reason of the error."""
    try:
        (found,) = parse([text.encode()])
    except SourceError as error:
        return f"{error.where}: {error.what}: {error.why}"
    return found


def slowly(text: str) -> Summary | str:
    """The same line by line, because of an unknown variable before the description."""
    first, newline, rest = text.partition("\n")
    found = read(f"X=\n{first}{newline}{rest}")
    if isinstance(found, str):  # it has a line more
        place, colon, what = found.partition(": ")
        before, _, line = place.rpartition(" ")
        return f"{before} {int(line) - 1}{colon}{what}" if line.isdigit() else found
    return found


@pytest.mark.thorough
@some
@given(LINES, st.sampled_from(["DESCRIPTION=x\n", "DESCRIPTION=\nDESCRIPTION=y\n", ""]))
def test_both_ways_agree(lines: list[tuple[str, str]], end: str) -> None:
    ordered = sorted(lines, key=lambda line: (*NAMES, "automatic", "").index(line[0]))
    for chosen in (lines, ordered):
        body = "".join(f"{name}={value}\n" for name, value in chosen if name != "PKGNAME")
        for text in (f"PKGNAME=a-1\n{body}{end}\n", f"{body}{end}\n"):
            if text.strip("\n"):
                found, expected = read(text), slowly(text)
                if isinstance(found, str) and "PKGNAME is missing" in found:
                    assert isinstance(expected, str)  # told of the first line either way
                else:
                    assert found == expected


def test_the_usual_form_is_usual() -> None:
    """Output of pkg_info -X never takes the slow path, or the benchmark would exceed its second."""
    from buildlib.pkgsrc import summary as module

    text = format_summary(MANY).decode()
    records = text.rstrip("\n").split("\n\n")
    assert len(records) == len(MANY)
    assert all(module._usual().match(record) for record in records)
    assert list(parse([text.encode()])) == sorted(MANY, key=lambda item: item.pkgname)


@pytest.mark.thorough
@pytest.mark.parametrize("place", range(0, 40, 3))
def test_the_line_of_an_error_in_the_middle(place: int) -> None:
    """Among usual packages, and beyond the first block."""
    records = format_summary(MANY * 30).decode().split("\n\n")[:-1]
    place += len(records) // 2
    lines = records[place].split("\n")
    lines.insert(3, "nonsense")
    records[place] = "\n".join(lines)
    text = "\n\n".join(records) + "\n\n"
    number = text[: text.index("\nnonsense\n")].count("\n") + 2
    with pytest.raises(SourceError) as caught:
        list(parse([text.encode()], where="here"))
    assert caught.value.where == f"here, line {number}"
