"""Valid archives, packages and signatures, each another by its random numbers."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import tomllib
from functools import cache
from pathlib import Path

import pysequoia
from support.readers.archives import END, member, pax

from buildlib.pkgsrc.advisories import format_list
from buildlib.pkgsrc.signed import wrap
from fuzz.words import BASES, a_name, a_number

ROOT = Path(__file__).parents[2]
KEY = (ROOT / "sets/keys/mini.asc").read_bytes()
SIGNER = str(tomllib.loads((ROOT / "sets/mini.toml").read_text())["signature"]["fingerprint"])


def tar(chance: random.Random) -> bytes:
    """An archive with members of all kinds, and every sort of extended header."""
    return b"".join(_member(chance, number) for number in range(chance.randrange(1, 8))) + END


def _member(chance: random.Random, number: int) -> bytes:
    name = b"%d%s" % (number, a_name(chance)) if chance.randrange(9) else a_name(chance)
    data = chance.randbytes(chance.choice((0, 1, 511, 513, 3000)))
    before = b""
    kind = chance.randrange(20)
    if kind == 0:
        keys = ("path", "linkpath", "size", "uid", "gid", "mtime", "comment", "GNU.sparse.major")
        before = pax(
            {
                key: a_name(chance) if "path" in key else a_number(chance)
                for key in chance.sample(keys, chance.randrange(1, 4))
            },
            chance.choice((b"x", b"x", b"g")),
        )
    elif kind == 1:
        before = member(
            b"././@LongLink",
            a_name(chance) * chance.choice((1, 30)) + b"\0",
            chance.choice((b"L", b"K")),
        )
    elif kind == 2 and chance.randrange(4) == 0:
        before = pax(
            b"".join(
                b"%d %s=%s\n" % (chance.randrange(30), a_name(chance), a_name(chance))
                for _ in range(chance.choice((1, 5, 400)))
            )
        )
    flag = chance.choice((b"0",) * 12 + (b"5",) * 5 + (b"2",) * 3 + (b"1", b"3", b"S", b"\0", b"7"))
    link = (
        chance.choice((a_name(chance)[:100], b"b", b"..", b"%da" % chance.randrange(3)))
        if flag in {b"1", b"2"}
        else b""
    )
    data = data if flag in {b"0", b"\0", b"7"} else b""
    return before + member(
        name[:100],
        data,
        flag,
        link=link,
        mode=chance.choice((0o644, 0o4755, 0o7777)),
        uid=chance.randrange(9999),
    )


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
    data = (
        chance.randbytes(300) * chance.choice((1, 3, 300))
        if chance.randrange(2)
        else bytes(chance.choice((1, 10_000, 2 << 20)))
    )
    parts = [packed(data, chance) for _ in range(chance.choice((1, 1, 2)))]
    return b"".join(parts) + bytes(chance.choice((0, 0, 512)))


def plist(chance: random.Random) -> bytes:
    """A packing list."""
    lines = [b"@name a-1", b"@cwd /usr/pkg"]
    for _ in range(chance.randrange(12)):
        lines += chance.choice(
            (
                [a_name(chance), b"@comment MD5:" + b"0" * 32],
                [a_name(chance), b"@comment Symlink:b"],
                [b"@mode 0755", a_name(chance)],
                [b"@owner root"],
                [b"@exec true"],
                [b"@ignore", b"+X"],
                [b"@pkgdep b>=1.0"],
                [b"@pkgdir " + a_name(chance)],
                [b"@dirrm x"],
                [b"@option x"],
                [b"@blddep a-1"],
                [b"@mode u+s,go-w"],
            )
        )
    return b"\n".join(lines) + b"\n"


def meta(chance: random.Random) -> bytes:
    """Metadata members, with two NULs between them."""
    info = b"".join(
        b"%s=%s\n" % (name, a_number(chance))
        for name in (b"OPSYS", b"MACHINE_ARCH", b"REQUIRES", b"REQUIRES", b"BUILD_DATE")
    )
    return b"\0\0".join((plist(chance), b"a comment\n", b"text\n", info, a_number(chance) + b"\n"))


def package(chance: random.Random) -> bytes:
    """A binary package, not compressed."""
    contents, comment, desc, info, size = (*meta(chance).split(b"\0\0"), *[b""] * 5)[:5]
    contents = (
        contents.replace(
            b"@cwd /usr/pkg\n", b"@cwd /usr/pkg\none\n@comment MD5:x\n".replace(b"x", b"0" * 32), 1
        )
        if chance.randrange(2)
        else b"@name a-1\n@cwd /usr/pkg\none\nd/two\n"
    )
    parts = [
        member(b"+CONTENTS", contents),
        member(b"+COMMENT", comment),
        member(b"+DESC", desc),
        member(b"+BUILD_INFO", info),
        member(b"+SIZE_PKG", size),
    ]
    if chance.randrange(10) == 0:
        chance.shuffle(parts)
    parts += [member(b"one", b"x" * chance.randrange(3000)), member(b"d/two")]
    return b"".join(parts + [_member(chance, at) for at in range(chance.randrange(3))]) + END


def signed(chance: random.Random) -> bytes:
    """A signed package, of a signature that nobody checks here."""
    return wrap(
        "a-1",
        chance.randbytes(chance.choice((1, 70_000))),
        b"signature",
        file_name=chance.choice(("", "a" * 40 + ".tgz")),
    )


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
    message = end.join(
        [b"-----BEGIN PGP SIGNED MESSAGE-----", *headers, b"", *lines, *armor.split(b"\n"), b""]
    )
    return chance.choice((b"", b"", b"\n ")) + message + chance.choice((b"", b"", b"\n\n"))


def summary(chance: random.Random) -> bytes:
    """pkg_summary(5)."""
    return b"\n".join(_record(chance) for _ in range(chance.randrange(1, 8)))


def _record(chance: random.Random) -> bytes:
    lines = [b"PKGNAME=%s-%s" % (chance.choice(BASES).encode(), version(chance).split()[0])]
    for _ in range(chance.randrange(10)):
        name = chance.choice((b"DEPENDS", b"CONFLICTS", b"REQUIRES", b"PROVIDES", b"SUPERSEDES"))
        lines.append(name + b"=" + (pattern(chance) if name[0] in b"DCS" else b"/usr/lib/x.so"))
    lines += [b"COMMENT=x", b"FILE_SIZE=" + a_number(chance), b"SIZE_PKG=" + a_number(chance)]
    lines += [b"DESCRIPTION=line %d" % number for number in range(chance.randrange(4))]
    if chance.randrange(4) == 0:
        chance.shuffle(lines)
    return b"\n".join(lines) + b"\n"


def pattern(chance: random.Random) -> bytes:
    """A pattern of packages."""
    base = chance.choice(BASES).encode()
    number = version(chance).split()[0]
    return chance.choice(
        (
            base,
            base + b">=" + number,
            base + b">=" + number + b"<9",
            b"{a,b}-[0-9]*",
            b"{a,{b,c}d}>=1",
            base + b"-[0-9]*",
            b"*" + base + b"*-1?",
            base + b"-" + number,
            b"[a-z]*-[!0-8]*",
            b"{a,b}" * chance.randrange(1, 12),
            b"\\a*",
        )
    )


def version(chance: random.Random) -> bytes:
    """Two versions."""
    parts = (b"1", b"2.0", b"alpha", b"rc1", b"nb3", b"a", b"_", b"pl", b".", b"20240101")
    return b" ".join(b"".join(chance.choices(parts, k=chance.randrange(1, 5))) for _ in "ab")


def mode(chance: random.Random) -> bytes:
    """A mode of chmod(1)."""
    return chance.choice((b"0755", b"u+s,go-w", b"a=rX", b"+t", b"ug=o", b"4711"))


def script(chance: random.Random) -> bytes:
    """An install script with what it declares."""
    lines = [
        b"#!/bin/sh",
        b"case ${STAGE} in",
        b"POST-INSTALL)",
        b"\t${MKDIR} x",
        b"\t;;",
        b"esac",
        b"${CAT} > ./+DIRS << 'EOF_DIRS'",
        b"# DIR: x",
        b"EOF_DIRS",
    ]
    lines.extend(
        chance.choice(
            (
                b"# DIR: /var/db/x m 0755 root wheel",
                b"# FILE: etc/x c share/x 0644",
                b"# USER: a:a:" + a_number(chance) + b":text:/home:/bin/sh",
                b"# GROUP: a:7",
                b"# PERMS: bin/x 4711",
                b"# SHELL: bin/sh",
                b"# INFO: info/a.info",
                b"# DIR: " + a_name(chance) + b" m",
            )
        )
        for _ in range(chance.randrange(12))
    )
    return b"\n".join(lines) + b"\n"


def passwd(chance: random.Random) -> bytes:
    """A list of users or groups."""
    return b"".join(
        b"%s:*:%s:%s:x:/:/bin/sh\n"
        % (chance.choice((b"root", b"a", b"b", b"+", b"#x")), a_number(chance), a_number(chance))
        for _ in range(chance.randrange(6))
    )


def advisories(chance: random.Random) -> bytes:
    """pkg-vulnerabilities, with its checksum."""
    return format_list(
        (pattern(chance).decode(), "kind", "https://x") for _ in range(chance.randrange(1, 8))
    )
