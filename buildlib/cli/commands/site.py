"""The commands for a site, the folder of a fleet's configuration: `site-init`, `site-check`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from buildlib.cli.commands.build import JSON, Own
from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import Site
from buildlib.config.site.numbers import number_problems, package_numbers
from buildlib.config.site.reader import known_names, read_site
from buildlib.model.errors import ConfigError, printable
from buildlib.operations.site_check.check import check_site


class SiteInit(Own):
    """`doit site-init DIR`: writes an example to start from."""

    name = "site-init"
    makes = True
    doc_purpose = "write an example of a fleet's configuration, to start a site from"
    doc_usage = "DIR"
    doc_description = (
        "Two hosts, two storage servers, servers for NFS, SQL and packages, shared files, and "
        "checklists. DIR must be empty or not exist."
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Write the example."""
        del options
        from buildlib.config.site.example import write_example

        folder = _folder(names, "site-init")
        count = write_example(folder)
        print(printable(f"{folder}: {count} files; check it with: doit site-check {folder}"))
        return 0


class SiteCheck(Own):
    """`doit site-check SITE`: finds all problems, before a server does."""

    name = "site-check"
    doc_purpose = "list every problem of a fleet's configuration, with file and line"
    doc_usage = "[--json] SITE"
    doc_description = (
        "SITE is the folder with pservers, vservers and global. Images, kernels and recipes are "
        "those of the checkout in which doit is called. Exit status 1: there are problems."
    )
    cmd_options = (JSON,)

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Read the site, check it, and print the problems by file and line."""
        as_json = options["json"] or "--json" in names  # doit accepts options only before SITE
        names = [name for name in names if name != "--json"]
        folder, project = _folder(names, "site-check"), Path.cwd()
        if not (project / "recipes").is_dir():
            raise ConfigError(
                "there are no recipes here",
                where=project,
                hint="run doit in a checkout of goldmaster",
                reason="no-project",
            )
        problems: list[Problem] = []
        site = read_site(folder, problems)
        problems = sorted(
            {
                *problems,
                *check_site(site, known_names(project)),
                *number_problems(folder, package_numbers(project)),
            }
        )
        if as_json:
            print(
                json.dumps(
                    {
                        "site": str(folder),
                        "hosts": len(site.hosts),
                        "servers": len(site.servers),
                        "problems": [asdict(problem) for problem in problems],
                    }
                )
            )
        else:
            print(
                *(printable(str(problem)) for problem in problems),
                printable(f"{folder}: {_summary(site, problems)}"),
                sep="\n",
            )
        return 1 if problems else 0


def _folder(names: list[str], command: str) -> Path:
    if len(names) != 1:
        raise ConfigError(
            f"doit {command} takes one folder",
            why=f"it was given {len(names)}: {' '.join(names)}" if names else "it was given none",
            reason="usage",
        )
    return Path(names[0])


def _summary(site: Site, problems: list[Problem]) -> str:
    parts = [_count(len(site.hosts), "host"), _count(len(site.servers), "server")]
    found = _count(len(problems), "problem") if problems else "no problems"
    return f"{', '.join(parts)}, {found}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
