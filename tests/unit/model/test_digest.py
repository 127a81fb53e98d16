"""Digests and canonical JSON."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some, texts

from buildlib.model.digest import SHA256_HEX, SHA512_HEX, Blob, Json, canonical, digest_of, sha256

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
    max_leaves=8,
)


def test_golden() -> None:
    document: Json = {"b": [1, True, None, "é\udcff"], "a": {"z": "", "y": "\n"}}
    assert canonical(document) == (rb'{"a":{"y":"\n","z":""},"b":[1,true,null,"\u00e9\udcff"]}')
    assert digest_of(document) == sha256(canonical(document))
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.thorough
@some
@given(_json)
def test_a_document_is_what_its_canonical_form_says(document: Json) -> None:
    assert json.loads(canonical(document)) == document


@some
@given(st.dictionaries(texts(), st.integers(), max_size=5))
def test_the_order_of_keys_does_not_matter(document: dict[str, int]) -> None:
    assert canonical(dict(reversed(document.items()))) == canonical(document)


def test_forms() -> None:
    assert SHA256_HEX.match("0" * 64)
    assert not SHA256_HEX.match("0" * 64 + "\n")
    assert not SHA256_HEX.match("A" * 64)
    assert SHA512_HEX.match("a" * 128)
    assert not SHA512_HEX.match("a" * 127)


def test_a_blob_is_what_it_says_and_stays_so() -> None:
    blob = Blob("a" * 64, 1)
    assert {blob, Blob("a" * 64, 1), Blob("a" * 64, 2)} == {blob, Blob("a" * 64, 2)}
    with pytest.raises(FrozenInstanceError):
        blob.size = 2  # type: ignore[misc]  # it is frozen
