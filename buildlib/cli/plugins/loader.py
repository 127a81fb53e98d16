"""What doit calls first, whatever the command: the signals, the streams and the names are put in
order before anything is read or told.

Until doit has loaded its own modules, a signal meets Python alone, with a traceback. So signals are
heeded before any more is loaded.
"""

from __future__ import annotations

import sys
from typing import Any

from doit.cmd_base import DodoTaskLoader

from buildlib.cli import signals


class Loader(DodoTaskLoader):  # type: ignore[misc]  # doit has no types
    """doit's own loader of dodo.py."""

    def __init__(self) -> None:
        signals.install_handlers(signals.exit_now)
        super().__init__()
        from buildlib.cli.outlets import open_outlets

        open_outlets()
        _read_names_as_utf8()
        if "" in sys.argv:
            from buildlib.cli.terminal import print_error
            from buildlib.model.errors import ConfigError

            print_error(ConfigError(
                "a word of the command line is empty", where=f"word {sys.argv.index('')}",
                hint="leave it out, or give a name", reason="usage"))
            sys.exit(3)

    def setup(self, opt_values: Any) -> None:
        """Load dodo.py. An error of ours that it raises is shown as all of them are."""
        try:
            super().setup(opt_values)
        except Exception as error:  # of any kind: to know ours from others takes an import
            from buildlib.cli.terminal import print_error
            from buildlib.model.errors import GoldmasterError

            if not isinstance(error, GoldmasterError):
                raise
            print_error(error)
            sys.exit(3)


def _read_names_as_utf8() -> None:
    """Start this program again in Python's UTF-8 mode where its locale has another encoding.

    In another one the same name of a file is another text, which is sorted elsewhere (PEP 540).
    """
    if sys.getfilesystemencoding() != "utf-8":
        from buildlib.host.process import reexec

        reexec("-X", "utf8")
