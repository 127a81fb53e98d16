"""The table of what is fuzzed. A new parser gets one line in TARGETS, and an input in `valid` or
`valid_packages`.

covers  the modules of the library that the target goes through
make    a valid input, by chance
read    what is called, with the input and the one folder that it may write to
wrap    what is put around a changed input: a compressor
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from buildlib.config import kernel_config, shconf
from buildlib.config.accounts import Accounts
from buildlib.config.lock import Lock
from buildlib.config.reading import kernel_files, toml_file
from buildlib.config.reading.places import Places
from buildlib.config.recipe import Recipe
from buildlib.config.release import Release
from buildlib.formats.disc_map import place_of, table_at
from buildlib.model import json_text, mtree, numbers, spec, text, toml
from buildlib.model.schema import load
from buildlib.model.tree import tree_of
from buildlib.operations.burn_check import _TABLES as TABLES
from buildlib.pkgsrc import advisories, modes, package_file, pkginstall, plist, signed, unapplied
from buildlib.pkgsrc.accounts import Lists, enter
from buildlib.pkgsrc.package import read_package
from buildlib.pkgsrc.pattern import compile_pattern
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.resolution.resolve import resolve
from buildlib.pkgsrc.summary import format_summary
from buildlib.pkgsrc.summary import parse as parse_summary
from buildlib.pkgsrc.version import compare, split_pkgname
from buildlib.sources import checksums, openpgp, spec_overrides
from buildlib.sources.archive import compress, unpack
from buildlib.stages.boot.pvh_note import notes
from buildlib.stages.system.packages import stage_package
from buildlib.store.null_build import checked, read_glance
from buildlib.store.records import Records
from buildlib.store.stat_cache import StatCache
from buildlib.store.store import Store
from fuzz import valid, valid_packages

Read = Callable[[bytes, Path], object]
Make = Callable[[random.Random], bytes]


def _plain(data: bytes, _chance: random.Random) -> bytes:
    return data


@dataclass(frozen=True)
class Target:
    """One way in; `refuses` is what it may raise beside the project's own errors."""

    read: Read
    make: Make
    covers: tuple[str, ...]
    refuses: type[Exception] | tuple[type[Exception], ...] = ()
    wrap: Callable[[bytes, random.Random], bytes] = _plain
    writes: bool = False


def _file(data: bytes, folder: Path, name: str = "input") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _ingest(data: bytes, folder: Path) -> object:
    store = Store(folder / "build")
    with store.packs.writer([]) as pack:
        return unpack.ingest(_file(data, folder), pack, origin="x", where="x")


def _extract(data: bytes, folder: Path) -> object:
    path = folder / "sources"
    path.mkdir()
    one = _file(data, folder)
    return unpack.extract([(one, "one"), (one, "two")], path)


def _package(data: bytes, folder: Path) -> object:
    store = Store(folder / "build")
    path = _file(data, folder)
    with store.packs.writer([]) as pack:
        stage_package(path, pack, name="a-1")
    return package_file.metadata(path, where="x", whole=True)


def _signed(data: bytes, _folder: Path) -> object:
    file = BytesIO(data)
    return sum(map(len, signed.blocks(file, signed.read_wrapping(file, where="x"), where="x")))


def _verified(data: bytes, _folder: Path) -> object:
    return openpgp.verified_payload(
        data, valid_packages.KEY, fingerprint=valid_packages.SIGNER, where="x"
    )


def _summary(data: bytes, _folder: Path) -> object:
    found = Repository(parse_summary([data]))
    names = list(found.names.bases)[:3]
    format_summary([found[name] for base in names for name in found.of_base(base)])
    return resolve(names, found)


def _advisories(data: bytes, _folder: Path) -> object:
    found = advisories.parse(data, where="x")
    return advisories.about(found[:50], ["a-1.0", "b-2nb1", "foo-1.2.3"])


def _pattern(data: bytes, _folder: Path) -> object:
    pattern = compile_pattern(data.decode(errors="surrogateescape"))
    return [pattern.matches(name) for name in ("a-1.0", "foo-1.2nb3", "-", "x" * 255 + "-1")]


def _version(data: bytes, _folder: Path) -> object:
    one, _, other = data.decode(errors="replace").partition(" ")
    return compare(one, other), split_pkgname(f"a-{one}")


def _mode(data: bytes, _folder: Path) -> object:
    return modes.apply_mode(data.decode(errors="replace"), 0o644)


def _meta(data: bytes, _folder: Path) -> object:
    first, *rest = data.split(b"\0\0")
    names = ("+COMMENT", "+DESC", "+BUILD_INFO", "+SIZE_PKG")
    return read_package({"+CONTENTS": first, **dict(zip(names, rest, strict=False))}, where="x")


def _script(data: bytes, _folder: Path) -> object:
    found = pkginstall.parse_install(data, prefix="/usr/pkg")
    return unapplied.actions_of(data, plist.parse_plist(b"@name a-1\n@cwd /usr/pkg\n"), found)


def _accounts(data: bytes, _folder: Path) -> object:
    return enter(
        Lists(data, data, data),
        [("a-1", pkginstall.parse_install(b"# USER: a:a\n# GROUP: a:7\n", prefix="/usr/pkg"))],
        Accounts({"a": 7}, {"a": 7}),
    )


def _spec(data: bytes, folder: Path) -> object:
    said = spec.read_spec(data, where="x.mtree")
    done = spec_overrides.apply(said, valid.FOLDER, folder=str(folder), origin="x", time=1)
    if done.problems:
        raise spec.spec_error(sorted(done.problems), where="x.mtree")
    return tree_of(done.entries.values())


