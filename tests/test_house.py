"""The house rules that a program can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up; rooms on one floor do not import each other. `testing` stands beside them.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("model",), ("host",), ("store",), ("config", "formats"), ("sources",), ("engine", "pkgsrc"),
    ("stages",), ("plan",), ("operations",), ("cli",), ("testing",),
)
ROOMS = tuple(room for floor in FLOORS for room in floor)
# A library for any pipeline: it knows neither NetBSD nor discs.
CORE = ("model", "host", "store", "engine")
FOLDER_MODULES = 18
MODULE_LINES = 400
FUNCTION_LINES = 50

CLOCK_AND_ENVIRONMENT = "host/environment.py"
PROCESSES = "host/process.py"
# What no stage may ask, since its answer differs between hosts and runs.
HOST = frozenset({
    "os.environ", "os.environb", "os.getenv", "os.getenvb", "os.getcwd", "os.getcwdb",
    "os.getlogin", "os.uname", "os.cpu_count", "os.getloadavg", "os.path.expanduser",
    "os.path.expandvars", "os.path.abspath", "Path.cwd", "Path.home", "time.time", "time.time_ns",
    "time.ctime", "time.localtime", "datetime.now", "datetime.utcnow", "datetime.today",
    "date.today", "socket.gethostname", "tempfile.gettempdir",
})
# The front may ask where it was started: that folder is the project.
WHERE = frozenset({"Path.cwd"})
HOST_MODULES = frozenset({"datetime", "getpass", "locale", "platform", "random", "secrets",
                          "tempfile", "uuid"})
# `os.urandom` names scratch files apart, and one store from another; nothing else is random.
RANDOM = {"os.urandom": "host/atomic_files.py"}
STARTS = frozenset({
    "os.system", "os.popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.posix_spawnp",
    *(f"os.{verb}{suffix}" for verb in ("exec", "spawn") for suffix in
      ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
})
START_MODULES = frozenset({"multiprocessing", "pty", "concurrent"})
TERMINAL = frozenset({"sys.stdout", "sys.stderr", "sys.stdin", "sys.__stdout__", "sys.__stderr__"})
# Each takes longer to import than a whole null build may last. (lzma and bz2 come with shutil.)
HEAVY = ("requests", "urllib3", "pycdlib", "isal", "rich", "pysequoia", "difflib", "doit", "http",
         "asyncio")

MODULES = sorted(path.relative_to(ROOT / "buildlib").as_posix()
                 for path in (ROOT / "buildlib").rglob("*.py"))


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / "buildlib" / module).read_text(encoding="utf-8"))


@cache
def imports(module: str) -> tuple[tuple[int, str], ...]:
    """Line and full name of everything a module imports, at whatever depth."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def uses(module: str) -> tuple[tuple[int, str], ...]:
    """Line and dotted name of what a module takes from other modules and their classes."""
    return tuple(_uses(module))


def _uses(module: str) -> Iterator[tuple[int, str]]:
    origins = {name.rpartition(".")[2]: name for _, name in imports(module)}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute):
            parts = [node.attr]
            below: ast.expr = node.value
            while isinstance(below, ast.Attribute):
                parts.insert(0, below.attr)
                below = below.value
            if isinstance(below, ast.Name):
                yield node.lineno, ".".join([below.id, *parts])
        elif isinstance(node, ast.Name) and node.id in origins:
            yield node.lineno, origins[node.id]


def found(module: str, wanted: frozenset[str]) -> list[str]:
    return [f"{module}:{line}: {name}" for line, name in uses(module) if name in wanted]


def imported(module: str, wanted: frozenset[str]) -> list[str]:
    return [f"{module}:{line}: import {name}" for line, name in imports(module)
            if name.split(".")[0] in wanted]


def room_of(module: str) -> str:
    return module.split("/", maxsplit=1)[0]


def test_there_is_a_house() -> None:
    assert {room_of(module) for module in MODULES} == {*ROOMS, "__init__.py"}


def imported_rooms(room: str) -> list[tuple[str, str]]:
    """(line of a module, room) for every import of another room's module."""
    return [
        (f"{module}:{line}: {name}", name.split(".")[1])
        for module in MODULES if module.startswith(f"{room}/")
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
    names = {f"buildlib.{module.removesuffix('.py').replace('/', '.')}": module
             for module in MODULES}
    edges = {module: {names[part] for _, name in imports(module)
                      for part in (name, name.rpartition(".")[0]) if part in names}
             for module in MODULES}
    while ends := {module for module, others in edges.items() if not others & edges.keys()}:
        edges = {module: others for module, others in edges.items() if module not in ends}
    assert edges == {}, "each of these is in an import circle, or above one"


def test_no_folder_is_crowded() -> None:
    sizes = Counter(module.rpartition("/")[0] for module in MODULES
                    if not module.endswith("__init__.py"))
    assert {folder: size for folder, size in sizes.items() if size > FOLDER_MODULES} == {}


def test_one_place_starts_processes() -> None:
    wrong = [line for module in MODULES if module != PROCESSES
             for line in (*found(module, STARTS), *imported(module, START_MODULES))
             if not line.endswith(".ThreadPoolExecutor")]  # threads are no processes
    wrong += [  # to name the type of a running tool is no harm
        f"{module}:{line}: {name}" for module in MODULES if module != PROCESSES
        for line, name in uses(module)
        if name.startswith("subprocess.") and name != "subprocess.Popen"
    ]
    wrong += [
        f"{module}:{node.lineno}: subprocess.Popen(…)" for module in MODULES
        if module != PROCESSES for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"subprocess.Popen", "Popen"}
    ]
    assert not wrong


