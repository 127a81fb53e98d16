"""The files that configure a kernel: its configuration, and the files that it includes.

All of them are part of its key. Problems in any of them are reported before anything is built.
"""

from __future__ import annotations

from collections.abc import Mapping

from buildlib.config.configuration import Place
from buildlib.config.kernel_config import LARGEST, look_at
from buildlib.config.reading.places import Places, files_in
from buildlib.host.reading import read_small
from buildlib.model.errors import ConfigError
from buildlib.model.names import SHIPPED

KERNELS = "kernel-configs"
_TITLES = (
    "the kernel configuration names files that are not part of its key",
    "config(1) does not accept the kernel configuration",
)
_SHOWN = 50  # problems reported for one kernel
_HINT = (
    'put the file beside the configuration and write include "NAME", so that it is part of the '
    "kernel's key"
)


def pieces(config: str, places: Places) -> tuple[Place, ...]:
    """The files beside a configuration, or in the package, that it includes, also indirectly.

    Raises ConfigError for all names outside of the sources and of the configuration's folder, and
    for text that config(1) does not accept, since config(1) runs only after a long compilation.
    """
    problems, faults = list[str](), list[str]()
    found: dict[str, set[str]] = {}
    pending = [config]
    while pending:
        piece = pending.pop()
        if piece in found:
            continue
        place = places.place(KERNELS, piece)
        text = look_at(_read(place), piece)
        problems += [f"{place.name}:{line}: {why}" for line, why in text.abroad]
        faults += [f"{place.name}:{line}: {why}" for line, why in text.faults]
        found[piece] = set()
        for line, how, name in text.includes:
            if _is_there(name, places):
                found[piece].add(name)
                pending.append(name)
            elif how == "include" and name.startswith(SHIPPED) and not piece.startswith(SHIPPED):
                why = places.unknown("file", KERNELS, name, files_in).what
                problems.append(f"{place.name}:{line}: {why}")
    faults += [
        f"{places.place(KERNELS, piece).name}: includes itself"
        for piece in found
        if piece in _reached(piece, found)
    ]
    if wrong_lines := problems + faults:
        more = f"\nand {len(wrong_lines) - _SHOWN} more" if len(wrong_lines) > _SHOWN else ""
        raise ConfigError(
            _TITLES[not problems],
            where=wrong_lines[0].partition(": ")[0],
            why="\n".join(wrong_lines[:_SHOWN]) + more,
            hint=_HINT if problems else None,
            reason="kernel-config-path" if problems else "kernel-config-text",
        )
    return tuple(places.place(KERNELS, piece) for piece in sorted({*found} - {config}))


def _reached(piece: str, found: Mapping[str, set[str]]) -> set[str]:
    """The pieces that a file includes, directly or indirectly."""
    reached: set[str] = set()
    pending = [piece]
    while pending:
        more = found[pending.pop()] - reached
        reached |= more
        pending += more
    return reached


def _is_there(piece: str, places: Places) -> bool:
    """Whether the file exists. If not, the next run checks again."""
    try:
        return places.has_file(places.place(KERNELS, piece).path)
    except OSError:  # not a valid file name
        return False


def _read(place: Place) -> bytes:
    try:
        return read_small(place.path, most=LARGEST)
    except OSError as error:
        raise ConfigError(
            f"{place.name} cannot be read", where=place.path, why=error.strerror, reason="file"
        ) from error
