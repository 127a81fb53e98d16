"""Whose library this is: that of the checkout in which doit was called, or of another one.

A copy of a checkout has a copy of its virtual environment, which leads to the library of the
first. What is built would then come from the recipes of the one and the code of the other.
"""

from __future__ import annotations

from pathlib import Path

_OURS = Path(__file__).resolve().parents[1]


def check_origin(root: Path) -> None:
    """Raises ConfigError where `root` has a library of its own, and this is another."""
    own = root / "buildlib"
    if own.is_dir() and own.resolve() != _OURS:
        from buildlib.model.errors import ConfigError

        raise ConfigError(
            "the library of another checkout would run here", where=root, why=f"it is {_OURS}",
            hint="make the virtual environment of this one: `make .venv/ready`, or call "
            "`python -m doit`", reason="other-checkout")
