"""An example site, and functions to change it."""

from __future__ import annotations

import re
from pathlib import Path

from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import Known
from buildlib.config.site.reader import read_site
from buildlib.operations.site_check.check import check_site

KNOWN = Known({"base", "storage", "nfs", "sql", "pkgrepo"}, {"XEN3_DOMU_RO", "XEN3_DOMU_OLD"})
ALPHA, BETA = "pservers/alpha", "pservers/beta"
NFS = "vservers/nfs/server.conf"
STORAGE = "vservers/nfs/storage.conf"
TARGET = "iqn.1994-04.org.netbsd.iscsi-target:target"


def check(site: Path) -> list[Problem]:
    problems: list[Problem] = []
    read = read_site(site, problems)
    return sorted({*problems, *check_site(read, KNOWN)})


def told(site: Path) -> list[str]:
    return [str(problem) for problem in check(site)]


def put(site: Path, file: str, **values: str) -> Path:
    """Set keys of a file; a missing key is added as a new line."""
    path = site / file
    text = path.read_text()
    for key, value in values.items():
        text, found = re.subn(rf"^{key}=[^\n]*", f"{key}={value}", text, flags=re.MULTILINE)
        if not found:
            text += f"{key}={value}\n"
    return write(site, file, text)


def drop(site: Path, file: str, key: str) -> Path:
    text = (site / file).read_text()
    return write(site, file, re.sub(rf"^{key}=.*\n", "", text, flags=re.MULTILINE))


def remove(site: Path, *files: str) -> Path:
    for file in files:
        (site / file).unlink()
    return site


def empty(site: Path, folder: str) -> Path:
    """Empty a file."""
    return remove(site / folder, *(path.name for path in (site / folder).iterdir()))


def write(site: Path, file: str, text: str) -> Path:
    (site / file).parent.mkdir(parents=True, exist_ok=True)
    (site / file).write_text(text)
    return site / file


def link(site: Path, file: str, target: str) -> Path:
    (site / file).unlink(missing_ok=True)
    (site / file).symlink_to(target)
    return site / file


def without_links(site: Path) -> Path:
    for path in site.rglob("etc/*"):
        if path.is_symlink():
            path.unlink()
    return site


def copy(site: Path, source: str, target: str) -> None:
    write(site, target, (site / source).read_text())