def _loaded(kind: type) -> Read:
    return lambda data, folder: toml_file.read_toml(_file(data, folder), name="x.toml").load(kind)


def _lock(data: bytes, _folder: Path) -> object:
    found = json_text.loads(data, unique=True)
    return load(Lock, found if isinstance(found, dict) else {}, where="x.lock")


def _record(data: bytes, folder: Path) -> object:
    records = Records(folder)
    path = folder / "records/00" / f"{'0' * 64}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return records.get("0" * 64)


def _glance(data: bytes, folder: Path) -> object:
    return read_glance(str(_file(data, folder)), {}), json_text.loads(checked(data))


def _conf(data: bytes, _folder: Path) -> object:
    return shconf.parse(data, "host.conf", [])


def _kernel_config(data: bytes, folder: Path) -> object:
    (folder / "kernel-configs").mkdir(exist_ok=True)
    _file(data, folder, "kernel-configs/piece")
    _file(data, folder, "kernel-configs/KERNEL")
    places = Places(folder, StatCache(folder / "seen"), lambda: folder)
    found = kernel_files.pieces("KERNEL", places)
    return found, kernel_config.placed(data, "", {"piece": "there/piece"})


def _number(data: bytes, _folder: Path) -> object:
    return [numbers.whole_number(data, base=base, signed=True, least=-5) for base in (8, 10, 16)]


def _disc(data: bytes, folder: Path) -> object:
    path = _file(data, folder)
    return table_at(path, 1), table_at(path, TABLES), place_of(path, 100)


ARCHIVE = (
    "sources/archive/tar.py",
    "sources/archive/pax.py",
    "sources/archive/compress.py",
    "sources/archive/unpack.py",
)

TARGETS: dict[str, Target] = {
    "ingest": Target(_ingest, valid_packages.tar, ARCHIVE, wrap=valid_packages.packed, writes=True),
    "extract": Target(_extract, valid_packages.tar, ARCHIVE, writes=True),
    "compress": Target(
        lambda data, folder: sum(map(len, compress.chunks(_file(data, folder), where="x"))),
        valid_packages.compressed,
        ARCHIVE[2:3],
    ),
    "package": Target(
        _package,
        valid_packages.package,
        (*ARCHIVE[:3], "pkgsrc/package_file.py", "stages/system/packages.py", "pkgsrc/package.py"),
        wrap=valid_packages.packed,
        writes=True,
    ),
    "signed": Target(_signed, valid_packages.signed, ("pkgsrc/signed.py",)),
    "clear-signed": Target(_verified, valid_packages.clear_signed, ("sources/openpgp.py",)),
    "signatures": Target(
        _verified, valid_packages.signatures, ("sources/openpgp.py",), wrap=valid_packages.signed_by
    ),
    "summary": Target(
        _summary,
        valid_packages.summary,
        (
            "pkgsrc/summary.py",
            "pkgsrc/repository.py",
            "pkgsrc/resolution/closure.py",
            "pkgsrc/resolution/resolve.py",
            "pkgsrc/resolution/whole_set.py",
        ),
    ),
    "plist": Target(
        lambda data, _: plist.parse_plist(data), valid_packages.plist, ("pkgsrc/plist.py",)
    ),
    "meta": Target(_meta, valid_packages.meta, ("pkgsrc/package.py",)),
    "script": Target(
        _script, valid_packages.script, ("pkgsrc/pkginstall.py", "pkgsrc/unapplied.py")
    ),
    "accounts": Target(_accounts, valid_packages.passwd, ("pkgsrc/accounts.py",)),
    "advisories": Target(_advisories, valid_packages.advisories, ("pkgsrc/advisories.py",)),
    "pattern": Target(_pattern, valid_packages.pattern, ("pkgsrc/pattern.py",)),
    "version": Target(_version, valid_packages.version, ("pkgsrc/version.py",)),
    "mode": Target(_mode, valid_packages.mode, ("pkgsrc/modes.py",)),
    "checksums": Target(
        lambda data, _: checksums.parse(data, where="x"), valid.checksums, ("sources/checksums.py",)
    ),
    "mtree": Target(
        lambda data, _: mtree.format_tree(mtree.parse(data)), valid.mtree, ("model/mtree.py",)
    ),
    "spec": Target(
        _spec, valid.spec, ("model/spec.py", "model/mtree_keywords.py", "sources/spec_overrides.py")
    ),
    "toml": Target(lambda data, _: toml.loads(data), valid.toml, ("model/toml.py",), ValueError),
    "recipe": Target(
        _loaded(Recipe), valid.recipe, ("config/reading/toml_file.py", "model/schema.py")
    ),
    "release": Target(
        _loaded(Release), valid.definition, ("config/reading/toml_file.py", "model/schema.py")
    ),
    "lock": Target(_lock, valid.lock, ("model/json_text.py",), ValueError),
    "record": Target(_record, valid.json, ("store/records.py",)),
    "glance": Target(_glance, valid.glance, ("store/null_build.py",), ValueError),
    "shconf": Target(_conf, valid.conf, ("config/shconf.py",)),
    "kernel-config": Target(
        _kernel_config, valid.kernel_config, ("config/kernel_config.py",), writes=True
    ),
    "number": Target(_number, valid.number, ("model/numbers.py",), ValueError),
    "text": Target(lambda data, _: text.decoded(data), valid.conf, ("model/text.py",), ValueError),
    "elf": Target(
        lambda data, _: list(notes(data)),
        valid.elf,
        ("stages/boot/pvh_note.py",),
        (ValueError, valid.StructError),
    ),
    "disc": Target(_disc, valid.disc, ("formats/disc_map.py",)),
}
