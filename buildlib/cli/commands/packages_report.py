"""`doit packages-report`: lists install-script actions that are not applied."""

from __future__ import annotations

import json
from typing import Any

from buildlib.cli.commands.build import JSON, Own, refuse
from buildlib.model.errors import printable


class PackagesReport(Own):
    """`doit packages-report`: a list for review, by package."""

    doc_purpose = "list what install scripts would do beyond what is applied to the images"
    doc_usage = ""
    doc_description = (
        "No script of a package is run. Users, groups, files, directories, modes and shells that "
        "scripts declare are applied; every other line of theirs, and the packing lists' @exec, "
        "is listed here."
    )
    cmd_options = (JSON,)

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Print a paragraph for each package with unapplied actions, and a summary."""
        refuse("packages-report", names)
        from buildlib.operations.packages_report import report, undone

        session = self.boot_media()
        reports = report(session.plan, session.engine)
        affected = [item for item in reports if item.actions]
        left = dict(undone(session.plan, session.engine))
        if options["json"]:
            print(
                json.dumps(
                    {
                        "packages": [
                            {
                                "package": item.package,
                                "recipes": list(item.recipes),
                                "actions": [
                                    {
                                        "where": action.where,
                                        "line": action.line,
                                        "text": action.text,
                                    }
                                    for action in item.actions
                                ],
                            }
                            for item in affected
                        ],
                        "undone": left,
                    }
                )
            )
            return 0
        for item in affected:
            print(printable(f"{item.package} ({', '.join(item.recipes)})"))
            for action in item.actions:
                line = f" {action.line}" if action.line else ""
                print(printable(f"    {action.where}{line}: {action.text}"))
        for recipe, lines in left.items():
            if lines is None:
                print(
                    f"{recipe}: run doit root:{recipe} to see declarations that cannot be applied"
                )
            elif lines:
                print("\n    ".join([f"{recipe}: declarations that could not be applied", *lines]))
        print(f"{len(reports)} packages, {len(affected)} with actions that are not applied")
        return 0
