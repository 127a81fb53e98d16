"""One place for each kind of work: processes, the clock, files that others read, the terminal."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from support import modules
from support.modules import MODULES, found, imported, imports, tree, uses

CLOCK_AND_ENVIRONMENT = "host/environment.py"
PROCESSES = "host/process.py"
# What no stage may ask, since its answer differs between hosts and runs.
HOST = frozenset(
    {
        "os.environ",
        "os.environb",
        "os.getenv",
        "os.getenvb",
        "os.getcwd",
        "os.getcwdb",
        "os.getlogin",
        "os.uname",
        "os.cpu_count",
        "os.getloadavg",
        "os.path.expanduser",
        "os.path.expandvars",
        "os.path.abspath",
        "Path.cwd",
        "Path.home",
        "time.time",
        "time.time_ns",
        "time.ctime",
        "time.localtime",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "socket.gethostname",
        "tempfile.gettempdir",
    }
)
# The front may ask where it was started: that folder is the project.
WHERE = frozenset({"Path.cwd"})
HOST_MODULES = frozenset(
    {"datetime", "getpass", "locale", "platform", "random", "secrets", "tempfile", "uuid"}
)
# `os.urandom` names scratch files apart, and one store from another; nothing else is random.
RANDOM = {"os.urandom": "host/atomic_files.py"}
STARTS = frozenset(
    {
        "os.system",
        "os.popen",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.posix_spawnp",
        *(
            f"os.{verb}{suffix}"
            for verb in ("exec", "spawn")
            for suffix in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
        ),
    }
)
START_MODULES = frozenset({"multiprocessing", "pty", "concurrent"})
TERMINAL = frozenset({"sys.stdout", "sys.stderr", "sys.stdin", "sys.__stdout__", "sys.__stderr__"})


def test_one_place_starts_processes() -> None:
    wrong = [
        line
        for module in MODULES
        if module != PROCESSES
        for line in (*found(module, STARTS), *imported(module, START_MODULES))
        if not line.endswith(".ThreadPoolExecutor")
    ]  # threads are no processes
    wrong += [  # to name the type of a running tool is no harm
        f"{module}:{line}: {name}"
        for module in MODULES
        if module != PROCESSES
        for line, name in uses(module)
        if name.startswith("subprocess.") and name != "subprocess.Popen"
    ]
    wrong += [
        f"{module}:{node.lineno}: subprocess.Popen(…)"
        for module in MODULES
        if module != PROCESSES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"subprocess.Popen", "Popen"}
    ]
    assert not wrong


def test_one_place_reads_the_clock_and_the_environment() -> None:
    wrong = [
        line
        for module in MODULES
        if module != CLOCK_AND_ENVIRONMENT
        for line in (
            *found(module, HOST - WHERE if module.startswith("cli/") else HOST),
            *imported(module, HOST_MODULES),
        )
    ]
    wrong += [
        line
        for name, place in RANDOM.items()
        for module in MODULES
        if module != place
        for line in found(module, frozenset({name}))
    ]
    assert not wrong


def test_one_place_reads_toml_and_one_reads_json() -> None:
    wrong = [
        line
        for module in MODULES
        if module != "model/toml.py"
        for line in imported(module, frozenset({"tomllib"}))
    ]
    wrong += [
        line
        for module in MODULES
        if module != "model/json_text.py"
        for line in found(module, frozenset({"json.load", "json.loads"}))
    ]
    assert not wrong


def test_only_the_front_writes_to_the_terminal() -> None:
    wrong = [
        line
        for module in MODULES
        if not module.startswith("cli/")
        for line in found(module, TERMINAL)
    ]
    wrong += [
        f"{module}:{node.lineno}: {node.func.id}"
        for module in MODULES
        if not module.startswith("cli/")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "input", "breakpoint"}
    ]
    assert not wrong


# What is written elsewhere than by `host/atomic_files.py`, and why nobody meets it half written.
WRITES = {
    "config/reading/shipped.py": "the folder of a new project or a work folder, which is empty",
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
    "sources/pkcs7.py": "openssl's files, for a moment",
    "testing/repositories.py": "a folder of the test that asks for it",
}


def writes(module: str, source: ast.Module) -> Iterator[str]:
    """Calls that write, rename or copy a file by its name."""
    for node in ast.walk(source):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        verb = name.rpartition(".")[2]
        words = [*node.args, *(word.value for word in node.keywords)]
        modes = {
            part.value
            for word in words
            for part in ast.walk(word)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        }
        if (
            (
                verb
                in {
                    "write_bytes",
                    "write_text",
                    "rename",
                    "renames",
                    "copyfile",
                    "copytree",
                    "copy",
                    "copy2",
                    "move",
                }
                and (verb not in {"move", "copy"} or name.startswith("shutil."))
            )
            or (verb == "replace" and (name == "os.replace" or len(words) == 1))
            or (
                verb == "open"
                and any(mode.strip("rwxabt+U") == "" and set(mode) & set("wxa+") for mode in modes)
            )
        ):
            yield f"{module}:{node.lineno}: {name}"


def test_one_place_writes_files_that_others_read() -> None:
    calls = {module: [*writes(module, tree(module))] for module in MODULES}
    assert [line for module, lines in calls.items() if module not in WRITES for line in lines] == []
    assert [module for module in WRITES if not calls[module]] == []


@pytest.mark.parametrize(
    "source",
    [
        "path.write_text('x')",
        "path.write_bytes(b'')",
        "open(name, 'w')",
        "path.open('xb')",
        "open(name, mode='r+b')",
        "os.replace(a, b)",
        "os.rename(a, b)",
        "scratch.replace(path)",
        "scratch.rename(path)",
        "shutil.copyfile(a, b)",
        "shutil.move(a, b)",
    ],
    ids=lambda source: source.partition("(")[0],
)
def test_the_rule_sees_writers(source: str) -> None:
    assert [*writes("x.py", ast.parse(source))]


# Structures of the store and of archives have makers of their own, who check what they write.
FIELDS = frozenset(
    {
        "formats/fixed_fields.py",
        "store/packs.py",
        "sources/archive/tar.py",
        "sources/archive/pack.py",
    }
)


def test_one_place_packs_fields_of_fixed_width() -> None:
    packs = frozenset({"struct.pack", "struct.pack_into", "struct.Struct"})
    assert [
        line for module in MODULES if module not in FIELDS for line in found(module, packs)
    ] == []
    assert found("formats/fixed_fields.py", packs), "the rule sees what it forbids"


def test_the_ground_floor_touches_no_file() -> None:
    wrong = [
        line
        for module in MODULES
        if module.startswith("model/")
        for line in imported(module, frozenset({"os", "io", "shutil", "socket"}))
    ]
    wrong += [
        f"{module}:{node.lineno}: open"
        for module in MODULES
        if module.startswith("model/")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Name) and node.id == "open"
    ]
    assert not wrong


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
    monkeypatch.setattr(modules, "tree", lambda _module: ast.parse(source))
    imports.cache_clear()
    uses.cache_clear()
    assert found("x.py", check)
    imports.cache_clear()
    uses.cache_clear()
