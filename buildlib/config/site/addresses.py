"""Addresses that a machine of a fleet can have: IPv4, IPv6, Ethernet, and host names.

Only one notation is accepted for each. inet_aton(3) reads `010.0.0.1` as 8.0.0.1 and `10.1` as
10.0.0.1, so both are refused here. Sources for addresses that no machine can have: RFC 1122 section
3.2.1.3 and RFC 6890 for IPv4, RFC 4291 for IPv6, IEEE 802 for cards; for host names: RFC 952 and
RFC 1123 section 2.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}").fullmatch
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}").fullmatch
_LIKE_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]*)*").fullmatch
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}").fullmatch
LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"{LABEL}(?:\.{LABEL})*").fullmatch
_LONGEST_NAME = 253
_ALL = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Address:
    """An address in canonical form, and the prefix length of its network if one was given.

    An empty text means that there is no address.
    """

    text: str = ""
    prefix: int | None = None

    def __str__(self) -> str:
        return self.text if self.prefix is None else f"{self.text}/{self.prefix}"

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.text else 4

    @property
    def number(self) -> int:
        """The address as an integer."""
        return _bits(self.text)

    def network(self) -> tuple[int, int] | None:
        """The lowest and the highest address of its network; None without a prefix length."""
        if self.prefix is None or not self.text:
            return None
        host = (1 << (_ALL[self.version] - self.prefix)) - 1
        return self.number & ~host, self.number | host

    def reaches(self, other: Address) -> bool:
        """Whether the other address is in the same network."""
        network = self.network()
        return (
            self.version == other.version
            and network is not None
            and network[0] <= other.number <= network[1]
        )


def is_ipv4(text: str) -> bool:
    """Whether `text` is four numbers from 0 to 255 without leading zeros."""
    return _IPV4(text) is not None


def looks_like_ipv4(text: str) -> bool:
    """Whether a resolver would read `text` as an address, not as a name."""
    return _LIKE_IPV4(text) is not None


def is_host_name(text: str) -> bool:
    """Whether `text` is a host name in lower case that no program takes for an address."""
    return (
        _HOSTNAME(text) is not None
        and len(text) <= _LONGEST_NAME
        and not text.rpartition(".")[2].isdigit()
    )


def parse_address(text: str) -> Address:
    """An address with or without a prefix length. Raises ValueError: what it must be."""
    address, slash, prefix = text.partition("/")
    if is_ipv4(address):
        longest = 32
    else:
        longest, address = 128, _ipv6(address)
    if slash and (not _PREFIX(prefix) or int(prefix) > longest):
        raise ValueError(f"a prefix length from 0 to {longest} after the /")
    return Address(address, int(prefix) if slash else None)


def machine_address(text: str) -> Address:
    """An address that a machine can have on a network. Raises ValueError: what it must be."""
    address = parse_address(text)
    whole = address.number
    if address.version == 4:
        first = whole >> 24
        if first in {0, 127} or first >= 224:
            raise ValueError(
                "the address of a single machine, so it cannot begin with 0, 127 or 224 to 255"
            )
    elif whole <= 1 or whole >> 120 == 0xFF or whole >> 32 == 0xFFFF:
        raise ValueError("the address of a single machine, so not ::, ::1, ff…: or ::ffff:…")
    network = address.network()
    if network is None:
        return address
    if address.prefix == 0:
        raise ValueError(f"a prefix length from 1 to {_ALL[address.version]} after the /")
    if address.version == 4 and network[1] - network[0] > 1 and whole in network:
        kind = "the network itself" if whole == network[0] else "the broadcast address"
        raise ValueError(f"the address of a single machine; with /{address.prefix} this is {kind}")
    return address


def netmask_prefix(text: str) -> int:
    """The prefix length that an IPv4 netmask means: `255.255.255.0` or `0xffffff00`.

    Raises ValueError: what it must be.
    """
    if is_ipv4(text):
        bits = _bits(text)
    elif re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text):
        bits = int(text, 16)
    else:
        raise ValueError("a netmask such as 255.255.255.0 or 0xffffff00")
    rest = ~bits & 0xFFFFFFFF
    if rest & (rest + 1) or not bits:
        raise ValueError("a netmask with all ones on the left, such as 255.255.255.0")
    return 32 - rest.bit_length()


def card_address(text: str) -> str:
    """A MAC address in lower case. Raises ValueError: what it must be.

    An interface cannot have a group address: the lowest bit of the first byte must be 0.
    """
    if not _MAC(text):
        raise ValueError("six pairs of hexadecimal digits, such as 00:16:3e:00:00:01")
    if int(text[:2], 16) & 1 or not text.strip("0:"):
        raise ValueError("the address of a single interface, not a group address or all zeros")
    return text.lower()


def _ipv6(text: str) -> str:
    from ipaddress import IPv6Address

    try:
        return str(IPv6Address(text.partition("%")[0] if ":" in text else ""))
    except ValueError:
        raise ValueError("an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24") from None


def _bits(text: str) -> int:
    if ":" in text:
        from ipaddress import IPv6Address

        return int(IPv6Address(text))
    a, b, c, d = map(int, text.split("."))
    return a << 24 | b << 16 | c << 8 | d
