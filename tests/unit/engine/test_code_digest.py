"""The digest of a stage's code: meaning counts, words do not."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from buildlib.engine import code_digest as module
from buildlib.engine.code_digest import CARRIERS, CodeDigests, _describe
from buildlib.model.errors import StageError
from buildlib.store.stat_cache import StatCache

STAGE = '''
"""A stage."""

from buildlib.model import helper


def run(value: int) -> int:
    """Add one."""
    # because
    return helper.step(value)
'''
HELPER = '''
def step(value: int) -> int:
    """One more."""
    return value + 1
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "buildlib"
    for name in ("stages", "model", "store"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "stages" / "toy.py").write_text(STAGE)
    (folder / "model" / "helper.py").write_text(HELPER)
    return folder


def digests(package: Path) -> dict[str, str]:
    seen = StatCache(package.parent / "seen.json")
    return CodeDigests(seen, package).of("buildlib.stages.toy")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stages/toy.py", "# because", "# for another reason"),
        ("stages/toy.py", '"""Add one."""', '"""Add a step,\n    whatever that is."""'),
        ("stages/toy.py", '"""A stage."""', ""),
        ("stages/toy.py", "step(value)", "step(\n        value\n    )"),
        ("model/helper.py", '"""One more."""', '"""A step."""'),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(
    package: Path, name: str, old: str, new: str
) -> None:
    before = digests(package)
    path = package / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert digests(package) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stages/toy.py", "step(value)", "step(value) + 0"),
        ("model/helper.py", "+ 1", "+ 2"),
    ],
)
def test_code_counts_in_the_module_and_in_what_it_imports(
    package: Path, name: str, old: str, new: str
) -> None:
    before = digests(package)
    path = package / name
    path.write_text(path.read_text().replace(old, new))
    after = digests(package)
    assert before.keys() == after.keys()
    module = "buildlib." + name.removesuffix(".py").replace("/", ".")
    assert {key for key in before if before[key] != after[key]} == {module}


def test_late_imports_count_and_carriers_do_not(package: Path) -> None:
    (package / "model" / "late.py").write_text("X = 1\n")
    (package / "store" / "blobs.py").write_text("X = 1\n")
    (package / "stages" / "toy.py").write_text(
        "from buildlib.store.blobs import X as Y\n"
        "def run():\n    from buildlib.model.late import X\n    return X + Y\n")
    found = digests(package)
    assert "buildlib.model.late" in found
    assert not any(name.startswith(CARRIERS) for name in found)


def test_every_stage_has_its_format_modules_in_its_closure(tmp_path: Path) -> None:
    code = CodeDigests(StatCache(tmp_path / "seen.json"))
    wanted = {
        "buildlib.stages.images.iso": ("layout", "rock_ridge", "el_torito"),
        "buildlib.stages.images.ffs": ("mtree",),
        "buildlib.stages.inputs.unpack": ("tar", "compress"),
        "buildlib.stages.system.packages": ("plist", "pkgdb"),
        "buildlib.stages.system.root": ("folder", "source_files", "tree"),
        "buildlib.stages.netbsd.kernel": ("toolchain", "source_tree"),
    }
    for stage, modules in wanted.items():
        names = {name.rpartition(".")[2] for name in code.of(stage)}
        assert names >= set(modules), stage


def test_code_counts_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's own stages, what they import from beside them, and no installed package."""
    folder = tmp_path / "strangers"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("SETTING = 1\n")
    (folder / "deep" / "__init__.py").touch()
    (folder / "deep" / "stages.py").write_text(
        "import os\nimport pytest\nfrom ..helper import step\nfrom . import more\n"
        "from buildlib.model.digest import sha256\n")
    (folder / "helper.py").write_text("def step():\n    return 1\n")
    (folder / "deep" / "more.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    seen = StatCache(tmp_path / "seen.json")
    before = CodeDigests(seen).of("strangers.deep.stages")
    assert list(before) == [
        "buildlib.model.digest", "strangers", "strangers.deep", "strangers.deep.more",
        "strangers.deep.stages", "strangers.helper"]
    (folder / "helper.py").write_text("def step():\n    return 2\n")
    after = CodeDigests(seen).of("strangers.deep.stages")
    assert {name for name in after if before[name] != after[name]} == {"strangers.helper"}


def test_code_that_is_in_no_file_has_no_key(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="in no file"):
        CodeDigests(StatCache(tmp_path / "seen.json")).of("nowhere_at_all")


@pytest.fixture
def slow_collector() -> Iterator[None]:
    """Whenever garbage is collected, and that is often, other threads run meanwhile."""
    before, callback = gc.get_threshold(), lambda *_: time.sleep(0)
    gc.callbacks.append(callback)
    gc.set_threshold(100)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(callback)


@pytest.mark.usefixtures("slow_collector")
def test_many_threads_at_once() -> None:
    """Python itself fails where threads make syntax trees at once, in some versions."""
    modules = sorted((Path(module.__file__ or "").parent).glob("*.py"))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(_describe, map(str, modules * 8)))) == len(modules)
