"""Valid inputs, by chance: what each parser is meant to read, before it is changed."""

from __future__ import annotations

import bz2
import gzip
import json as _json
import lzma
import random
import tomllib
from functools import cache
from pathlib import Path
from struct import error as StructError  # noqa: N812  it is a class
from struct import pack
from zlib import crc32

import pysequoia
from support.readers.archives import END, member, pax

from buildlib.model.tree import Entry
from buildlib.pkgsrc.advisories import format_list
from buildlib.pkgsrc.signed import wrap
from fuzz.changes import NUMBERS, RUNS, WORDS

__all__ = ["StructError"]

ROOT = Path(__file__).parents[2]
KEY = (ROOT / "sets/keys/mini.asc").read_bytes()
SIGNER = str(tomllib.loads((ROOT / "sets/mini.toml").read_text())["signature"]["fingerprint"])
NAMES = ("a", "b", "foo", "bin/xz", "a/b/c", "./a//b", "lib/x.so.1", "ä", "etc/rc.d/x", "x" * 99)
BASES = ("a", "b", "foo", "xz", "gettext-lib")


def _name(chance: random.Random) -> bytes:
    name = chance.choice(NAMES).encode()
    if chance.randrange(15) == 0:
        name += chance.choice(WORDS)
    if chance.randrange(60) == 0:
        name = chance.choice(RUNS) * chance.choice((20, 300, 1100)) + name
    return name


def _number(chance: random.Random) -> bytes:
    return chance.choice(NUMBERS) if chance.randrange(6) == 0 else b"%d" % chance.randrange(2000)


def tar(chance: random.Random) -> bytes:
    """An archive with members of all kinds, and every sort of extended header."""
    return b"".join(_member(chance, number) for number in range(chance.randrange(1, 8))) + END


def _member(chance: random.Random, number: int) -> bytes:
    name = b"%d%s" % (number, _name(chance)) if chance.randrange(9) else _name(chance)
    data = chance.randbytes(chance.choice((0, 1, 511, 513, 3000)))
    before = b""
    kind = chance.randrange(20)
    if kind == 0:
        keys = ("path", "linkpath", "size", "uid", "gid", "mtime", "comment", "GNU.sparse.major")
        before = pax({key: _name(chance) if "path" in key else _number(chance)
                      for key in chance.sample(keys, chance.randrange(1, 4))},
                     chance.choice((b"x", b"x", b"g")))
    elif kind == 1:
        before = member(b"././@LongLink", _name(chance) * chance.choice((1, 30)) + b"\0",
                        chance.choice((b"L", b"K")))
    elif kind == 2 and chance.randrange(4) == 0:
        before = pax(b"".join(b"%d %s=%s\n" % (chance.randrange(30), _name(chance), _name(chance))
                              for _ in range(chance.choice((1, 5, 400)))))
    flag = chance.choice((b"0",) * 12 + (b"5",) * 5 + (b"2",) * 3 + (b"1", b"3", b"S", b"\0", b"7"))
    link = (chance.choice((_name(chance)[:100], b"b", b"..", b"%da" % chance.randrange(3)))
            if flag in {b"1", b"2"} else b"")
    data = data if flag in {b"0", b"\0", b"7"} else b""
    return before + member(name[:100], data, flag, link=link,
                           mode=chance.choice((0o644, 0o4755, 0o7777)), uid=chance.randrange(9999))


def packed(data: bytes, chance: random.Random) -> bytes:
    """`data` as it is, or compressed."""
    how = chance.randrange(6)
    if how == 0:
        return bz2.compress(data, 1)
    if how == 1:
        return lzma.compress(data, preset=0)
    return gzip.compress(data, 1, mtime=0) if how < 4 else data


def compressed(chance: random.Random) -> bytes:
    """Members of a compressor, or several of them."""
    data = chance.randbytes(300) * chance.choice((1, 3, 300)) if chance.randrange(2) else bytes(
        chance.choice((1, 10_000, 2 << 20)))
    parts = [packed(data, chance) for _ in range(chance.choice((1, 1, 2)))]
    return b"".join(parts) + bytes(chance.choice((0, 0, 512)))


def plist(chance: random.Random) -> bytes:
    """A packing list."""
    lines = [b"@name a-1", b"@cwd /usr/pkg"]
    for _ in range(chance.randrange(12)):
        lines += chance.choice((
            [_name(chance), b"@comment MD5:" + b"0" * 32], [_name(chance), b"@comment Symlink:b"],
            [b"@mode 0755", _name(chance)], [b"@owner root"], [b"@exec true"], [b"@ignore", b"+X"],
            [b"@pkgdep b>=1.0"], [b"@pkgdir " + _name(chance)], [b"@dirrm x"], [b"@option x"],
            [b"@blddep a-1"], [b"@mode u+s,go-w"]))
    return b"\n".join(lines) + b"\n"


