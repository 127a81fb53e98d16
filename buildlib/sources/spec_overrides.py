"""Applies the lines of a spec to a folder's entries.

A line changes an existing entry, or creates one that git cannot store: an empty folder, a device, a
hard link. The content of a file always comes from the folder, so a line never creates a file: a
path that the folder does not have is a spelling mistake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from buildlib.model.mtree import TAG_END, entry_from
from buildlib.model.mtree_keywords import DIGESTS, NOCHANGE, OPTIONAL, OWNERS
from buildlib.model.schema import nearest
from buildlib.model.spec import SHOWN, SpecLine
from buildlib.model.tree import ROOT, Entry

# Attributes that all hard links of a file share.
_SHARED = ("mode", "uid", "gid", "uname", "gname", "time")
_ONLY_OF = {"link": {"link"}, "device": {"char", "block"}, **{name: {"file"} for name in DIGESTS}}
_UNKNOWN = "0" * 64  # in place of a digest that was not computed
_NEAR = 300


class _AbsentError(ValueError):
    """A line for a path that the folder does not have."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An entry's owner by name; empty: the entry has the number. `line` is the spec's line."""

    user: str
    group: str
    line: int


@dataclass(slots=True)
class Applied:
    """The resulting entries.

    paths     paths that a line has changed or created
    owners    path to owner, if that is given by name
    problems  (line, problem)
    """

    entries: dict[str, Entry]
    paths: set[str] = field(default_factory=set)
    owners: dict[str, Owner] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)


def apply(
    said: Mapping[str, SpecLine],
    entries: Mapping[str, Entry],
    *,
    folder: str,
    origin: str,
    time: int,
) -> Applied:
    """Apply the lines `said` to the entries of `folder`.

    entries  path to entry; a file without a digest is read if the spec has one
    origin, time  of entries that only the spec has
    """
    done = Applied(dict(entries))
    names = _names(said)
    said = _shared(said, names, done.problems)
    for path, line in said.items():
        try:
            base = entries.get(path)
            if base is None and line.says(OPTIONAL):
                continue
            own = _own(path, line, base, entries, names)
            if own is None:
                continue
            inode = _inode(line) if own.kind == "file" else ""
            if own.kind == "file":
                links = len(names[inode]) if inode else 1
                _check_content(path, line, own, f"{folder}/{own.path}", links)
            done.entries[path] = _made(
                path, line, base, own, inode=inode and f"{origin}/{inode}", origin=origin, time=time
            )
        except _AbsentError:
            hint = did_you_mean(path, entries) if len(done.problems) < SHOWN else ""
            what = (
                f"{path}: not in the folder{hint}; only a dir, link, char, block or fifo can be "
                "created by a line (type=)"
            )
            done.problems.append((line.line, what))
            continue
        except ValueError as error:
            done.problems.append((line.line, str(error)))
            continue
        done.paths.add(path)
        if line.says("uname") or line.says("gname"):
            done.owners[path] = Owner(
                line.keywords.get("uname", ""), line.keywords.get("gname", ""), line.line
            )
    done.problems += _below_files(said, done.entries)
    return done


def _inode(line: SpecLine) -> str:
    tags = line.keywords.get("tags", "").split(TAG_END)
    return next((tag.removeprefix("inode:") for tag in tags if tag.startswith("inode:")), "")


def _names(said: Mapping[str, SpecLine]) -> dict[str, list[str]]:
    """Inode label to all paths that have it in the spec."""
    names: dict[str, list[str]] = {}
    for path, line in said.items():
        if inode := _inode(line):
            names.setdefault(inode, []).append(path)
    return names


def _shared(
    said: Mapping[str, SpecLine], names: Mapping[str, list[str]], problems: list[tuple[int, str]]
) -> dict[str, SpecLine]:
    """The lines, each extended by the attributes given for other hard links of its file."""
    full = dict(said)
    for inode, paths in names.items():
        whole: dict[str, str] = {}
        for path in paths:
            line = said[path]
            for key in _SHARED:
                value = line.keywords.get(key)
                if value is None:
                    continue
                other = OWNERS.get(key, "")
                if whole.setdefault(key, value) != value or other in whole:
                    was = f"{other}={whole[other]}" if other in whole else whole[key]
                    problems.append(
                        (
                            line.line,
                            (
                                f"{path}: {key}={value}, but another name of "
                                f"inode:{inode}, the same file, has {was}"
                            ),
                        )
                    )
        for path in paths:
            full[path] = SpecLine(said[path].line, {**said[path].keywords, **whole})
    return full