def test_one_place_reads_the_clock_and_the_environment() -> None:
    wrong = [line for module in MODULES if module != CLOCK_AND_ENVIRONMENT
             for line in (*found(module, HOST - WHERE if module.startswith("cli/") else HOST),
                          *imported(module, HOST_MODULES))]
    wrong += [line for name, place in RANDOM.items() for module in MODULES if module != place
              for line in found(module, frozenset({name}))]
    assert not wrong


def test_one_place_reads_toml_and_one_reads_json() -> None:
    wrong = [line for module in MODULES if module != "model/toml.py"
             for line in imported(module, frozenset({"tomllib"}))]
    wrong += [line for module in MODULES if module != "model/json_text.py"
              for line in found(module, frozenset({"json.load", "json.loads"}))]
    assert not wrong


def test_only_the_front_writes_to_the_terminal() -> None:
    wrong = [line for module in MODULES if not module.startswith("cli/")
             for line in found(module, TERMINAL)]
    wrong += [
        f"{module}:{node.lineno}: {node.func.id}"
        for module in MODULES if not module.startswith("cli/")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "input", "breakpoint"}
    ]
    assert not wrong


# What is written elsewhere than by `host/atomic_files.py`, and why nobody meets it half written.
WRITES = {
    "cli/commands/init.py": "the folder of a new project, which is empty",
    "host/atomic_files.py": "the one place",
    "store/blobs.py": "a copy in a scratch file, which the caller moves",
    "stages/netbsd/interrupted.py": "an empty file whose time of change is asked for",
    "host/process.py": "a log grows while its tool runs",
    "sources/web/download.py": "a download is gone on with, and hashed before it is moved",
    "formats/image_writer.py": "an image in the stage's folder, which nobody else knows",
    "stages/boot/grub.py": "the stage's folder",
    "stages/system/package_install.py": "the stage's folder",
    "stages/netbsd/kernel.py": "a work folder, which counts once it is marked as done",
    "operations/boot_test/qemu.py": "the log of a console grows while the computer runs",
    "operations/preflight/compilers.py": "a scratch folder",
    "operations/fleet/image_server.py": "what openssl signs, in a scratch folder",
    "operations/reproduce.py": "a checkout for one build",
    "testing/repositories.py": "a folder of the test that asks for it",
}


