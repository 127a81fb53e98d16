"""Metadata of one package, the platform check, and its entry in pkg_summary(5)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.model.errors import GoldmasterError, SourceError
from buildlib.pkgsrc.package import META_FILES, check_platform, read_package, summary_of
from buildlib.pkgsrc.summary import Summary

META = {
    "+CONTENTS": b"@name a-1.0\n@cwd /usr/pkg\n@pkgdep b>=1\n@pkgcfl c-[0-9]*\nbin/a\n",
    "+COMMENT": b"The a\n",
    "+DESC": b"First.\n\nLast.\n",
    "+INSTALL": b"#!/bin/sh\n",
    "+BUILD_INFO": (
        b"CC_VERSION=gcc-10.5\nOPSYS=NetBSD\nOS_VERSION=10.0\nMACHINE_ARCH= x86_64\n"
        b"PKGPATH=cat/a\nREQUIRES=/usr/lib/libc.so.12\nREQUIRES=/usr/lib/libm.so.0\njunk\n"
    ),
    "+SIZE_PKG": b"1234\n",
}


def test_reading() -> None:
    package = read_package(META, where="a.tgz", expected="a-1.0")
    assert (package.name, package.prefix) == ("a-1.0", "/usr/pkg")
    assert (package.depends, package.conflicts) == (("b>=1",), ("c-[0-9]*",))
    assert (package.comment, package.description) == ("The a", "First.\n\nLast.")
    assert package.build_info["REQUIRES"] == ("/usr/lib/libc.so.12", "/usr/lib/libm.so.0")
    assert package.build_info["MACHINE_ARCH"] == ("x86_64",)  # lib/var.c: one space is dropped
    assert (package.size_pkg, package.size_all) == (1234, None)
    assert package.install == b"#!/bin/sh\n"


def test_summary() -> None:
    package = read_package(META, where="a.tgz")
    assert summary_of(package, file_name="a-1.0.tgz", file_size=9, file_cksum="sha512 0") == (
        Summary(
            pkgname="a-1.0",
            pkgpath="cat/a",
            comment="The a",
            depends=("b>=1",),
            conflicts=("c-[0-9]*",),
            requires=("/usr/lib/libc.so.12", "/usr/lib/libm.so.0"),
            file_name="a-1.0.tgz",
            file_size=9,
            file_cksum="sha512 0",
            size_pkg=1234,
            machine_arch="x86_64",
            opsys="NetBSD",
            os_version="10.0",
            description="First.\n\nLast.",
        )
    )


@pytest.mark.parametrize(
    ("change", "reason", "text"),
    [
        ({"+COMMENT": None}, "pkg-meta", "+COMMENT is missing"),
        ({"+MANIFEST": b""}, "pkg-meta", "+MANIFEST is unknown"),
        ({"+SIZE_PKG": b"big"}, "pkg-meta", "big"),
        ({"+SIZE_PKG": b"9" * 5000}, "pkg-meta", "not a size"),
        ({"+CONTENTS": b"@name a-1.1\n@cwd /\n"}, "pkg-name", "a-1.1, not a-1.0"),
        ({"+CONTENTS": b"@frob\n"}, "plist", "a.tgz: +CONTENTS, line 1"),
    ],
)
def test_errors(change: dict[str, bytes | None], reason: str, text: str) -> None:
    meta = {name: data for name, data in (META | change).items() if data is not None}
    with pytest.raises(SourceError) as caught:
        read_package(meta, where="a.tgz", expected="a-1.0")
    assert caught.value.reason == reason
    assert text in str(caught.value)


def test_order_of_members() -> None:
    with pytest.raises(SourceError) as caught:
        read_package(dict(reversed(META.items())), where="a.tgz")
    assert caught.value.reason == "pkg-meta"


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("OPSYS=NetBSD MACHINE_ARCH=x86_64 OS_VERSION=10.1", None),
        ("OPSYS=NetBSD MACHINE_ARCH=x86_64 OS_VERSION=10.0", "NetBSD 10.0, not 10.1"),
        ("OPSYS=NetBSD MACHINE_ARCH=aarch64 OS_VERSION=10.1", "NetBSD/aarch64"),
        ("OPSYS=SunOS MACHINE_ARCH=x86_64 OS_VERSION=10.1", "SunOS/x86_64"),
        ("OPSYS=NetBSD MACHINE_ARCH=x86_64 OS_VERSION=10.0_STABLE", "NetBSD 10.0_STABLE, not 10.1"),
        ("OPSYS=NetBSD MACHINE_ARCH=x86_64 OS_VERSION=10.99.12", "NetBSD/x86_64 10.99.12"),
        ("OPSYS=NetBSD MACHINE_ARCH=x86_64", "lacks OS_VERSION"),
        ("", "lacks OPSYS, MACHINE_ARCH, OS_VERSION"),
    ],
)
def test_platform(info: str, expected: str | None) -> None:
    meta = META | {"+BUILD_INFO": info.replace(" ", "\n").encode()}
    package = read_package(meta, where="a.tgz")
    try:
        told = check_platform(package, machine_arch="x86_64", os_version="10.1")
    except SourceError as error:
        assert error.reason == "pkg-platform"  # noqa: PT017  either is right
        told = str(error)
    assert (told is None) is (expected is None)
    assert (expected or "") in (told or "")


@pytest.mark.parametrize(
    ("built", "runs"), [("10.99.12", True), ("10.99.11", False), ("10.1", False), ("11.0", False)]
)
def test_current_is_its_own_version_only(built: str, runs: bool) -> None:
    info = f"OPSYS=NetBSD\nMACHINE_ARCH=x86_64\nOS_VERSION={built}\n"
    package = read_package(META | {"+BUILD_INFO": info.encode()}, where="a.tgz")
    if runs:
        assert check_platform(package, machine_arch="x86_64", os_version="10.99.12") is None
    else:
        with pytest.raises(SourceError, match="not for this system"):
            check_platform(package, machine_arch="x86_64", os_version="10.99.12")


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from([meta.name for meta in META_FILES]), st.binary(max_size=60)),
    st.booleans(),
)
def test_fuzz(parts: dict[str, bytes], sound: bool) -> None:
    meta = META | parts | ({"+CONTENTS": META["+CONTENTS"]} if sound else {})
    order = [one.name for one in META_FILES]
    try:
        package = read_package(
            dict(sorted(meta.items(), key=lambda m: order.index(m[0]))), where=""
        )
        summary_of(package)
        check_platform(package, machine_arch="x86_64", os_version="10.1")
    except GoldmasterError:
        pass
