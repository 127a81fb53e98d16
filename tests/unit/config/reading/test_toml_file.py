"""TOML files: content, lines of keys, and problems with their lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from buildlib.config.reading.toml_file import TomlFile, read_toml
from buildlib.model.errors import ConfigError


@dataclass(frozen=True)
class Kind:
    """Of the files of these tests."""

    name: str
    sizes: tuple[int, ...] = ()


def problems(text: str, *more: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        TomlFile("x.toml", text.encode()).load(Kind, more=more)
    assert caught.value.where == "x.toml"
    return caught.value.problems


def test_a_file_becomes_a_value() -> None:
    assert TomlFile("x.toml", b'name = "a"\nsizes = [1, 2]\n').load(Kind) == Kind("a", (1, 2))


def test_every_problem_has_its_line() -> None:
    assert problems('# x\nsizes = [\n 1,\n "2",\n]\nnam = 1\n', "nam: more") == (
        "line 6: nam: more",
        "line 6: nam: unknown key; did you mean name?",
        "name: missing",
        "line 4: sizes[1]: must be a whole number, is a string",
    )
    assert problems('name = "a"\n', "name: more") == ("line 1: name: more",)


@pytest.mark.parametrize(
    ("key", "line"),
    [("a", 1), ("a.b", 2), ("a.b.c", 2), ("a.b[3].c", 2), ("a.x", 1), ("x", None), ("", None)],
)
def test_the_nearest_line_of_a_key(key: str, line: int | None) -> None:
    assert TomlFile("x.toml", b"[a]\nb = [1]\n").line_of(key) == line


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\nb = 2\n")
    document = read_toml(path, name="recipes/x.toml")
    assert (document.name, document.tables) == ("recipes/x.toml", {"a": 1, "b": 2})
    assert document.line_of("b") == 2


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("a = 1\nb = [\n")
    with pytest.raises(ConfigError) as caught:
        read_toml(path, name="x.toml")
    assert (caught.value.reason, caught.value.where) == ("toml", "x.toml:2")
    with pytest.raises(ConfigError) as caught:
        read_toml(tmp_path / "y.toml", name="y.toml")
    assert caught.value.reason == "file"
