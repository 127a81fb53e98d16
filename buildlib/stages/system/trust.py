"""Fills /etc/openssl/certs of a root tree: the certificates that programs check https with.

NetBSD 10 and later have the certificates of Mozilla's authorities in /usr/share/certs/mozilla, and
an empty /etc/openssl/certs in the sets. certctl(8) fills it: sysinst calls `certctl rehash`, live
images call it at their first boot (rc.d/certctl_init). A root that is read-only cannot, so the
folder is filled here, with what `certctl rehash` makes:

    .certctl               marks the folder as certctl's
    NAME.pem               a link to each certificate
    HHHHHHHH.N             a link to NAME.pem by the hash of its subject: OpenSSL looks for these
    ca-certificates.crt    all certificates in one file

Sources: NetBSD/src usr.sbin/certctl/certctl.sh 1.4.2.3 of 2023-09-06, certs.conf 1.1.2.2 of
2023-09-04, etc/rc.d/certctl_init 1.2 of 2023-12-25, external/mpl/mozilla-certdata/share/Makefile
1.1 of 2023-08-26; openssl-rehash(1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from posixpath import join, normpath

from buildlib.model.errors import StageError
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.sources.certificates import certificates, name_hash
from buildlib.store.packs import PackWriter

PROGRAM = "usr/sbin/certctl"
CONFIG = "etc/openssl/certs.conf"
FOLDER = "etc/openssl/certs"
EXCLUDED = "etc/openssl/untrusted"
# A site's own, in an overlay or in the etc of a server: certs.conf of the image names it.
OWN = "etc/openssl/trusted"
MARK = b"This directory is managed by certctl(8).\n"
BUNDLE = "ca-certificates.crt"
SUFFIXES = (".pem", ".cer", ".crt")
_FORMAT = "netbsd-certctl 20230816"
_LINKS_MAX = 32

# The content of a file of the tree.
Read = Callable[[Entry], bytes]


@dataclass(frozen=True, slots=True)
class Anchors:
    """What is laid over a tree, and what was left out of it, as sentences."""

    tree: Tree
    notes: tuple[str, ...] = ()


def certctl_would_fill(tree: Tree) -> bool:
    """Whether the release has certctl(8), and nothing else fills the folder."""
    config = tree.by_path.get(CONFIG)
    return (
        PROGRAM in tree.by_path
        and config is not None
        and config.kind == "file"
        and not _taken(tree)
    )


def trust_anchors(tree: Tree, read: Read, pack: PackWriter, *, own: bool, time: int) -> Anchors:
    """What certctl would fill the folder of `tree` with, its contents in `pack`.

    own    whether an overlay brings certs.conf, which then stays as it is
    Nothing if certs.conf says `manual`. Raises StageError for certificates that OpenSSL would not
    find.
    """
    config = tree.by_path[CONFIG]
    text = read(config)
    paths = _paths(text)
    if paths is None:
        return Anchors(Tree())
    files: list[Entry] = []
    if not own and OWN not in paths:
        paths.append(OWN)
        data = text + f"\n# Of this site; see goldmaster's docs/server.md.\npath\t/{OWN}\n".encode()
        files.append(replace(config, size=len(data), sha256=pack.add(data), inode=""))
    notes: list[str] = []
    found = _trusted(tree, paths, notes)
    ders = {name: _certificate(entry, read(entry)) for name, (_, entry) in found.items()}
    links = {name: f"/{path}" for name, (path, _) in found.items()} | _hashed(ders)
    files += [
        Entry(f"{FOLDER}/{name}", "link", 0o755, time=time, link=target, origin="trust")
        for name, target in links.items()
    ]
    by_path = sorted(found.values(), key=lambda pair: pair[0])
    bundle = b"".join(read(entry) for _, entry in by_path)
    for name, data in ((".certctl", MARK), (BUNDLE, bundle)):
        sha256 = pack.add(data)
        files.append(
            Entry(
                f"{FOLDER}/{name}",
                "file",
                0o644,
                time=time,
                size=len(data),
                sha256=sha256,
                origin="trust",
            )
        )
    folder = tree.by_path.get(FOLDER)
    files.append(folder or Entry(FOLDER, "dir", 0o755, time=time, origin="trust"))
    return Anchors(tree_of(files), tuple(notes))


def _taken(tree: Tree) -> bool:
    """Whether the folder is something else, or is filled: by a package, or by an overlay."""
    folder = tree.by_path.get(FOLDER)
    if folder is not None and folder.kind != "dir":
        return True
    return any(entry.path.startswith(f"{FOLDER}/") for entry in tree)


def _paths(text: bytes) -> list[str] | None:
    """The folders that certs.conf names, without the first slash; None: certctl fills nothing."""
    lines = text.decode(errors="surrogateescape").replace("\\\n", "").splitlines()
    lines = [line.strip() for line in lines]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines or lines[0] != _FORMAT:
        raise _wrong(f"the first line must be {_FORMAT}", lines[0] if lines else "it is empty")
    paths = []
    for line in lines[1:]:
        command, *words = line.split()
        if command == "manual":
            return None
        if command != "path" or len(words) != 1 or not words[0].startswith("/"):
            raise _wrong("neither manual nor the path of a folder from /", line)
        if "\\" in words[0]:
            raise _wrong("names with escapes are not read here", line)
        paths.append(normpath(words[0]).strip("/"))
    return list(dict.fromkeys(paths))


def _wrong(what: str, line: str) -> StageError:
    return StageError(
        f"certs.conf: {what}",
        where=f"/{CONFIG}",
        why=line,
        hint="certctl(8) has its form; `manual` leaves /etc/openssl/certs to an overlay or package",
        reason="certs-conf",
    )


def _trusted(tree: Tree, paths: list[str], notes: list[str]) -> dict[str, tuple[str, Entry]]:
    """Name of each certificate to its path and its file, in the order of names."""
    excluded = {
        entry.link.rpartition("/")[2] for entry in _inside(tree, EXCLUDED) if entry.kind == "link"
    }
    found: dict[str, tuple[str, Entry]] = {}
    for path in paths:
        for entry in _inside(tree, path):
            if not entry.name.endswith(SUFFIXES) or entry.name in excluded:
                continue
            file = _followed(tree, entry)
            if file is None:  # of the server's configuration, which is not here
                notes.append(f"/{entry.path} is no file of this system: left out of /{FOLDER}")
                continue
            if entry.name in found:
                raise StageError(
                    f"two certificates have the name {entry.name}",
                    where=f"/{entry.path} and /{found[entry.name][0]}",
                    why="certctl(8) links each into one folder by its name",
                    hint="give one of them another name",
                    reason="certificate-name",
                )
            found[entry.name] = (entry.path, file)
    return dict(sorted(found.items(), key=lambda item: item[0].encode(errors="surrogateescape")))


def _inside(tree: Tree, path: str) -> Iterator[Entry]:
    """What a folder holds, as a shell's `*` finds it."""
    return (entry for entry in tree if entry.parent == path and not entry.name.startswith("."))


