"""The tests of buildlib/FOLDER/NAME.py are in tests/unit/FOLDER/test_NAME.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.modules import MODULES, ROOT

LINES = 60  # a shorter module may be tested with those that use it

# Modules whose tests are elsewhere, by where. A module that gets a file of its own leaves the list;
# a new module has one.
ELSEWHERE = {
    "tests/unit/model": "model/mtree_keywords model/refusals",
    "tests/unit/operations/fleet/test_config_image.py": "operations/fleet/config_tree",
    # the rules of a site stand in one text, whichever module has the rule
    "tests/unit/operations/site_check": """
        operations/site_check/check operations/site_check/disks operations/site_check/fstab
        operations/site_check/links operations/site_check/memory operations/site_check/names
        """,
    "tests/unit/pkgsrc": "pkgsrc/resolution/closure pkgsrc/resolution/whole_set",
    "tests/unit/sources": "sources/spec_overrides",
    "tests/unit/stages/system": "stages/system/owners",
}
LISTED = {f"{name}.py": place for place, names in ELSEWHERE.items() for name in names.split()}


def has_mirror(module: str) -> bool:
    """Whether the module has a file of tests; a large one is divided: test_NAME_PART.py."""
    path = Path(module)
    return any((ROOT / "tests/unit" / path.parent).glob(f"test_{path.stem}*.py"))


@pytest.mark.parametrize("module", [one for one in MODULES if not one.endswith("__init__.py")])
def test_a_module_has_tests_of_its_name(module: str) -> None:
    lines = (ROOT / "buildlib" / module).read_text(encoding="utf-8").splitlines()
    if module in LISTED:
        assert not has_mirror(module), "it has tests of its name now: remove it from the list"
        assert (ROOT / LISTED[module]).exists()
    else:
        assert has_mirror(module) or len(lines) <= LINES


def test_the_list_has_modules_only() -> None:
    assert set(LISTED) <= set(MODULES)
