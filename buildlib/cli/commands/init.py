"""`goldmaster init`: a new project that presses the miniature's CD."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildlib.cli.commands.build import Own
from buildlib.config.reading.shipped import copy_shipped, shipped_recipes
from buildlib.host.atomic_files import write_file
from buildlib.model.errors import ConfigError, printable
from buildlib.model.names import SHIPPED

DODO = '''"""doit finds its tasks here: run `goldmaster list` and `goldmaster help`."""

from buildlib import Project

project = Project(__file__)
DOIT_CONFIG = project.doit_config()
task_goldmaster = project.doit_tasks
'''
IGNORE = "/build/\n/dist/\n__pycache__/\n"
SETTINGS = f"""\
# Settings of this project: docs/settings.md of goldmaster has them all.

release = "{SHIPPED}mini"      # or "{SHIPPED}netbsd-10.1", or "NAME" for sets/NAME.toml
"""
COPY = {
    "name": "copy",
    "long": "copy",
    "type": bool,
    "default": False,
    "help": "copy overlays, kernel configurations and releases instead of naming them",
}


class Init(Own):
    """`goldmaster init DIR`: makes a new project."""

    makes = True
    doc_purpose = "make a new project: dodo.py and recipes"
    doc_usage = "[--copy] DIR"
    doc_description = (
        "DIR is created, or is an empty folder. Its recipes name the overlays, kernel "
        "configurations and release that come with goldmaster, so an update of goldmaster updates "
        "them; with --copy the project has them itself. `goldmaster iso` builds the miniature "
        "release there; `doit` works in it as well."
    )
    cmd_options = (COPY,)

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Write the project's files."""
        copies = options["copy"] or "--copy" in names  # doit knows options before DIR only
        names = [name for name in names if name != "--copy"]
        if len(names) != 1:
            raise ConfigError(
                "goldmaster init takes one folder",
                why=f"it was given {' '.join(names) or 'nothing'}",
                reason="usage",
            )
        from buildlib.cli.main import BACKENDS, COMMANDS, LOADER

        folder = Path(names[0])
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(
                "the folder of a new project must be empty",
                where=folder,
                hint="name another folder",
                reason="not-empty",
            )
        folder.mkdir(parents=True, exist_ok=True)
        texts = {} if copies else _naming()
        if copies:
            copy_shipped(folder)
        plugins = {"loader": {"goldmaster": LOADER}, "command": COMMANDS, "backend": BACKENDS}
        texts |= {
            "dodo.py": DODO,
            ".gitignore": IGNORE,
            "pyproject.toml": _settings_of_doit(plugins),
        }
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_file(folder / name, text.encode())
        print(printable(f"{folder} is ready: run `goldmaster iso` there to build the CD"))
        return 0


def _naming() -> dict[str, str]:
    """Path to text of recipes that name what ships, and of the settings."""
    texts = {name: named(text) for name, text in shipped_recipes().items()}
    return {**texts, "recipes/settings.toml": SETTINGS}


def named(recipe: str) -> str:
    """A recipe that ships, as it is in another project: its overlays and kernels are named there.

    Its comments stay. Only the forms that our own recipes have are known.
    """
    recipe = re.sub(r'(?m)^kernel = "', f'kernel = "{SHIPPED}', recipe)
    return re.sub(
        r"(?m)^overlays = \[[^]]*\]",
        lambda found: re.sub(r'"(?=\w)', f'"{SHIPPED}', found[0]),
        recipe,
    )


def _settings_of_doit(plugins: Mapping[str, Mapping[str, str]]) -> str:
    """pyproject.toml, so that `doit` in this folder has the same commands as `goldmaster`."""
    tables = [
        [f"[tool.doit.plugins.{kind}]", *(f'{name} = "{place}"' for name, place in found.items())]
        for kind, found in plugins.items()
    ]
    return (
        "\n\n".join(
            "\n".join(lines) for lines in [["[tool.doit]", 'loader = "goldmaster"'], *tables]
        )
        + "\n"
    )