def _followed(tree: Tree, entry: Entry | None) -> Entry | None:
    """The file at the end of links."""
    for _ in range(_LINKS_MAX):
        if entry is None or entry.kind != "link":
            break
        entry = tree.by_path.get(normpath(join("/", entry.parent, entry.link)).strip("/"))
    return entry if entry is not None and entry.kind == "file" else None


def _certificate(file: Entry, data: bytes) -> bytes:
    """The one certificate of a file, in DER: OpenSSL finds no others by their hash."""
    try:
        found = certificates(data)
        if len(found) == 1:
            name_hash(found[0])
            return found[0]
        why = f"it has {len(found)} certificates in PEM form, not one"
    except ValueError as error:
        why = str(error)
    raise StageError(
        "this is no file with one certificate",
        where=f"{file.origin or '?'}: /{file.path}",
        why=why,
        hint="`openssl x509 -in FILE -out FILE.pem` makes one (with -inform der of another form); "
        "write each certificate into a file of its own",
        reason="certificate",
    )


def _hashed(ders: Mapping[str, bytes]) -> dict[str, str]:
    """The links by hash, as openssl-rehash(1) numbers them: in the order of names, each
    certificate once.
    """
    links: dict[str, str] = {}
    known: set[bytes] = set()
    numbers: dict[str, int] = {}
    for name, der in ders.items():
        fingerprint = hashlib.sha256(der).digest()
        if fingerprint not in known:
            known.add(fingerprint)
            wanted = name_hash(der)
            number = numbers.get(wanted, 0)
            numbers[wanted] = number + 1
            links[f"{wanted}.{number}"] = name
    return links
