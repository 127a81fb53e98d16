"""What Xen, dom0 and domUs take of a machine's memory.

The rules of `dom0_mem=` are those of docs/misc/xen-command-line.pandoc of Xen 4.18.
"""

from __future__ import annotations

import pytest

from buildlib.config.site.xen_memory import (
    Amount,
    Dom0Memory,
    dom0_memory,
    taken_by_domu,
    taken_by_xen,
)


@pytest.mark.parametrize(("memory", "taken"), [(8192, 256), (64, 129), (65, 130), (1, 129)])
def test_what_xen_takes(memory: int, taken: int) -> None:
    assert taken_by_xen(memory) == taken


@pytest.mark.parametrize(
    ("memory", "cpus", "taken"),
    [
        (256, 1, 260),  # 256 MB, 1 MB, 1 MB for the processor, 2 MB of pages
        (256, 2, 262),  # 261 rounded up
        (256, 3, 262),
        (1024, 1, 1034),
        (128, 1, 132),  # 131
    ],
)
def test_what_a_domu_takes(memory: int, cpus: int, taken: int) -> None:
    assert taken_by_domu(memory, cpus) == taken


def given(*words: str) -> Dom0Memory:
    return dom0_memory(words, "recipes/dom0.toml", 7)


M = 1 << 20


@pytest.mark.parametrize(
    ("word", "size"),
    [
        ("512M", 512 * M),
        ("512m", 512 * M),
        ("1g", 1024 * M),
        ("1T", 1 << 40),
        ("524288", 512 * M),  # KiB
        ("524288k", 512 * M),
        ("1048576b", M),
        ("0x200M", 512 * M),
        ("0X200m", 512 * M),
        ("01000M", 512 * M),  # octal
        ("0xbb", 0xB),  # the last letter is the unit
        ("-128M", -128 * M),
    ],
)
def test_sizes_are_read_as_xen_reads_them(word: str, size: int) -> None:
    assert given(f"dom0_mem={word}").exact == Amount(size)


@pytest.mark.parametrize(
    ("word", "amount"),
    [("10%", Amount(0, 10)), ("128M+5%", Amount(128 * M, 5)), ("1%", Amount(0, 1))],
)
def test_shares(word: str, amount: Amount) -> None:
    assert given(f"dom0_mem={word}").exact == amount


@pytest.mark.parametrize(
    "word", ["x", "512MB", "5e3", "08M", "0x", "100%", "+5%", "1.5G", "--1M", "min", "m", "²M"]
)
def test_what_xen_would_not_accept(word: str) -> None:
    found = given(f"dom0_mem={word}")
    assert (found.exact, found.wrong) == (None, word)


def test_least_and_most() -> None:
    found = given("dom0_mem=512M,min:256M,max:1G")
    assert (found.exact, found.least, found.most) == (
        Amount(512 * M),
        Amount(256 * M),
        Amount(1024 * M),
    )
    assert found.wrong == ""
    assert (found.file, found.line) == ("recipes/dom0.toml", 7)
    assert found.word == "dom0_mem=512M,min:256M,max:1G"


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        ("512M,least:1M", "least:1M"),
        ("a,b", "a"),
        ("512M,", "dom0_mem=512M,"),
        ("max:", "max:"),
        ("512M,min:x", "min:x"),
    ],
)
def test_the_wrong_part_is_named(word: str, wrong: str) -> None:
    assert given(f"dom0_mem={word}").wrong == wrong


def test_the_last_argument_counts() -> None:
    found = given("dom0_mem=1G", "console=com1", "dom0_mem=2G", "xdom0_mem=3G")
    assert (found.exact, found.word) == (Amount(2048 * M), "dom0_mem=2G")


def test_without_an_argument() -> None:
    assert given("console=com1") == Dom0Memory("recipes/dom0.toml")
    assert given() == Dom0Memory("recipes/dom0.toml")


@pytest.mark.parametrize(
    ("words", "memory", "megabytes"),
    [
        ((), 8192, 8064),  # all but 1/16, at most 128 MB
        ((), 1600, 1500),
        (("dom0_mem=512M",), 8192, 512),
        (("dom0_mem=512M",), 256, 256),
        (("dom0_mem=-192M",), 8192, 8000),
        (("dom0_mem=-300M",), 256, 0),
        (("dom0_mem=10%",), 1000, 100),
        (("dom0_mem=128M+10%",), 1000, 228),
        (("dom0_mem=min:512M",), 400, 400),
        (("dom0_mem=128M,min:256M",), 8192, 256),
        (("dom0_mem=512M,min:256M",), 8192, 512),
        (("dom0_mem=512M,max:256M",), 8192, 256),
        (("dom0_mem=max:1G",), 8192, 1024),
        (("dom0_mem=max:1G",), 1024, 960),
        (("dom0_mem=min:8G,max:1G",), 16384, 1024),
    ],
)
def test_what_dom0_gets(words: tuple[str, ...], memory: int, megabytes: int) -> None:
    assert given(*words).of(memory) == megabytes
