"""docs/reference/site.md: every key of a fleet's configuration."""

from __future__ import annotations

import dataclasses

import pytest

from buildlib.config.site import fleet
from tools import site_page


def test_the_page_is_current() -> None:
    assert site_page.PAGE.read_text() == site_page.page(), "python tools/site_page.py"


def test_every_file_has_a_section() -> None:
    kinds = {kind for name, kind in vars(fleet).items() if name.endswith("Conf") and name != "Conf"}
    assert set(site_page.FILES.values()) == kinds
    assert site_page.FILES.keys() == site_page.PLACES.keys()


@pytest.mark.parametrize("name", site_page.FILES)
def test_every_key_is_documented(name: str) -> None:
    """In the dataclass's order, with meaning, and whether it is required or its default."""
    fields = dataclasses.fields(site_page.FILES[name])
    told = [*site_page.keys_of(site_page.FILES[name])]
    assert [one for keys in told for one in keys.names] == [field.name for field in fields]
    by_name = {one: keys for keys in told for one in keys.names}
    for field in fields:
        keys = by_name[field.name]
        assert keys.meaning, field.name
        assert keys.needed == field.metadata["needed"], field.name
        if keys.default:
            assert field.metadata["read"](keys.default) == field.default, field.name