def meta(chance: random.Random) -> bytes:
    """Metadata members, with two NULs between them."""
    info = b"".join(b"%s=%s\n" % (name, _number(chance)) for name in (
        b"OPSYS", b"MACHINE_ARCH", b"REQUIRES", b"REQUIRES", b"BUILD_DATE"))
    return b"\0\0".join((plist(chance), b"a comment\n", b"text\n", info, _number(chance) + b"\n"))


def package(chance: random.Random) -> bytes:
    """A binary package, not compressed."""
    contents, comment, desc, info, size = (*meta(chance).split(b"\0\0"), *[b""] * 5)[:5]
    contents = contents.replace(b"@cwd /usr/pkg\n", b"@cwd /usr/pkg\none\n@comment MD5:x\n".replace(
        b"x", b"0" * 32), 1) if chance.randrange(2) else b"@name a-1\n@cwd /usr/pkg\none\nd/two\n"
    parts = [member(b"+CONTENTS", contents), member(b"+COMMENT", comment), member(b"+DESC", desc),
             member(b"+BUILD_INFO", info), member(b"+SIZE_PKG", size)]
    if chance.randrange(10) == 0:
        chance.shuffle(parts)
    parts += [member(b"one", b"x" * chance.randrange(3000)), member(b"d/two")]
    return b"".join(parts + [_member(chance, at) for at in range(chance.randrange(3))]) + END


def signed(chance: random.Random) -> bytes:
    """A signed package, of a signature that nobody checks here."""
    return wrap("a-1", chance.randbytes(chance.choice((1, 70_000))), b"signature",
                file_name=chance.choice(("", "a" * 40 + ".tgz")))


@cache
def _signed_list() -> tuple[list[bytes], bytes]:
    """Lines of the list that the key of `mini` signed, and its signature, as a packet.

    It is one of the checkout, not one that is signed here: a signature is never made twice alike.
    """
    message = (ROOT / "sets/mini/hashes.asc").read_bytes()
    head, _, armor = message.partition(b"\n-----BEGIN PGP SIGNATURE-----\n")
    packets = pysequoia.packet.PacketPile.from_bytes(b"-----BEGIN PGP SIGNATURE-----\n" + armor)
    return head.partition(b"\n\n")[2].split(b"\n"), b"".join(map(bytes, packets))


def signatures(chance: random.Random) -> bytes:
    """Packets of a signature block: the good signature, copies of it and some that are not good."""
    _, good = _signed_list()
    found = [good]
    for _ in range(chance.choice((0, 0, 0, 1, 3, 6, 9))):
        other = bytearray(good)
        other[chance.randrange(2, len(other))] ^= chance.choice((0, 1, 0x80))
        found.append(bytes(other))
    chance.shuffle(found)
    return b"".join(found)


def clear_signed(chance: random.Random) -> bytes:
    """The clear-signed list, written in one of the ways that say the same."""
    return signed_by(signatures(chance), chance)


def signed_by(packets: bytes, chance: random.Random) -> bytes:
    """The list with these packets behind it."""
    lines, _ = _signed_list()
    how = chance.randrange(6)
    if how == 0:
        lines = [line + chance.choice((b"", b" ", b"\t \t")) for line in lines]
    elif how == 1:
        lines = [chance.choice((b"", b"- ")) + line for line in lines]
    armor = pysequoia.armor(packets, pysequoia.ArmorKind.Signature).encode().rstrip(b"\n")
    if chance.randrange(4) == 0:
        armor = armor.replace(b"\n\n", b"\nComment: x\nVersion: 1\n\n", 1)
    headers = chance.choice(([b"Hash: SHA512"],) * 3 + ([], [b"Hash: SHA256,SHA512"] * 2))
    end = b"\r\n" if chance.randrange(8) == 0 else b"\n"
    message = end.join([b"-----BEGIN PGP SIGNED MESSAGE-----", *headers, b"", *lines,
                        *armor.split(b"\n"), b""])
    return chance.choice((b"", b"", b"\n ")) + message + chance.choice((b"", b"", b"\n\n"))


def summary(chance: random.Random) -> bytes:
    """pkg_summary(5)."""
    return b"\n".join(_record(chance) for _ in range(chance.randrange(1, 8)))


def _record(chance: random.Random) -> bytes:
    lines = [b"PKGNAME=%s-%s" % (chance.choice(BASES).encode(), version(chance).split()[0])]
    for _ in range(chance.randrange(10)):
        name = chance.choice((b"DEPENDS", b"CONFLICTS", b"REQUIRES", b"PROVIDES", b"SUPERSEDES"))
        lines.append(name + b"=" + (pattern(chance) if name[0] in b"DCS" else b"/usr/lib/x.so"))
    lines += [b"COMMENT=x", b"FILE_SIZE=" + _number(chance), b"SIZE_PKG=" + _number(chance)]
    lines += [b"DESCRIPTION=line %d" % number for number in range(chance.randrange(4))]
    if chance.randrange(4) == 0:
        chance.shuffle(lines)
    return b"\n".join(lines) + b"\n"


