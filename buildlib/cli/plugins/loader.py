"""Loads dodo.py for doit, whatever the command; first sets up signals, streams and file names.

While doit loads its own modules, a signal ends Python with a traceback, unless the command is
`goldmaster`. So the handlers are installed before anything else is loaded.
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

            print_error(
                ConfigError(
                    "an argument on the command line is empty",
                    where=f"argument {sys.argv.index('')}",
                    hint="leave it out, or give a name",
                    reason="usage",
                )
            )
            sys.exit(3)

    def setup(self, opt_values: Any) -> None:
        """Load dodo.py; its GoldmasterErrors are shown like all others.

        Modules beside it get no bytecode: Python compares only seconds and sizes, so that a quick
        edit would run old code under the key of the new.
        """
        had_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            super().setup(opt_values)
        except Exception as error:  # any kind: the import of our classes takes time
            from buildlib.cli.terminal import print_error
            from buildlib.model.errors import GoldmasterError

            if not isinstance(error, GoldmasterError):
                raise
            print_error(error)
            sys.exit(3)
        finally:
            sys.dont_write_bytecode = had_none


def _read_names_as_utf8() -> None:
    """Restart this program in Python's UTF-8 mode if its locale has another encoding.

    With another encoding, the same file name is a different text and sorts differently (PEP 540).
    """
    if sys.getfilesystemencoding() != "utf-8":
        from buildlib.host.process import reexec

        reexec("-X", "utf8")
