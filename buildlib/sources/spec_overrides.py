"""What the lines of a spec make of a folder's entries.

A line changes what the folder has, or makes what git cannot hold: a folder that is empty, a
device, a further name of a file. A file's content is the folder's own, so a line never makes a
file: a path that the folder does not have is one misspelt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from buildlib.model.mtree import TAG_END, entry_from
from buildlib.model.mtree_keywords import DIGESTS, NOCHANGE, OPTIONAL, OWNERS
from buildlib.model.schema import nearest
from buildlib.model.spec import SHOWN, Said
from buildlib.model.tree import ROOT, Entry

# What all names of one file have together.
_SHARED = ("mode", "uid", "gid", "uname", "gname", "time")
_ONLY_OF = {"link": {"link"}, "device": {"char", "block"}, **{name: {"file"} for name in DIGESTS}}
_UNKNOWN = "0" * 64  # in place of a digest that nobody asked for yet
_NEAR = 300


class _AbsentError(ValueError):
    """A line for what the folder does not have."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has an entry, by name; empty: the number stands in the entry. `line` says so."""

    user: str
    group: str
    line: int


@dataclass(slots=True)
class Applied:
    """The entries, and what lines made of them.

    paths     those that a line has changed or made
    owners    path to who has it, where that is known by name only
    problems  (line, what is wrong)
    """

    entries: dict[str, Entry]
    paths: set[str] = field(default_factory=set)
    owners: dict[str, Owner] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)


def apply(
    said: Mapping[str, Said], entries: Mapping[str, Entry], *, folder: str, origin: str, time: int
) -> Applied:
    """What `said` makes of the entries of `folder`.

    entries  path to entry; a file without a digest is read where the spec has one
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
            if own.kind == "file":
                _check_content(path, line, own, f"{folder}/{own.path}", len(names[_inode(line)])
                               if _inode(line) else 1)
            inode = _inode(line) if own.kind == "file" else ""
            done.entries[path] = _made(path, line, base, own, inode=inode and f"{origin}/{inode}",
                                       origin=origin, time=time)
        except _AbsentError:
            hint = did_you_mean(path, entries) if len(done.problems) < SHOWN else ""
            what = (f"{path}: not in the folder{hint}; a line alone makes a dir, link, char, block "
                    "or fifo (type=)")
            done.problems.append((line.line, what))
            continue
        except ValueError as error:
            done.problems.append((line.line, str(error)))
            continue
        done.paths.add(path)
        if line.says("uname") or line.says("gname"):
            done.owners[path] = Owner(line.keywords.get("uname", ""),
                                      line.keywords.get("gname", ""), line.line)
    done.problems += _below_files(said, done.entries)
    return done


def _inode(line: Said) -> str:
    tags = line.keywords.get("tags", "").split(TAG_END)
    return next((tag.removeprefix("inode:") for tag in tags if tag.startswith("inode:")), "")


def _names(said: Mapping[str, Said]) -> dict[str, list[str]]:
    """Label of an inode to all paths that the spec gives it."""
    names: dict[str, list[str]] = {}
    for path, line in said.items():
        if inode := _inode(line):
            names.setdefault(inode, []).append(path)
    return names


def _shared(
    said: Mapping[str, Said], names: Mapping[str, list[str]], problems: list[tuple[int, str]]
) -> dict[str, Said]:
    """The lines, each with what is said of any name of its file."""
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
                    problems.append((line.line, (f"{path}: {key}={value}, but {was} of another "
                                                 f"name of inode:{inode}: they are one file")))
        for path in paths:
            full[path] = Said(said[path].line, {**said[path].keywords, **whole})
    return full


def _own(
    path: str, line: Said, base: Entry | None, entries: Mapping[str, Entry],
    names: Mapping[str, list[str]],
) -> Entry | None:
    """What the line begins with: the folder's entry, or one with nothing but a kind.

    None where the line only says that it must be there. Raises ValueError.
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
        raise ValueError(f"{path}: type={kind}, but the folder has a {base.kind} there")
    else:
        kind = kind or base.kind
        if kind == "file" and (inode := _inode(line)):
            first = _first(path, names[inode], entries)
            if (base.size, base.sha256) != (first.size, first.sha256):
                raise ValueError(f"{first.path} and {path} are one inode, but differ")
            return first
    for key, kinds in _ONLY_OF.items():
        if line.says(key) and kind not in kinds:
            raise ValueError(f"{path}: {key} is for type={'|'.join(sorted(kinds))}, this is a "
                             f"{kind}")
    return base if kind == base.kind else replace(base, kind=kind)  # type: ignore[arg-type]  # read


def _first(path: str, paths: Iterable[str], entries: Mapping[str, Entry]) -> Entry:
    """The first name of a file that lies in the folder: it has the content."""
    there = [entries[name] for name in paths if name in entries and entries[name].kind == "file"]
    if not there:
        raise ValueError(f"{path}: no name of this inode is a file of the folder")
    return min(there, key=lambda entry: entry.path)


def did_you_mean(path: str, entries: Mapping[str, Entry]) -> str:
    """`; did you mean X?` for a path that is none of `entries`, or nothing.

    X is of the same name elsewhere, or lies in the same folder.
    """
    above, _, name = path.rpartition("/")
    known = [entry.path for entry in entries.values() if entry.path != ROOT
             and (entry.name == name or entry.parent == (above or ROOT))]
    return nearest(path, known[:_NEAR])


def _check_content(path: str, line: Said, own: Entry, file: str, names: int) -> None:
    """Whether size, digests and number of names are those that the line has."""
    size, links = line.keywords.get("size"), line.keywords.get("nlink")
    if size is not None and int(size) != own.size:
        raise ValueError(f"{path}: size={size}, but the file has {own.size} bytes: it was changed "
                         "since the line was written")
    for key in DIGESTS:
        if line.says(key) and line.keywords[key] != _digest(key, own, file):
            raise ValueError(f"{path}: {key} is not that of the file: it was changed since the "
                             "line was written; take the digest out")
    if links is not None and int(links) != names:
        raise ValueError(f"{path}: nlink={links}, but {names} name{'s' * (names > 1)} here; give "
                         "all names of a file tags=inode:NAME")


def _digest(algorithm: str, own: Entry, file: str) -> str:
    if algorithm == "sha256" and own.sha256:
        return own.sha256
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def _made(
    path: str, line: Said, base: Entry | None, own: Entry, *, inode: str, origin: str, time: int
) -> Entry:
    keywords = {key: value for key, value in line.keywords.items()
                if key not in DIGESTS and key not in {"size", "nlink"}}
    if base is None:
        own = replace(own, time=time, origin=origin, mode=own.mode)
    try:
        entry = entry_from(path, keywords, replace(own, sha256=own.sha256 or _UNKNOWN))
    except KeyError as error:
        raise ValueError(f"{path}: {error.args[0]}= is needed") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return replace(entry, inode=inode, sha256=own.sha256 if entry.kind == "file" else "")


def _below_files(
    said: Mapping[str, Said], entries: Mapping[str, Entry]
) -> Iterable[tuple[int, str]]:
    """Lines for what would lie below something that is no folder."""
    for path, line in said.items():
        above = path
        while path in entries and (above := above.rpartition("/")[0]):
            found = entries.get(above)
            if found is not None:
                if found.kind != "dir":
                    yield line.line, f"{path}: lies below {above}, which is a {found.kind}"
                break
