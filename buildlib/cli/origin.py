"""Checks that the library in use is that of the checkout in which doit was called.

A copied checkout contains a copied virtual environment, which leads to the library of the original.
A build would then use the recipes of one checkout and the code of the other.
"""

from __future__ import annotations

from pathlib import Path

_OURS = Path(__file__).resolve().parents[1]


def check_origin(root: Path) -> None:
    """Raises ConfigError if `root` has its own library, but another one is running."""
    own = root / "buildlib"
    if own.is_dir() and own.resolve() != _OURS:
        from buildlib.model.errors import ConfigError

        raise ConfigError(
            "the library of another checkout is used here",
            where=root,
            why=f"the library is {_OURS}",
            hint="create this checkout's virtual environment: `make .venv/ready`, or call "
            "`python -m doit`",
            reason="other-checkout",
        )
