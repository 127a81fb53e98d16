"""doit's loader of dodo.py, which looks at the command line before doit takes it apart."""

from __future__ import annotations

import sys

from doit.cmd_base import DodoTaskLoader


class Loader(DodoTaskLoader):  # type: ignore[misc]  # doit has no types
    """Refuses an empty word, for which doit shows a traceback."""

    def __init__(self) -> None:
        super().__init__()
        if "" in sys.argv[1:]:
            from buildlib.front.terminal import print_error
            from buildlib.words.errors import ConfigError

            print_error(ConfigError("an empty word is the name of no task", reason="unknown-task",
                                    hint="`doit list --all` shows all tasks"))
            sys.exit(3)
