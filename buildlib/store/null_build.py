"""The null build: a quick check whether anything has changed since the last run.

A run notes every path it examined: files of the checkout, folders it listed, the library's own
code, tools, results and products. As long as each of them has the same stat signature, and the
settings are the same, the next run must come to the same result; it need not read a recipe, compute
a key, or import the library. If anything differs, even a single time stamp, the run decides from
contents as usual.

The notes of a run are called a glance. This module is imported on every run, so it imports little.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping

from buildlib.model import json_text

Signature = list[int] | None
_FORM = 2
_LARGEST = 32 << 20  # bytes; enough for 200,000 paths


def signature(path: str, *, follow: bool = True) -> Signature:
    """Times, size and inode of a path, which change when it is modified; None if it is missing."""
    try:
        status = os.stat(path, follow_symlinks=follow)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]


def with_sum(body: bytes) -> bytes:
    """`body` preceded by a line with its checksum, for `checked`."""
    return b"%08x\n" % zlib.crc32(body) + body


def checked(data: bytes) -> bytes:
    """The body that was given to `with_sum`. Raises ValueError if it is damaged."""
    mark, _, body = data.partition(b"\n")
    if mark != b"%08x" % zlib.crc32(body):
        raise ValueError("damaged")
    return body


class NullBuildSnapshot:
    """The tasks of the last run.

    tasks    (name, line for `doit list`, tasks that must end before, files), as doit got them
    current  names of those that were up to date in the end
    workers  how many tasks may run in parallel
    """

    def __init__(
        self, tasks: list[tuple[str, str, list[str], list[str]]], current: list[str], workers: int
    ) -> None:
        self.tasks = tasks
        self.current = frozenset(current)
        self.workers = workers


def read_glance(path: str, circumstances: Mapping[str, str]) -> NullBuildSnapshot | None:
    """The last run's snapshot if nothing has changed since; `circumstances` are the settings."""
    try:
        data = json_text.loads(checked(_content(path)), most=_LARGEST)
        if data["form"] != _FORM or data["circumstances"] != circumstances:
            return None
        for follow, looked in ((True, data["looked"]), (False, data["links"])):
            for name, seen in looked.items():
                if signature(name, follow=follow) != seen:
                    return None
        return NullBuildSnapshot(data["tasks"], data["current"], data["workers"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_glance(
    path: str,
    glance: NullBuildSnapshot,
    circumstances: Mapping[str, str],
    *,
    looked: Mapping[str, Signature],
    links: Mapping[str, Signature],
) -> None:
    """Save a successful run's snapshot. Errors are ignored, because it only saves time."""
    data = {
        "form": _FORM,
        "circumstances": dict(circumstances),
        "looked": dict(looked),
        "links": dict(links),
        "tasks": glance.tasks,
        "current": sorted(glance.current),
        "workers": glance.workers,
    }
    from buildlib.host.atomic_files import fresh_name, write_file

    with contextlib.suppress(OSError):
        write_file(
            path,
            with_sum(json.dumps(data).encode()),
            clearing=True,
            scratch=fresh_name(os.path.join(os.path.dirname(path), "tmp")),
        )


def touched(folder: str) -> list[str]:
    """Files below `folder` whose signature differs from those in all glances there.

    A program that writes to a result can set its modification time back, but not its change time.
    """
    noted: dict[str, list[Signature]] = {}
    for base in os.listdir(folder):
        if base.startswith("glance-") and base.endswith(".json"):
            try:
                looked = json_text.loads(checked(_content(f"{folder}/{base}")), most=_LARGEST)[
                    "looked"
                ]
                for name, seen in looked.items():
                    if name.startswith(f"{folder}/"):
                        noted.setdefault(name, [None]).append(seen)
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
    return [name for name, marks in noted.items() if signature(name) not in marks]


def forget_glance(path: str) -> None:
    """Delete a glance, so that the next run decides from contents."""
    if os.path.isdir(path):
        return  # not a glance
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _content(path: str) -> bytes:
    if not os.path.isfile(path):  # opening a FIFO would block forever
        return b""
    with open(path, "rb") as file:
        return file.read()
