"""The digest of a stage's code: it depends on the syntax tree, not on comments."""

from __future__ import annotations

import gc
import importlib.util
import sys
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
        "def run():\n    from buildlib.model.late import X\n    return X + Y\n"
    )
    found = digests(package)
    assert "buildlib.model.late" in found
    assert not any(name.startswith(CARRIERS) for name in found)


@pytest.mark.thorough
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
    """A project's own stages and the modules they import, but no installed package."""
    folder = tmp_path / "strangers"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("SETTING = 1\n")
    (folder / "deep" / "__init__.py").touch()
    (folder / "deep" / "stages.py").write_text(
        "import os\nimport pytest\nfrom ..helper import step\nfrom . import more\n"
        "from buildlib.model.digest import sha256\n"
    )
    (folder / "helper.py").write_text("def step():\n    return 1\n")
    (folder / "deep" / "more.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    seen = StatCache(tmp_path / "seen.json")
    before = CodeDigests(seen).of("strangers.deep.stages")
    assert list(before) == [
        "buildlib.model.digest",
        "strangers",
        "strangers.deep",
        "strangers.deep.more",
        "strangers.deep.stages",
        "strangers.helper",
    ]
    (folder / "helper.py").write_text("def step():\n    return 2\n")
    after = CodeDigests(seen).of("strangers.deep.stages")
    assert {name for name in after if before[name] != after[name]} == {"strangers.helper"}


def test_code_that_is_in_no_file_has_no_key(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="not in a file"):
        CodeDigests(StatCache(tmp_path / "seen.json")).of("nowhere_at_all")


@pytest.fixture
def slow_collector() -> Iterator[None]:
    """During garbage collection, which is frequent, other threads run."""
    before, callback = gc.get_threshold(), lambda *_: time.sleep(0)
    gc.callbacks.append(callback)
    gc.set_threshold(100)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(callback)


@pytest.mark.thorough
@pytest.mark.usefixtures("slow_collector")
def test_many_threads_at_once() -> None:
    """Some Python versions fail if threads parse at the same time."""
    modules = sorted((Path(module.__file__ or "").parent).glob("*.py"))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(_describe, map(str, modules * 8)))) == len(modules)


def closure(folder: Path, name: str) -> set[str]:
    """The modules of a stage in a project's own module."""
    return {*CodeDigests(StatCache(folder / "seen.json")).of(name)}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a project's modules, which Python searches."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_modules_that_cannot_be_found_are_left_out(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be optional; and one may have no specification, as `__main__` has none."""
    (project / "own_stage.py").write_text(
        "import os, no_such_module, own_helper, own_main, own_library.part\n"
        "from ...... import too_far\nfrom own_broken import x\n"
    )
    (project / "own_helper.py").write_text("x = 1\n")
    for name in ("own_main", "own_broken"):
        module_without_spec = type(module)(name)
        module_without_spec.__spec__ = None
        monkeypatch.setitem(sys.modules, name, module_without_spec)
    assert closure(project, "own_stage") == {"own_stage", "own_helper"}


def test_parts_of_packages_are_found_without_importing_them(project: Path) -> None:
    folder = project / "own_package"
    (folder / "part").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "part/__init__.py").write_text("from . import inner\nfrom ..other import x\n")
    (folder / "part/inner.py").write_text("")
    (folder / "other.py").write_text("x = 1\n")
    (folder / "unused.py").write_text("")
    (project / "own_stage2.py").write_text("import own_package.part\n")
    assert closure(project, "own_stage2") == {
        "own_stage2",
        "own_package",
        "own_package.part",
        "own_package.part.inner",
        "own_package.other",
    }


def test_a_compiled_module_has_no_code_to_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "own_stage3.py").write_text("import own_compiled\n")
    (project / "own_compiled.pyc").write_bytes(b"")
    spec = importlib.util.spec_from_loader("own_compiled", None, origin="own_compiled.so")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: spec if name == "own_compiled" else real(name, *more),
    )
    assert closure(project, "own_stage3") == {"own_stage3"}
