"""The floors of the library: who imports whom, and what is imported at all."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from support.modules import MODULES, ROOT, imports

# From the ground up; rooms on one floor do not import each other. `testing` stands beside them.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("model",),
    ("host",),
    ("store",),
    ("config", "formats"),
    ("sources",),
    ("engine", "pkgsrc"),
    ("stages",),
    ("plan",),
    ("operations",),
    ("cli",),
    ("testing",),
)
ROOMS = tuple(room for floor in FLOORS for room in floor)
# A library for any pipeline: it knows neither NetBSD nor discs.
CORE = ("model", "host", "store", "engine")
FOLDER_MODULES = 18
# A plan must not read: it is a function of a configuration that was read before.
READERS = ("buildlib.config.reading", "buildlib.host", "buildlib.store")
# Each takes longer to import than a whole null build may last. (lzma and bz2 come with shutil.)
HEAVY = (
    "requests",
    "urllib3",
    "pycdlib",
    "isal",
    "rich",
    "pysequoia",
    "difflib",
    "doit",
    "http",
    "asyncio",
)


def room_of(module: str) -> str:
    return module.split("/", maxsplit=1)[0]


def test_there_is_a_house() -> None:
    assert {room_of(module) for module in MODULES} == {*ROOMS, "__init__.py"}


def imported_rooms(room: str) -> list[tuple[str, str]]:
    """(line of a module, room) for every import of another room's module."""
    return [
        (f"{module}:{line}: {name}", name.split(".")[1])
        for module in MODULES
        if module.startswith(f"{room}/")
        for line, name in imports(module)
        if name.startswith("buildlib.") and name.split(".")[1] not in {room, "__version__"}
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_floors_below_it(room: str) -> None:
    floor = next(number for number, rooms in enumerate(FLOORS) if room in rooms)
    below = {name for rooms in FLOORS[:floor] for name in rooms}
    assert [line for line, other in imported_rooms(room) if other not in below] == []


@pytest.mark.parametrize("room", CORE)
def test_the_core_imports_nothing_of_the_rest(room: str) -> None:
    assert [line for line, other in imported_rooms(room) if other not in CORE] == []


def test_no_modules_import_each_other() -> None:
    names = {
        f"buildlib.{module.removesuffix('.py').replace('/', '.')}": module for module in MODULES
    }
    edges = {
        module: {
            names[part]
            for _, name in imports(module)
            for part in (name, name.rpartition(".")[0])
            if part in names
        }
        for module in MODULES
    }
    while ends := {module for module, others in edges.items() if not others & edges.keys()}:
        edges = {module: others for module, others in edges.items() if module not in ends}
    assert edges == {}, "each of these is in an import circle, or above one"


def test_a_plan_reads_nothing() -> None:
    wrong = [
        f"{module}:{line}: {name}"
        for module in MODULES
        if module.startswith("plan/")
        for line, name in imports(module)
        if name.startswith(tuple(f"{reader}." for reader in READERS))
        or name.split(".")[0] in {"os", "io", "shutil", "glob", "socket"}
    ]
    assert not wrong


def test_no_folder_is_crowded() -> None:
    sizes = Counter(
        module.rpartition("/")[0] for module in MODULES if not module.endswith("__init__.py")
    )
    assert {folder: size for folder, size in sizes.items() if size > FOLDER_MODULES} == {}


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    names = [
        f"buildlib.{module.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
        for module in MODULES
        if not module.startswith("cli/") and module != "__init__.py"
    ]
    script = (
        "import sys, importlib\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", script, *names], cwd=ROOT, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert not set(HEAVY) & set(result.stdout.split())
