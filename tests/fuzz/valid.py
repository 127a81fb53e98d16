"""Valid inputs, by chance: what each parser is meant to read, before it is changed."""

from __future__ import annotations

import json as _json
import random
from pathlib import Path
from struct import error as StructError  # noqa: N812  it is a class
from struct import pack
from zlib import crc32

from buildlib.model.tree import Entry
from fuzz.words import a_name, a_number

__all__ = ["StructError"]

ROOT = Path(__file__).parents[2]


def checksums(chance: random.Random) -> bytes:
    """A list of digests."""
    return b"".join(
        b"%s (%s) = %s\n" % (name, a_name(chance), b"0f" * (length // 2))
        for name, length in ((b"SHA512", 128), (b"MD5", 32), (b"SHA1", 40))
    )


def mtree(chance: random.Random) -> bytes:
    """The spec of a tree."""
    lines = [b"#mtree", b". type=dir uid=0 gid=0 mode=0755 time=1.0"]
    for number in range(chance.randrange(8)):
        path = b"./%d/%s" % (number, a_name(chance).replace(b" ", b"\\040"))
        lines.append(
            path
            + chance.choice(
                (
                    b" type=file uid=0 gid=0 mode=0644 time=1.0 size=1 sha256=" + b"0" * 64,
                    b" type=link uid=0 gid=0 mode=0755 time=1.0 link=x",
                    b" type=dir mode=0755",
                    b" type=char uid=1 gid=2 mode=0600 time=1.0 device=netbsd,1,2",
                    b" type=file uid="
                    + a_number(chance)
                    + b" gid=0 mode=0644 time="
                    + a_number(chance)
                    + b".0 size="
                    + a_number(chance)
                    + b" sha256="
                    + b"0" * 64
                    + b" tags=origin:base,inode:x",
                )
            )
        )
    return b"\n".join(lines) + b"\n"


FOLDER = {
    entry.path: entry
    for entry in (  # what a spec is laid over
        Entry(".", "dir", 0o755),
        Entry("etc", "dir", 0o755),
        Entry("bin", "dir", 0o755),
        Entry("link", "link", 0o755, link="x"),
        *(
            Entry(path, "file", 0o644, size=1, sha256="0" * 64)
            for path in ("etc/rc.conf", "etc/a b", "bin/xz")
        ),
    )
}
_SAID = (  # of each row a line has one word at most
    (b"mode=0640", b"mode=u=rw,go=r", b"mode=4755"),
    (b"uname=root", b"uid=%d"),
    (b"gname=wheel", b"gid=%d"),
    (b"time=%d.5", b"optional", b"nochange", b"flags=none"),
    (b"nlink=1", b"size=0", b"sha256=" + b"0" * 64, b"tags=inode:x", b"type=dir", b"type=file"),
)
_MADE = (b" type=dir", b" type=link link=a\\040b", b" type=char device=netbsd,1,2", b" type=fifo")


def spec(chance: random.Random) -> bytes:
    """A spec that people write beside a folder."""
    lines = [chance.choice((b"# a remark", b"", b"/set uname=root gname=wheel"))]
    for path in chance.sample(sorted(FOLDER), chance.choice((1, 2, 4))):
        name = path.encode().replace(b" ", b"\\040")
        name = name if path == "." else b"./" + name
        if chance.randrange(12) == 0:
            name = chance.choice((name.rpartition(b"/")[2], b"./" + a_name(chance)))
        rows = chance.sample(_SAID[: chance.choice((4, 4, 4, 5))], chance.choice((1, 1, 2, 3)))
        words = [chance.choice(row).replace(b"%d", b"%d" % chance.randrange(2000)) for row in rows]
        lines.append(chance.choice((b" ", b" ", b"\t", b" \\\n    ")).join([name, *words]))
        lines += chance.choice(
            ((), (), (), (b"/unset uname",), (b"./%d" % len(lines) + chance.choice(_MADE),))
        )
    return b"\n".join(lines) + b"\n"


_LOCKS = sorted(ROOT.glob("sets/*.lock"))
_RECIPES = sorted([ROOT / "recipes/dom0.toml", *ROOT.glob("recipes/domu/*.toml")])
_DEFINITIONS = sorted(ROOT.glob("sets/*.toml"))


def recipe(chance: random.Random) -> bytes:
    """A recipe of the project's own, or a small document."""
    return chance.choice(_RECIPES).read_bytes() if chance.randrange(3) else _small(chance)


def definition(chance: random.Random) -> bytes:
    """A release definition of the project's own, or a small document."""
    return chance.choice(_DEFINITIONS).read_bytes() if chance.randrange(3) else _small(chance)


def toml(chance: random.Random) -> bytes:
    """A recipe or release definition of the project's own, or a small document."""
    return chance.choice((recipe, definition, _small))(chance)


def _small(chance: random.Random) -> bytes:
    return b"".join(
        chance.choice(
            (
                b"a%d = 1\n",
                b"[t%d]\n",
                b"b%d.c.d = 'x'\n",
                b"e%d = [[1, 2], {f = 1.5}]\n",
                b'g%d = """x\n"y" \\" """\n',
                b"h%d = 1979-05-27T07:32:00Z\n",
                b"[[i]]\nj = %d\n",
            )
        )
        % number
        for number in range(chance.randrange(1, 9))
    )


def lock(chance: random.Random) -> bytes:
    """A lock of the project's own."""
    return chance.choice(_LOCKS).read_bytes() if chance.randrange(3) else json(chance)


def json(chance: random.Random) -> bytes:
    """A record of the store."""
    value: object = {
        "files": {"a": {"sha512": "0" * 128, "size": chance.randrange(10**6)}},
        "document": {"stage": "x", "fields": [1, None, True, [["x"]]]},
        "outputs": {"tree": [["0" * 64, 1], [], []]},
        "sum": "0" * 64,
    }
    for _ in range(chance.choice((0, 1, 30))):
        value = [value] if chance.randrange(2) else {"x": value}
    return _json.dumps(value).encode()


def glance(chance: random.Random) -> bytes:
    """What a run notes for the next one: a sum, and JSON."""
    body = _json.dumps(
        {
            "form": 1,
            "circumstances": {},
            "looked": {"/etc": [1, 2, 3, 4]},
            "links": {},
            "tasks": [["a", "b", []]],
            "current": ["a"],
            "workers": chance.randrange(9),
        }
    ).encode()
    if chance.randrange(2):
        body = json(chance)
    return b"%08x\n" % crc32(body) + body


def conf(chance: random.Random) -> bytes:
    """A file in the style of rc.conf."""
    return b"".join(
        chance.choice(
            (
                b"memory=%d\n",
                b"image='x%d'\n",
                b'bridges="a%d b"\n',
                b"# %d\n",
                b"\n" * 2 + b"a=%d\n",
            )
        )
        % number
        for number in range(chance.randrange(9))
    )


def kernel_config(chance: random.Random) -> bytes:
    """Over a configuration of the release, with pieces and flags."""
    lines = (
        b'include "arch/amd64/conf/XEN3_DOM0"',
        b'cinclude "./%s"' % a_name(chance),
        b"include other",
        b"prefix ../external/bsd",
        b"prefix",
        b"options MAXUSERS=%s" % a_number(chance),
        b'makeoptions COPTS="-O2 -I$S/%s ${DEBUG} $(X:S/a/b/)"' % a_name(chance),
        b'appendmakeoptions AFLAGS="-fmacro-prefix-map=/a=/b"',
        b"no options DDB  # none",
        b"machine amd64 x86",
        b"pseudo-device vnd\n\t%s" % a_number(chance),
    )
    return b"".join(chance.choice(lines) + b"\n" for _ in range(chance.randrange(1, 20)))


def number(chance: random.Random) -> bytes:
    """A number."""
    return a_number(chance)


def elf(chance: random.Random) -> bytes:
    """A small kernel with notes."""
    note = pack("<LLL", 4, 8, 18) + b"Xen\0" + bytes(8)
    count = chance.choice((1, 2, 500))
    head = (
        b"\x7fELF\x02\x01"
        + bytes(26)
        + pack("<QQ", 64, 0)
        + bytes(8)
        + pack("<HHHH", count, 0, 0, 0)
    )
    program = pack("<L4xQ16xQ16x", chance.choice((4, 4, 1)), 64 + 56 * count, len(note))
    return head + program * count + note * chance.choice((1, 1, 500))


def disc(chance: random.Random) -> bytes:
    """The beginning of a disk with partition tables."""
    kind = chance.choice((0xEE, 0xA9))
    return (
        bytes(446)
        + pack("<BBBBBBBBLL", 0x80, 0, 0, 0, kind, 0, 0, 0, 1, 9)
        + bytes(48)
        + b"\x55\xaa"
        + b"EFI PART"
        + chance.randbytes(84)
        + bytes(20_000)
    )
