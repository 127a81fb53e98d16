"""X.509 certificates in PEM form, and the hash by which OpenSSL finds a trust anchor in a folder.

OpenSSL looks for `HHHHHHHH.N`: the hash of the subject's name and a number. The hash is the first
four bytes, little-endian, of the SHA-1 of the name in canonical form (openssl-rehash(1),
X509_NAME_hash(3); OpenSSL 1.0.0 and later). In that form

- texts are UTF-8, without blanks at both ends, with one blank for several, in small ASCII letters;
  values of other types stay as they are
- the attributes of a relative name are a SET OF in DER, so they are sorted
- the SEQUENCE around all of them is left out

SHA-1 is a name here: nothing depends on its strength. Sources: X.690, RFC 5280 section 4.1.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

_PEM = re.compile(
    rb"^-----BEGIN (?:X509 )?CERTIFICATE-----\s*\n(.*?)^-----END (?:X509 )?CERTIFICATE-----",
    re.DOTALL | re.MULTILINE,
)
_SEQUENCE, _SET, _OID, _VERSION = 0x30, 0x31, 0x06, 0xA0
_UTF8 = 0x0C
# How texts of each type are encoded: UTF8String, PrintableString, T61String, IA5String,
# UniversalString, BMPString. OpenSSL takes T61String for Latin 1, and reads no VisibleString here.
_TEXTS = {
    0x0C: "utf-8",
    0x13: "latin-1",
    0x14: "latin-1",
    0x16: "latin-1",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_BLANKS = " \t\n\v\f\r"
_CAPITALS = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}


class _Item(NamedTuple):
    """A value in DER: its tag, its content, and both with the length between them."""

    tag: int
    content: bytes
    whole: bytes


def certificates(data: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM file, in DER. Raises ValueError for one that is no base64."""
    return tuple(binascii.a2b_base64(match[1]) for match in _PEM.finditer(data))


def name_hash(certificate: bytes) -> str:
    """The hash of a certificate's subject, eight hexadecimal digits.

    certificate  in DER
    Raises ValueError if it is no certificate.
    """
    digest = hashlib.sha1(_canonical(_subject(certificate)), usedforsecurity=False).digest()
    return digest[3::-1].hex()


def _subject(certificate: bytes) -> bytes:
    """The content of the subject's name."""
    fields = _items(_only(_only(certificate, _SEQUENCE, more=False).content, _SEQUENCE).content)
    wanted = list(fields)
    if wanted and wanted[0].tag == _VERSION:
        del wanted[0]
    # serial number, signature algorithm, issuer, validity, subject
    if len(wanted) < 5 or wanted[4].tag != _SEQUENCE:
        raise ValueError("it has no subject")
    return wanted[4].content


def _canonical(name: bytes) -> bytes:
    """A name's content in canonical form."""
    return b"".join(
        _encoded(_SET, b"".join(sorted(map(_attribute, _items(_tagged(item, _SET).content)))))
        for item in _items(name)
    )


def _attribute(item: _Item) -> bytes:
    """A type and value; the value in canonical form."""
    parts = list(_items(_tagged(item, _SEQUENCE).content))
    if len(parts) != 2 or parts[0].tag != _OID:
        raise ValueError("an attribute of the subject is no type and value")
    return _encoded(_SEQUENCE, parts[0].whole + _value(parts[1]))


def _value(item: _Item) -> bytes:
    encoding = _TEXTS.get(item.tag)
    if encoding is None:
        return item.whole
    text = item.content.decode(encoding).strip(_BLANKS)
    text = re.sub(f"[{_BLANKS}]+", " ", text)
    return _encoded(_UTF8, text.translate(_CAPITALS).encode())


def _only(data: bytes, tag: int, *, more: bool = True) -> _Item:
    """The first value of `data`, which must have this tag; `more`: others may follow."""
    item, end = _item(data, 0)
    if not more and end != len(data):
        raise ValueError("something follows it")
    return _tagged(item, tag)


def _tagged(item: _Item, tag: int) -> _Item:
    if item.tag != tag:
        raise ValueError(f"tag {item.tag:#04x} where {tag:#04x} is needed")
    return item


def _items(data: bytes) -> Iterator[_Item]:
    at = 0
    while at < len(data):
        item, at = _item(data, at)
        yield item


def _item(data: bytes, at: int) -> tuple[_Item, int]:
    """The value at `at`, and where the next one begins. Tags of one byte, definite lengths."""
    head = data[at : at + 2]
    if len(head) < 2 or head[0] & 0x1F == 0x1F:
        raise ValueError("it is no DER")
    start, length = at + 2, head[1]
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size])
        start += size
        if not 1 <= size <= 4:
            raise ValueError("it is no DER")
    end = start + length
    if end > len(data):
        raise ValueError("it is cut off")
    return _Item(head[0], data[start:end], data[at:end]), end


def _encoded(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size) + content
