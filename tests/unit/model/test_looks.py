"""The description of an unexpected file."""

from __future__ import annotations

import pytest

from buildlib.model.looks import looks_like


@pytest.mark.parametrize("head", [b"<?xml version", b"  <HEAD>", b"<!doctype html>", b"<html>"])
def test_pages_are_known_by_their_beginning(head: bytes) -> None:
    assert "HTML" in looks_like(head)


def test_anything_else_is_told_as_it_is() -> None:
    assert looks_like(b"") == "it is empty"
    head = b"\x1f\x8b" + b"x" * 99
    assert looks_like(head) == f"it begins with {head[:40]!r}"
