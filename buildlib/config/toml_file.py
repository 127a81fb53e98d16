"""Files in TOML: recipes, release definitions, tables, settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from buildlib.host.reading import read_small
from buildlib.model import toml
from buildlib.model.errors import ConfigError

_LINE = re.compile(r"line ([0-9]+)\b")


def read_toml(path: Path, *, name: str) -> dict[str, Any]:
    """The tables of the file at `path`; `name` is how errors call it.

    Raises ConfigError: `toml` with the line, `file` for a file that cannot be read.
    """
    try:
        return toml.loads(read_small(path))
    except ValueError as error:
        line = _LINE.match(str(error))
        raise ConfigError(f"{name} is no TOML", where=f"{name}:{line[1]}" if line else name,
                          why=str(error), reason="toml") from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be read", where=path, why=error.strerror,
                          reason="file") from error