def writes(module: str) -> Iterator[str]:
    """Calls that write, rename or copy a file by its name."""
    for node in ast.walk(tree(module)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        verb = name.rpartition(".")[2]
        words = [*node.args, *(word.value for word in node.keywords)]
        modes = {part.value for word in words for part in ast.walk(word)
                 if isinstance(part, ast.Constant) and isinstance(part.value, str)}
        if (
            (verb in {"write_bytes", "write_text", "rename", "renames", "copyfile", "copytree",
                     "copy", "copy2", "move"} and (
                         verb not in {"move", "copy"} or name.startswith("shutil.")))
            or (verb == "replace" and (name == "os.replace" or len(words) == 1))
            or (verb == "open" and any(mode.strip("rwxabt+U") == "" and set(mode) & set("wxa+")
                                       for mode in modes))
        ):
            yield f"{module}:{node.lineno}: {name}"


def test_one_place_writes_files_that_others_read() -> None:
    assert [line for module in MODULES if module not in WRITES for line in writes(module)] == []
    assert [module for module in WRITES if not any(writes(module))] == []


@pytest.mark.parametrize("source", [
    "path.write_text('x')", "path.write_bytes(b'')", "open(name, 'w')", "path.open('xb')",
    "open(name, mode='r+b')", "os.replace(a, b)", "os.rename(a, b)", "scratch.replace(path)",
    "scratch.rename(path)", "shutil.copyfile(a, b)", "shutil.move(a, b)",
], ids=lambda source: source.partition("(")[0])
def test_the_rule_sees_writers(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "tree", lambda _module: ast.parse(source))
    assert [*writes("x.py")]


# Structures of the store and of archives have makers of their own, who check what they write.
FIELDS = frozenset({"formats/fixed_fields.py", "store/packs.py", "sources/archive/tar.py",
                    "sources/archive/pack.py"})


def test_one_place_packs_fields_of_fixed_width() -> None:
    packs = frozenset({"struct.pack", "struct.pack_into", "struct.Struct"})
    assert [line for module in MODULES if module not in FIELDS for line in found(module, packs)
            ] == []
    assert found("formats/fixed_fields.py", packs), "the rule sees what it forbids"


def test_the_ground_floor_touches_no_file() -> None:
    wrong = [line for module in MODULES if module.startswith("model/")
             for line in imported(module, frozenset({"os", "io", "shutil", "socket"}))]
    wrong += [f"{module}:{node.lineno}: open" for module in MODULES if module.startswith("model/")
              for node in ast.walk(tree(module))
              if isinstance(node, ast.Name) and node.id == "open"]
    assert not wrong


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    names = [f"buildlib.{module.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
             for module in MODULES
             if not module.startswith("cli/") and module != "__init__.py"]
    script = ("import sys, importlib\n"
              "for name in sys.argv[1:]: importlib.import_module(name)\n"
              "print(*sorted({name.split('.')[0] for name in sys.modules}))")
    result = subprocess.run([sys.executable, "-I", "-c", script, *names], cwd=ROOT,
                            capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert not set(HEAVY) & set(result.stdout.split())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_one_idea_and_says_it(module: str) -> None:
    lines = (ROOT / "buildlib" / module).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MODULE_LINES
    assert ast.get_docstring(tree(module)), "a module says what it is for"


def test_tests_have_one_idea_too() -> None:
    """A file of tests that grows becomes a folder."""
    sizes = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
             for path in (ROOT / "tests").rglob("*.py")}
    assert [str(path) for path, lines in sizes.items() if lines > MODULE_LINES] == []


BARE = re.compile(r"# (?:noqa(?!: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*  [^\s#])"
                  r"|type: ?ignore(?!\[[a-z-]+(?:, ?[a-z-]+)*\]  # \S))")


def test_whoever_silences_a_checker_says_why() -> None:
    """`# noqa: CODE  reason`, and `# type: ignore[code]  # reason`."""
    here = Path(__file__)
    wrong = [f"{path.relative_to(ROOT)}:{number}"
             for path in (*(path for folder in ("buildlib", "tests", "tools")
                            for path in (ROOT / folder).rglob("*.py")), ROOT / "dodo.py")
             if path != here
             for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
             if BARE.search(line)]
    assert wrong == []


@pytest.mark.parametrize(("line", "is_bare"), [
    ("x  # noqa", True), ("x  # noqa: E501", True), ("x  # noqa: E501  # type: ignore", True),
    ("x  # type: ignore", True), ("x  # type: ignore[misc]", True),
    ("x  # type: ignore[misc]  why", True), ("x  # noqa: E402, F401  # type: ignore[misc]", True),
    ("x  # noqa: E501  its name", False), ("x  # noqa: E402, F401  likewise", False),
    ("x  # type: ignore[misc]  # doit has no types", False), ("x  # a remark", False)])
def test_the_rule_sees_silence_without_a_reason(line: str, is_bare: bool) -> None:
    assert bool(BARE.search(line)) is is_bare


def definitions(node: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Name and node of every class and function, but for functions inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield f"{inside}{child.name}", child
            yield from definitions(child, f"{inside}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{inside}{child.name}", child


def test_functions_are_short() -> None:
    wrong = [
        f"{module}: {name} has {node.end_lineno - node.lineno + 1} lines"
        for module in MODULES
        for name, node in definitions(tree(module))
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not wrong


def test_what_is_public_is_documented() -> None:
    wrong = [
        f"{module}: {name}"
        for module in MODULES
        for name, node in definitions(tree(module))
        if not any(part.startswith("_") for part in name.split("."))
        and isinstance(node, ast.ClassDef | ast.FunctionDef)
        and not _is_overload_of_documented(node) and ast.get_docstring(node) is None
    ]
    assert not wrong


def _is_overload_of_documented(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """A property's setter, or a body of `...` in a protocol: the words stand elsewhere."""
    last = node.body[-1]
    return isinstance(node, ast.FunctionDef) and (
        any(isinstance(item, ast.Attribute) and item.attr == "setter"
            for item in node.decorator_list)
        or (isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant)
            and last.value.value is ...))


@pytest.mark.parametrize(
    ("source", "check"),
    [
        ("import os\nos.environ['A']", HOST),
        ("from os import environ\nenviron['A']", HOST),
        ("import time\ntime.time()", HOST),
        ("from time import time\ntime()", HOST),
        ("from pathlib import Path\nPath.cwd()", HOST),
        ("import sys\nsys.stdout.write('x')", TERMINAL),
        ("import os\nos.system('x')", STARTS),
    ],
)
def test_the_rules_see_what_they_forbid(
    source: str, check: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "tree", lambda _module: ast.parse(source))
    imports.cache_clear()
    uses.cache_clear()
    assert found("x.py", check)
    imports.cache_clear()
    uses.cache_clear()
