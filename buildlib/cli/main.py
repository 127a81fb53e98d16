"""The command `goldmaster`: doit with this library's commands and loader.

In a project's folder `goldmaster iso` is `doit iso`. Replacements of doit's own commands (`run`,
`clean`, …) are defined here, so they do not affect other projects in the same environment.
"""

from __future__ import annotations

import sys

from buildlib.cli import signals

_COMMANDS = "buildlib.cli.commands"
COMMANDS = {
    "info": "buildlib.cli.plugins.run:Info",
    "list": "buildlib.cli.plugins.run:List",
    "init": f"{_COMMANDS}.init:Init",
    "run": "buildlib.cli.plugins.run:Run",
    "why": f"{_COMMANDS}.build:Why",
    "plan": f"{_COMMANDS}.build:Plan",
    "lock": f"{_COMMANDS}.lock:LockRelease",
    "outdated": f"{_COMMANDS}.outdated:Outdated",
    "gc": f"{_COMMANDS}.build:Gc",
    "clean": f"{_COMMANDS}.unsupported:Clean",
    "dumpdb": f"{_COMMANDS}.unsupported:DumpDB",
    "forget": f"{_COMMANDS}.unsupported:Forget",
    "ignore": f"{_COMMANDS}.unsupported:Ignore",
    "reset-dep": f"{_COMMANDS}.unsupported:ResetDep",
    "burn-check": f"{_COMMANDS}.burn_check:BurnCheck",
    "reproduce": f"{_COMMANDS}.reproduce:Reproduce",
    "site-init": f"{_COMMANDS}.site:SiteInit",
    "site-check": f"{_COMMANDS}.site:SiteCheck",
    "config-image": f"{_COMMANDS}.config_image:ConfigImage",
    "packages-report": f"{_COMMANDS}.packages_report:PackagesReport",
}
LOADER = "buildlib.cli.plugins.loader:Loader"
BACKENDS = {"goldmaster": "buildlib.cli.plugins.backend:Backend"}


def main() -> int:
    """Run a command; returns the exit status."""
    signals.install_handlers(signals.exit_now)  # before doit is loaded, which takes a while
    from doit.doit_cmd import DoitMain

    return int(
        DoitMain(
            extra_config={
                "GLOBAL": {"loader": "goldmaster"},
                "LOADER": {"goldmaster": LOADER},
                "COMMAND": COMMANDS,
                "BACKEND": BACKENDS,
            }
        ).run(sys.argv[1:])
    )