def pattern(chance: random.Random) -> bytes:
    """A pattern of packages."""
    base = chance.choice(BASES).encode()
    number = version(chance).split()[0]
    return chance.choice((
        base, base + b">=" + number, base + b">=" + number + b"<9", b"{a,b}-[0-9]*",
        b"{a,{b,c}d}>=1", base + b"-[0-9]*", b"*" + base + b"*-1?", base + b"-" + number,
        b"[a-z]*-[!0-8]*", b"{a,b}" * chance.randrange(1, 12), b"\\a*"))


def version(chance: random.Random) -> bytes:
    """Two versions."""
    parts = (b"1", b"2.0", b"alpha", b"rc1", b"nb3", b"a", b"_", b"pl", b".", b"20240101")
    return b" ".join(b"".join(chance.choices(parts, k=chance.randrange(1, 5))) for _ in "ab")


def mode(chance: random.Random) -> bytes:
    """A mode of chmod(1)."""
    return chance.choice((b"0755", b"u+s,go-w", b"a=rX", b"+t", b"ug=o", b"4711"))


def script(chance: random.Random) -> bytes:
    """An install script with what it declares."""
    lines = [b"#!/bin/sh", b"case ${STAGE} in", b"POST-INSTALL)", b"\t${MKDIR} x", b"\t;;",
             b"esac", b"${CAT} > ./+DIRS << 'EOF_DIRS'", b"# DIR: x", b"EOF_DIRS"]
    for _ in range(chance.randrange(12)):
        lines.append(chance.choice((  # noqa: PERF401  one at a time, by chance
            b"# DIR: /var/db/x m 0755 root wheel", b"# FILE: etc/x c share/x 0644",
            b"# USER: a:a:" + _number(chance) + b":text:/home:/bin/sh", b"# GROUP: a:7",
            b"# PERMS: bin/x 4711", b"# SHELL: bin/sh", b"# INFO: info/a.info",
            b"# DIR: " + _name(chance) + b" m")))
    return b"\n".join(lines) + b"\n"


def passwd(chance: random.Random) -> bytes:
    """A list of users or groups."""
    return b"".join(b"%s:*:%s:%s:x:/:/bin/sh\n" % (
        chance.choice((b"root", b"a", b"b", b"+", b"#x")), _number(chance), _number(chance))
        for _ in range(chance.randrange(6)))


def advisories(chance: random.Random) -> bytes:
    """pkg-vulnerabilities, with its checksum."""
    return format_list((pattern(chance).decode(), "kind", "https://x")
                       for _ in range(chance.randrange(1, 8)))


