"""The digest of a stage's code: of the module it is in, and of those that this one imports.

Comments, docstrings and layout do not count: the syntax tree does. Modules that carry content
without shaping it (the store, the interface of stages, errors) are left out; a change there that
does matter raises `engine.FORM`.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

from buildlib.store.seen import Seen

PACKAGE = "buildlib"
CARRIERS = ("buildlib.store.", "buildlib.words.errors", "buildlib.stages.stage")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FOLDER = Path(__file__).resolve().parent.parent


class CodeDigests:
    """Digests of modules of the library, remembered in `seen`."""

    def __init__(self, seen: Seen, folder: Path = _FOLDER) -> None:
        self._seen = seen
        self._folder = folder
        self._closures: dict[str, dict[str, str]] = {}

    def of(self, module: str) -> dict[str, str]:
        """Module name to digest, for `module` and all it imports, directly or not."""
        if module not in self._closures:
            found: dict[str, str] = {}
            pending = [module]
            while pending:
                name = pending.pop()
                if name in found or name.startswith(CARRIERS):
                    continue
                path = self._path(name)
                if path is None:
                    continue
                digest, *imports = self._seen.memo(path, _describe, kind="code").split()
                found[name] = digest
                pending += imports
            self._closures[module] = dict(sorted(found.items()))
        return self._closures[module]

    def _path(self, module: str) -> str | None:
        base = self._folder.parent.joinpath(*module.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return str(path)
        return None


def _describe(path: str) -> str:
    """The digest of a module's code, then the names of the library's modules it may import."""
    tree = ast.parse(Path(path).read_bytes())
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports.add(node.module)
            imports.update(f"{node.module}.{alias.name}" for alias in node.names)
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    ours = sorted(name for name in imports if name.split(".")[0] == PACKAGE)
    return " ".join([digest, *ours])
