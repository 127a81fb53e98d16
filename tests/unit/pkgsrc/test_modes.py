"""Modes compared with chmod(1)'s rules, and with the host's chmod where both agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.modes import apply_mode, is_mode

# chmod(1), setmode(3) of NetBSD
TABLE = [
    ("4511", 0o755, 0o4511),
    ("0755", 0o4000, 0o755),
    ("u+s", 0o755, 0o4755),
    ("g+s", 0o755, 0o2755),
    ("ug+s", 0o755, 0o6755),
    ("o+s", 0o755, 0o755),
    ("a+t", 0o755, 0o1755),
    ("u+t", 0o755, 0o1755),
    ("o+t", 0o755, 0o755),
    ("go-rwx", 0o755, 0o700),
    ("a=r", 0o755, 0o444),
    ("u=rwx,go=rx", 0, 0o755),
    ("g=u", 0o750, 0o770),
    ("o=g-w", 0o775, 0o775),
    ("+x", 0o644, 0o755),
    ("+w", 0o444, 0o644),
    ("=", 0o666, 0),
    ("=rw", 0o777, 0o644),  # the umask counts for what comes, not for what goes
    ("a=", 0o644, 0),
    ("u=s", 0o755, 0o4055),
    ("a+X", 0o644, 0o644),
    ("a+X", 0o744, 0o755),
    ("u+x-r", 0o644, 0o344),
]


@pytest.mark.parametrize(("text", "before", "after"), TABLE)
def test_table(text: str, before: int, after: int) -> None:
    assert oct(apply_mode(text, before)) == oct(after)


def test_directories() -> None:
    assert apply_mode("a+X", 0o644, directory=True) == 0o755


@pytest.mark.parametrize("text", ["", "9", "77777", "u", "u+q", "u+x,", "0o755", "+x;rm", "\uff17"])
def test_not_a_mode(text: str) -> None:
    assert not is_mode(text)
    with pytest.raises(SourceError) as caught:
        apply_mode(text, 0)
    assert caught.value.reason == "mode"


@settings(max_examples=100, deadline=None)
@given(st.text("ugoa+-=rwxXst,0127", max_size=8), st.integers(0, 0o7777))
def test_result_is_a_mode(text: str, mode: int) -> None:
    if is_mode(text):
        assert 0 <= apply_mode(text, mode) <= 0o7777
