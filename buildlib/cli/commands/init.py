"""`goldmaster init`: a new project, with all that it takes to press the miniature's CD."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildlib.cli.commands.build import Own
from buildlib.host.atomic_files import write_file
from buildlib.model.errors import ConfigError, printable

_LIBRARY = Path(__file__).resolve().parents[2]
_FOLDERS = ("kernel-configs", "recipes", "sets")
# Python before 3.11.4 has no filters, and later ones warn where none is chosen.
_AS_IT_IS: Any = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}

DODO = '''"""doit finds its tasks here: run `goldmaster list` and `goldmaster help`."""

from buildlib import Project

project = Project(__file__)
DOIT_CONFIG = project.doit_config()
task_goldmaster = project.doit_tasks
'''
IGNORE = "/build/\n/dist/\n__pycache__/\n"


class Init(Own):
    """`goldmaster init DIR`."""

    makes = True
    doc_purpose = "make a new project: dodo.py, recipes, sets and kernel-configs"
    doc_usage = "DIR"
    doc_description = (
        "DIR is created, or is an empty folder. `goldmaster iso` builds the miniature release "
        "there; `doit` works in it as well."
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Write the project's files."""
        del options
        if len(names) != 1:
            raise ConfigError("goldmaster init takes one folder",
                              why=f"it was given {' '.join(names) or 'nothing'}", reason="usage")
        from buildlib.cli.main import BACKENDS, COMMANDS, LOADER

        folder = Path(names[0])
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError("the folder of a new project must be empty", where=folder,
                              hint="name another one", reason="not-empty")
        folder.mkdir(parents=True, exist_ok=True)
        _lay_out(folder)
        plugins = {"loader": {"goldmaster": LOADER}, "command": COMMANDS, "backend": BACKENDS}
        for name, text in {"dodo.py": DODO, ".gitignore": IGNORE,
                           "pyproject.toml": _settings_of_doit(plugins)}.items():
            write_file(folder / name, text.encode())
        print(printable(f"{folder} is a project now; `goldmaster iso` there presses the CD"))
        return 0


def _lay_out(folder: Path) -> None:
    """Copy what a checkout has, or unpack what a wheel brought."""
    archive = _LIBRARY / "starter.tar.gz"
    if archive.is_file():
        with tarfile.open(archive) as starter:  # our own, so links may lead where they like
            starter.extractall(folder, **_AS_IT_IS)  # noqa: S202  likewise
        return
    for name in _FOLDERS:
        shutil.copytree(_LIBRARY.parent / name, folder / name, symlinks=True,
                        ignore=shutil.ignore_patterns("__pycache__"))


def _settings_of_doit(plugins: Mapping[str, Mapping[str, str]]) -> str:
    """pyproject.toml, by which `doit` knows in this folder what `goldmaster` knows everywhere."""
    tables = [[f"[tool.doit.plugins.{kind}]", *(f'{name} = "{place}"'
                                               for name, place in found.items())]
              for kind, found in plugins.items()]
    return "\n\n".join("\n".join(lines) for lines in [
        ["[tool.doit]", 'loader = "goldmaster"'], *tables]) + "\n"
