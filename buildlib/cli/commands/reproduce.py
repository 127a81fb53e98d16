"""The command `reproduce`: checks that a build elsewhere has the same result."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from buildlib.cli.boot_media.session import BootMediaSession
from buildlib.cli.commands.build import Own
from buildlib.cli.terminal import make_display, print_table
from buildlib.host.environment import find_tool, monotonic, source_date_epoch
from buildlib.model import json_text
from buildlib.model.errors import ConfigError, StageError, StoreError, ToolError, printable
from buildlib.model.events import Finished, Progress, Sink, Started
from buildlib.operations import reproduce
from buildlib.operations.integrity import is_damaged

_TASKS = ("iso", "domu-images")
_NAMED = 10  # differences printed for each image


class Reproduce(Own):
    """`doit reproduce`: builds a second time from scratch and compares the results."""

    name = "reproduce"
    makes = True
    doc_purpose = "build a second time from scratch, elsewhere, and compare every byte"
    doc_usage = ""
    doc_description = (
        "Copies the checkout, builds there with an empty store in another environment, and "
        "compares the images with those in dist. If they differ, names the first stage with "
        "another result and the files. Exit status 1: something differs; the second build is kept."
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Build, compare, and print the result."""
        del options
        if names:
            raise ConfigError("doit reproduce takes no arguments", reason="usage")
        session = self.boot_media()
        bases = _images(session)
        place = session.root / session.settings.build / "reproduce"
        shutil.rmtree(place, ignore_errors=True)
        display = make_display(session.settings.progress, sys.stdout)
        try:
            _second_build(session, place, display.event)
        finally:
            display.close()
        found = list(
            reproduce.verdicts(
                session.root / session.settings.dist, place / "elsewhere/dist", bases
            )
        )
        print_table(
            [
                (verdict.name, "the same" if verdict.same else "DIFFERS", verdict.digest)
                for verdict in found
            ]
        )
        different = [verdict for verdict in found if not verdict.same]
        for verdict in different:
            _print_differences(verdict, session, place)
        if not different:
            shutil.rmtree(place)
        return 1 if different else 0


def _images(session: BootMediaSession) -> dict[str, list[str]]:
    """Every image in dist to its stages. Raises ConfigError if one is missing or outdated."""
    bases: dict[str, list[str]] = {}
    for product in session.products.values():
        if not product.record:
            continue  # the mirror, which is built from the checkout
        for stage in session.stages_of(product.name):
            session.engine.resolve(stage)
        if any(stage not in session.engine.done for stage in session.stages_of(product.name)) or (
            not session.publisher.is_current(product)
        ):
            raise ConfigError(
                f"{product.name} is not built, or is out of date",
                hint=f"run doit {' '.join(_TASKS)}",
                reason="not-built",
            )
        if is_damaged(product, session.engine):
            raise StoreError(
                f"{product.name} is damaged: its bytes differ from those that were built",
                where=product.folder,
                hint=f"run doit {' '.join(_TASKS)} to build it again",
                reason="damaged",
            )
        bases[next(iter(product.files))] = session.engine.graph.closure(
            session.stages_of(product.name)
        )
    return bases


def _second_build(session: BootMediaSession, place: Path, sink: Sink) -> None:
    settings, root = session.settings, session.root
    checkout, started = place / "elsewhere", monotonic()
    sink(Started("reproduce"))
    reproduce.copy_checkout(root, checkout, apart=(root / settings.build, root / settings.dist))
    words = [*_TASKS, f"release={settings.release}", f"jobs={settings.workers + 1}"]
    if not session.plan.release.mirror_source:
        reproduce.lay_out_mirror(session.engine, place / "mirror")
        words.append(f"mirror={place / 'mirror'}")
    errors: list[dict[str, Any]] = []

    def follow(line: str) -> None:
        """Show the second run's progress, and keep its errors."""
        if not line.startswith("{"):
            return
        event = json_text.loads(line.encode())
        if event["event"] == "progress":
            sink(
                Progress("reproduce", event["done"], event["total"], event["unit"], event["stage"])
            )
        elif event["event"] == "error":
            errors.append(event)

    session.store.logs.mkdir(parents=True, exist_ok=True)
    try:
        reproduce.rebuild(
            checkout,
            words,
            epoch=source_date_epoch(),
            runner=session.store.runner,
            log=session.store.logs / "reproduce.log",
            tell=follow,
        )
    except ToolError as error:
        if not errors:
            raise
        first = errors[0]
        raise StageError(
            f"the second build failed: {first['what']}",
            where=first["where"],
            why=first["why"],
            hint=first["hint"],
            log=Path(first["log"]) if first["log"] else error.log,
            reason="second-build",
        ) from error
    sink(Finished("reproduce", "built", monotonic() - started))


def _print_differences(verdict: reproduce.Verdict, session: BootMediaSession, place: Path) -> None:
    """Print the first differing stage, the differences, and how to examine them further."""
    dist = session.root / session.settings.dist
    print(
        printable(
            f"{verdict.name} differs, first after the stage "
            f"{verdict.stages[0] if verdict.stages else 'that writes it'}"
        )
    )
    for part in verdict.parts[:_NAMED]:
        print(printable(f"    {part}"))
    if len(verdict.parts) > _NAMED:
        print(f"    and {len(verdict.parts) - _NAMED} more")
    other = place / "elsewhere/dist" / verdict.name
    if find_tool("diffoscope") is None:
        print(printable(f"    diffoscope {dist / verdict.name} {other}"))
        return
    report = session.store.logs / f"reproduce-{verdict.name}.txt"
    try:
        session.store.runner.run(
            ["diffoscope", "--text", report, dist / verdict.name, other],
            cwd=place,
            log=session.store.logs / "reproduce.log",
        )
    except ToolError as error:
        if not report.exists():  # its exit status is 1 if the files differ
            print(printable(f"    diffoscope could not compare them: {error.what}"))
            return
    print(printable(f"    {report}"))
