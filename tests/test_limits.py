"""The limits that the documents state are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from buildlib.config import kernel_config
from buildlib.config.site import text
from buildlib.host import reading
from buildlib.model import json_text, looks, mtree, names, toml, tree
from buildlib.pkgsrc import package_file, pkginstall, plist, summary
from buildlib.sources.archive import compress, pax, tar
from buildlib.sources.web import limits

TABLE = Path(__file__).resolve().parent.parent / "docs/testing.md"


def limits_in_code() -> list[tuple[str, str]]:
    """Limit and module, in the order of the table."""
    patience = limits.Patience()
    rows: list[tuple[str, object]] = [
        (f"{toml.LARGEST >> 10} KiB, {toml.DEEPEST} levels of nesting", toml),
        (f"{json_text.LARGEST >> 20} MiB", json_text),
        (f"{names.PATH_LIMIT} and {names.NAME_LIMIT} bytes", names),
        (f"{names.LINE_LIMIT} bytes", names),
        (
            f"{mtree.SPEC_MAX >> 20} MiB, {mtree.LINES_MAX:,} lines; {mtree.PATH_MAX} characters",
            mtree,
        ),
        (f"{tree.FOLDERS_MAX:,}; {tree.FOLDER_TEXT_MAX >> 20} Mi characters", tree),
        (f"{reading.MOST >> 20} MiB", reading),
        (
            ", ".join(
                str(most >> 20)
                for most in (limits.KEY, limits.LIST, limits.ADVISORIES, limits.SUMMARY)
            )
            + " MiB",
            limits,
        ),
        (f"{looks.LINES_MAX:,}", looks),
        (f"{limits.FILE >> 30} GiB", limits),
        (f"{limits.HEAD >> 10} KiB, {patience.head:g} seconds", limits),
        (f"{limits.HOPS}", limits),
        (f"{patience.tries}; {limits.AFTER:g} seconds", limits),
        (f"{patience.least} bytes a second, measured over {patience.span:g} seconds", limits),
        (f"{tar.NAME_LIMIT} bytes; {tar.PATHS_LIMIT:,}; {tar.TEXT_LIMIT >> 20} Mi characters", tar),
        (f"{pax.RECORDS_LIMIT}", pax),
        (f"{compress.XZ_MEMORY >> 20} MiB", compress),
        (f"{package_file.META_LIMIT >> 20} MiB", package_file),
        (f"{summary.PACKAGES_MAX:,}; {summary.MEMORY_MAX >> 20} MiB", summary),
        (f"{plist.ITEMS_MAX:,}; {plist.PATH_MAX} characters", plist),
        (
            f"{pkginstall.SCRIPT_MAX >> 20} MiB, {pkginstall.DECLARATIONS_MAX:,} declarations",
            pkginstall,
        ),
        (f"{text.LONGEST >> 20} MiB", text),
        (
            f"{kernel_config.LARGEST >> 20} MiB; {kernel_config.PATH_MAX} characters",
            kernel_config,
        ),
    ]
    return [(told, str(vars(module)["__name__"]).replace(".", "/")) for told, module in rows]


def test_the_limits_are_those_of_the_code() -> None:
    text = TABLE.read_text()
    rows = re.findall(r"^\| .+? \| (.+?) \| `(buildlib/.+)\.py` \|$", text, re.MULTILINE)
    assert rows == limits_in_code()
