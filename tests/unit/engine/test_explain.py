"""Reasons: the difference between two documents, in words."""

from __future__ import annotations

import pytest

from buildlib.engine.explain import reasons
from buildlib.store.records import Document

A, B = "a" * 64, "b" * 64


def document(**changes: object) -> Document:
    base: Document = {
        "form": 1,
        "stage": "S",
        "version": 1,
        "code": {"buildlib.stages.s": A},
        "fields": {
            "free": "5%",
            "root": {"from": "root:base.tree", "sha256": A},
            "overlays": [{"files": {"recipes/o/etc/motd": f"file {A}"}}],
            "words": ["x", "y"],
        },
        "tools": {"makefs": A},
        "libraries": {},
        "host": {},
        "environment": A,
    }
    return {**base, **changes}


def fields(**changes: object) -> Document:
    return document(fields={**document()["fields"], **changes})


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (fields(free="6%"), "free changed: 5% → 6%"),
        (fields(words=["x"]), "words.1 is gone (was y)"),
        (fields(words=["x", "y", "z"]), "words.2 is new (z)"),
        (
            fields(root={"from": "root:base.tree", "sha256": B}),
            f"output root:base.tree changed: {A[:12]} → {B[:12]}",
        ),
        (
            fields(overlays=[{"files": {"recipes/o/etc/motd": f"file {B}"}}]),
            f"file recipes/o/etc/motd changed: file {A[:12]} → file {B[:12]}",
        ),
        (fields(overlays=[{"files": {}}]), f"file recipes/o/etc/motd is gone (was file {A[:12]})"),
        (document(tools={"makefs": B}), f"tool makefs changed: {A[:12]} → {B[:12]}"),
        (
            document(code={"buildlib.stages.s": B}),
            f"code of buildlib.stages.s changed: {A[:12]} → {B[:12]}",
        ),
        (document(environment=B), f"environment changed: {A[:12]} → {B[:12]}"),
        (document(version=2), "version changed: 1 → 2"),
        (fields(menu="a\n\tb\n"), "menu is new (a | \tb | )"),
    ],
)
def test_one_change_is_one_sentence(after: Document, sentence: str) -> None:
    assert reasons(document(), after) == (sentence,)


def test_a_text_is_compared_by_lines() -> None:
    before, after = fields(menu="a\n\tb\nc\n"), fields(menu="a\n\tB\nc\n")
    assert reasons(before, after) == ("menu, line 2, changed: b → B",)


def test_root_causes_come_before_what_follows_from_other_stages() -> None:
    after = {
        **fields(free="6%", root={"from": "root:base.tree", "sha256": B}),
        "tools": {"makefs": B},
        "code": {"buildlib.stages.s": B},
    }
    kinds = [sentence.split()[0] for sentence in reasons(document(), after)]
    assert kinds == ["free", "code", "tool", "output"]


def test_no_last_run_and_no_difference() -> None:
    assert reasons(None, document()) == ("it never ran",)
    assert reasons(document(), document()) == ("its result is gone",)


def test_long_values_are_cut() -> None:
    (sentence,) = reasons(document(), fields(free="x" * 500))
    assert len(sentence) < 160