def _own(
    path: str,
    line: SpecLine,
    base: Entry | None,
    entries: Mapping[str, Entry],
    names: Mapping[str, list[str]],
) -> Entry | None:
    """The entry to which the line is applied: the folder's entry, or one with only a kind.

    None if the line only requires that the path exists. Raises ValueError.
    """
    kind = line.keywords.get("type")
    if base is None:
        if kind == "file" and (inode := _inode(line)):
            return _first(path, names[inode], entries)
        if kind is None or kind == "file" or line.says(NOCHANGE):
            raise _AbsentError
        base = Entry(path, "dir", 0o755)
    elif line.says(NOCHANGE):
        return None
    elif kind not in {None, base.kind} and (base.kind != "link" or kind == "file"):
        raise ValueError(f"{path}: type={kind}, but in the folder it is a {base.kind}")
    else:
        kind = kind or base.kind
        if kind == "file" and (inode := _inode(line)):
            first = _first(path, names[inode], entries)
            if (base.size, base.sha256) != (first.size, first.sha256):
                raise ValueError(f"{first.path} and {path} are one inode, but differ")
            return first
    for key, kinds in _ONLY_OF.items():
        if line.says(key) and kind not in kinds:
            raise ValueError(
                f"{path}: {key} is for type={'|'.join(sorted(kinds))}, this is a {kind}"
            )
    return base if kind == base.kind else replace(base, kind=kind)  # type: ignore[arg-type]  # read


def _first(path: str, paths: Iterable[str], entries: Mapping[str, Entry]) -> Entry:
    """The first hard link that is a file in the folder; it has the content."""
    there = [entries[name] for name in paths if name in entries and entries[name].kind == "file"]
    if not there:
        raise ValueError(f"{path}: no name of this inode is a file in the folder")
    return min(there, key=lambda entry: entry.path)


def did_you_mean(path: str, entries: Mapping[str, Entry]) -> str:
    """`; did you mean X?` for a path that is not in `entries`, or an empty text.

    X has the same name elsewhere, or is in the same folder.
    """
    above, _, name = path.rpartition("/")
    known = [
        entry.path
        for entry in entries.values()
        if entry.path != ROOT and (entry.name == name or entry.parent == (above or ROOT))
    ]
    return nearest(path, known[:_NEAR])


def _check_content(path: str, line: SpecLine, own: Entry, file: str, names: int) -> None:
    """Check size, digests and link count against the line. Raises ValueError."""
    size, links = line.keywords.get("size"), line.keywords.get("nlink")
    if size is not None and int(size) != own.size:
        raise ValueError(
            f"{path}: size={size}, but the file has {own.size} bytes; it was changed "
            "since the line was written"
        )
    for key in DIGESTS:
        if line.says(key) and line.keywords[key] != _digest(key, own, file):
            raise ValueError(
                f"{path}: {key} does not match the file, which was changed since the "
                "line was written; remove the digest"
            )
    if links is not None and int(links) != names:
        raise ValueError(
            f"{path}: nlink={links}, but the spec has {names} name{'s' * (names > 1)}; give "
            "all names of the file tags=inode:NAME"
        )


def _digest(algorithm: str, own: Entry, file: str) -> str:
    if algorithm == "sha256" and own.sha256:
        return own.sha256
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def _made(
    path: str, line: SpecLine, base: Entry | None, own: Entry, *, inode: str, origin: str, time: int
) -> Entry:
    keywords = {
        key: value
        for key, value in line.keywords.items()
        if key not in DIGESTS and key not in {"size", "nlink"}
    }
    if base is None:
        own = replace(own, time=time, origin=origin, mode=own.mode)
    try:
        entry = entry_from(path, keywords, replace(own, sha256=own.sha256 or _UNKNOWN))
    except KeyError as error:
        raise ValueError(f"{path}: {error.args[0]}= is required") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return replace(entry, inode=inode, sha256=own.sha256 if entry.kind == "file" else "")


def _below_files(
    said: Mapping[str, SpecLine], entries: Mapping[str, Entry]
) -> Iterable[tuple[int, str]]:
    """Problems of lines whose path would be below something that is not a folder."""
    for path, line in said.items():
        above = path
        while path in entries and (above := above.rpartition("/")[0]):
            found = entries.get(above)
            if found is not None:
                if found.kind != "dir":
                    yield line.line, f"{path}: lies below {above}, which is a {found.kind}"
                break
