"""The digest of a stage's code: its module, and all modules that it imports.

Comments, docstrings and layout do not count, only the syntax tree. Modules that handle content
without changing it (the store, the interface of stages, errors) are left out; after a relevant
change there, increase `keys.FORM`.

A stage may be anywhere: in the library, or in a package or file of a project that uses it.
Installed packages are not part of this code; list the relevant ones in `Stage.LIBRARIES`.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from buildlib.model.errors import StageError
from buildlib.store.stat_cache import StatCache

PACKAGE = "buildlib"
CARRIERS = (
    "buildlib.host.",
    "buildlib.store.",
    "buildlib.model.errors",
    "buildlib.model.events",
    "buildlib.model.frozen_values",
    "buildlib.engine.stage",
)
_SHAPING = frozenset({"buildlib.store.source_files"})  # files that it skips are in no output
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FOLDER = Path(__file__).resolve().parent.parent
# Some Python versions (such as 3.11.7) fail if threads parse at the same time (gh-106905).
_PARSING = threading.Lock()
_INSTALLED = frozenset({"site-packages", "dist-packages"})


class CodeDigests:
    """Digests of modules, cached in `seen`. The library's modules are in `folder`."""

    def __init__(self, seen: StatCache, folder: Path = _FOLDER) -> None:
        self._seen = seen
        self._folder = folder
        self._closures: dict[str, dict[str, str]] = {}

    def of(self, module: str) -> dict[str, str]:
        """Module name to digest, for `module` and all it imports, directly or indirectly.

        Raises StageError if the code of `module` is not in a file.
        """
        if module not in self._closures:
            found: dict[str, str] = {}
            pending = [module]
            while pending:
                name = pending.pop()
                if name in found or (name.startswith(CARRIERS) and name not in _SHAPING):
                    continue
                path = self._path(name, module)
                if path is None:
                    continue
                digest, *imports = self._seen.memo(path, _describe, kind="module").split()
                found[name] = digest
                pending += _resolved(imports, name, path)
            if not found:
                raise StageError(
                    "the code of a stage is not in a file",
                    where=f"module {module}",
                    hint="put the stage into a module with its own file, because its "
                    "code is part of its key",
                    reason="key-code",
                )
            self._closures[module] = dict(sorted(found.items()))
        return self._closures[module]

    def _path(self, name: str, module: str) -> str | None:
        """The file of a module, or None if it is not part of the code of the stage in `module`."""
        top = name.partition(".")[0]
        if top == PACKAGE:
            return _file(self._folder.parent, name)
        if top in sys.stdlib_module_names:
            return None
        path = _loaded(name) or _found(name)
        if path is None or (_INSTALLED & {*Path(path).parts} and top != module.partition(".")[0]):
            return None
        return path


def _file(root: Path, name: str) -> str | None:
    base = root.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return str(path)
    return None


def _loaded(name: str) -> str | None:
    path = getattr(sys.modules.get(name), "__file__", None)
    return path if path and path.endswith(".py") and Path(path).is_file() else None


def _found(name: str) -> str | None:
    """The file of a module that is not imported yet; does not import its packages."""
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations is None:
        return spec.origin if name == top and str(spec.origin).endswith(".py") else None
    roots = (Path(folder).parent for folder in spec.submodule_search_locations)
    return next((path for root in roots if (path := _file(root, name))), None)


def _resolved(imports: list[str], name: str, path: str) -> Iterator[str]:
    """Full names of the modules imported by `name`, and of the packages of a project's modules."""
    package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
    for imported in imports:
        try:
            full = importlib.util.resolve_name(imported, package)
        except ImportError:
            continue
        yield full
        while not full.startswith(f"{PACKAGE}.") and "." in full:
            full = full.rpartition(".")[0]
            yield full


def _describe(path: str) -> str:
    """The digest of a module's code, then the names of the modules it may import."""
    data = Path(path).read_bytes()
    with _PARSING:
        tree = ast.parse(data)
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            imports.update({base} if node.module else ())
            joint = "." if node.module else ""
            imports.update(f"{base}{joint}{alias.name}" for alias in node.names)
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return " ".join(
        [
            digest,
            *sorted(
                name for name in imports if name.partition(".")[0] not in sys.stdlib_module_names
            ),
        ]
    )