def checksums(chance: random.Random) -> bytes:
    """A list of digests."""
    return b"".join(b"%s (%s) = %s\n" % (name, _name(chance), b"0f" * (length // 2))
                    for name, length in ((b"SHA512", 128), (b"MD5", 32), (b"SHA1", 40)))


def mtree(chance: random.Random) -> bytes:
    """The spec of a tree."""
    lines = [b"#mtree", b". type=dir uid=0 gid=0 mode=0755 time=1.0"]
    for number in range(chance.randrange(8)):
        path = b"./%d/%s" % (number, _name(chance).replace(b" ", b"\\040"))
        lines.append(path + chance.choice((
            b" type=file uid=0 gid=0 mode=0644 time=1.0 size=1 sha256=" + b"0" * 64,
            b" type=link uid=0 gid=0 mode=0755 time=1.0 link=x", b" type=dir mode=0755",
            b" type=char uid=1 gid=2 mode=0600 time=1.0 device=netbsd,1,2",
            b" type=file uid=" + _number(chance) + b" gid=0 mode=0644 time=" + _number(chance)
            + b".0 size=" + _number(chance) + b" sha256=" + b"0" * 64
            + b" tags=origin:base,inode:x")))
    return b"\n".join(lines) + b"\n"


FOLDER = {entry.path: entry for entry in (  # what a spec is laid over
    Entry(".", "dir", 0o755), Entry("etc", "dir", 0o755), Entry("bin", "dir", 0o755),
    Entry("link", "link", 0o755, link="x"), *(Entry(path, "file", 0o644, size=1, sha256="0" * 64)
                                              for path in ("etc/rc.conf", "etc/a b", "bin/xz")))}
_SAID = (  # of each row a line has one word at most
    (b"mode=0640", b"mode=u=rw,go=r", b"mode=4755"), (b"uname=root", b"uid=%d"),
    (b"gname=wheel", b"gid=%d"), (b"time=%d.5", b"optional", b"nochange", b"flags=none"),
    (b"nlink=1", b"size=0", b"sha256=" + b"0" * 64, b"tags=inode:x", b"type=dir", b"type=file"))
_MADE = (b" type=dir", b" type=link link=a\\040b", b" type=char device=netbsd,1,2", b" type=fifo")


def spec(chance: random.Random) -> bytes:
    """A spec that people write beside a folder."""
    lines = [chance.choice((b"# a remark", b"", b"/set uname=root gname=wheel"))]
    for path in chance.sample(sorted(FOLDER), chance.choice((1, 2, 4))):
        name = path.encode().replace(b" ", b"\\040")
        name = name if path == "." else b"./" + name
        if chance.randrange(12) == 0:
            name = chance.choice((name.rpartition(b"/")[2], b"./" + _name(chance)))
        rows = chance.sample(_SAID[: chance.choice((4, 4, 4, 5))], chance.choice((1, 1, 2, 3)))
        words = [chance.choice(row).replace(b"%d", b"%d" % chance.randrange(2000)) for row in rows]
        lines.append(chance.choice((b" ", b" ", b"\t", b" \\\n    ")).join([name, *words]))
        lines += chance.choice(((), (), (), (b"/unset uname",), (b"./%d" % len(lines)
                                                               + chance.choice(_MADE),)))
    return b"\n".join(lines) + b"\n"


_LOCKS = sorted(ROOT.glob("sets/*.lock"))
_TOML = sorted([*ROOT.glob("recipes/**/*.toml"), *ROOT.glob("sets/*.toml")])


def toml(chance: random.Random) -> bytes:
    """A recipe or release definition of the project's own, or a small document."""
    if chance.randrange(2):
        return chance.choice(_TOML).read_bytes()
    return b"".join(chance.choice((
        b"a%d = 1\n", b"[t%d]\n", b"b%d.c.d = 'x'\n", b"e%d = [[1, 2], {f = 1.5}]\n",
        b'g%d = """x\n"y" \\" """\n', b"h%d = 1979-05-27T07:32:00Z\n", b"[[i]]\nj = %d\n"))
        % number for number in range(chance.randrange(1, 9)))


def lock(chance: random.Random) -> bytes:
    """A lock of the project's own."""
    return chance.choice(_LOCKS).read_bytes() if chance.randrange(3) else json(chance)


def json(chance: random.Random) -> bytes:
    """A record of the store."""
    value: object = {"files": {"a": {"sha512": "0" * 128, "size": chance.randrange(10**6)}},
                     "document": {"stage": "x", "fields": [1, None, True, [["x"]]]},
                     "outputs": {"tree": [["0" * 64, 1], [], []]}, "sum": "0" * 64}
    for _ in range(chance.choice((0, 1, 30))):
        value = [value] if chance.randrange(2) else {"x": value}
    return _json.dumps(value).encode()


def glance(chance: random.Random) -> bytes:
    """What a run notes for the next one: a sum, and JSON."""
    body = _json.dumps({"form": 1, "circumstances": {}, "looked": {"/etc": [1, 2, 3, 4]},
                        "links": {}, "tasks": [["a", "b", []]], "current": ["a"],
                        "workers": chance.randrange(9)}).encode()
    if chance.randrange(2):
        body = json(chance)
    return b"%08x\n" % crc32(body) + body


def conf(chance: random.Random) -> bytes:
    """A file in the style of rc.conf."""
    return b"".join(chance.choice((
        b"memory=%d\n", b"image='x%d'\n", b'bridges="a%d b"\n', b"# %d\n", b"\n" * 2 + b"a=%d\n"))
        % number for number in range(chance.randrange(9)))


def number(chance: random.Random) -> bytes:
    """A number."""
    return _number(chance)


def elf(chance: random.Random) -> bytes:
    """A small kernel with notes."""
    note = pack("<LLL", 4, 8, 18) + b"Xen\0" + bytes(8)
    count = chance.choice((1, 2, 500))
    head = (b"\x7fELF\x02\x01" + bytes(26) + pack("<QQ", 64, 0) + bytes(8)
            + pack("<HHHH", count, 0, 0, 0))
    program = pack("<L4xQ16xQ16x", chance.choice((4, 4, 1)), 64 + 56 * count, len(note))
    return head + program * count + note * chance.choice((1, 1, 500))


def disc(chance: random.Random) -> bytes:
    """The beginning of a disk with partition tables."""
    kind = chance.choice((0xEE, 0xA9))
    return (bytes(446) + pack("<BBBBBBBBLL", 0x80, 0, 0, 0, kind, 0, 0, 0, 1, 9)
            + bytes(48) + b"\x55\xaa" + b"EFI PART" + chance.randbytes(84) + bytes(20_000))
