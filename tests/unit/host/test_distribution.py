"""Packages of the distribution, from a fake apt."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from buildlib.host.distribution import DistributionPackage, candidate
from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError, ToolError

PATTERN = "xen-hypervisor-*-amd64"
DIGEST = sha256(b"a package")


class Apt:
    """A fake apt-cache; `packages` maps a name to the output of `show`, or to nothing."""

    def __init__(self, packages: dict[str, str | None]) -> None:
        self._packages = packages
        self.asked: list[list[str]] = []

    def __call__(self, argv: Sequence[str]) -> str:
        self.asked.append(list(argv))
        if argv[1] == "pkgnames":
            return "".join(f"{name}\n" for name in self._packages if name.startswith(argv[2]))
        text = self._packages[argv[-1]]
        if text is None:
            raise ToolError("apt-cache failed with exit status 100")
        return text


def show(version: str, digest: str = DIGEST) -> str:
    return (
        f"Package: x\nVersion: {version}\nDescription: Xen: the hypervisor\n"
        f" SHA256: not this one\nSHA256: {digest}\n\n"
    )


def test_the_newest_package_is_chosen() -> None:
    apt = Apt(
        {
            "xen-hypervisor-4.9-amd64": show("4.9-1"),
            "xen-hypervisor-4.17-amd64": show("4.17.2+1-g2b"),
            "xen-hypervisor-4.17-amd64-dbg": show("9"),
            "xen-hypervisor-4.20-arm64": show("9"),
            "xen-hypervisor-common": show("9"),
            "xen-hypervisor-4.x-amd64": show("9"),
        }
    )
    assert candidate(PATTERN, apt) == DistributionPackage(
        "xen-hypervisor-4.17-amd64", "4.17.2+1-g2b", DIGEST
    )
    assert apt.asked == [
        ["apt-cache", "pkgnames", "xen-hypervisor-"],
        ["apt-cache", "show", "--no-all-versions", "xen-hypervisor-4.17-amd64"],
    ]


@pytest.mark.parametrize(
    "newest", [None, "", "Package: x\n", "Version: 1\n", show("4.20", "abc"), f"SHA256: {DIGEST}\n"]
)
def test_a_name_without_a_package_is_passed_over(newest: str | None) -> None:
    apt = Apt({"xen-hypervisor-4.20-amd64": newest, "xen-hypervisor-4.17-amd64": show("4.17")})
    assert candidate(PATTERN, apt).name == "xen-hypervisor-4.17-amd64"


@pytest.mark.parametrize("packages", [{}, {"xen-hypervisor-4.20-amd64": None}])
def test_no_package(packages: dict[str, str | None]) -> None:
    with pytest.raises(SourceError) as caught:
        candidate(PATTERN, Apt(packages))
    assert caught.value.reason == "no-package"
    assert PATTERN in caught.value.what
    assert "apt-get update" in (caught.value.hint or "")


def test_a_name_is_no_regular_expression() -> None:
    apt = Apt({"a.b-1-amd64": show("1"), "aXb-2-amd64": show("2")})
    assert candidate("a.b-*-amd64", apt).name == "a.b-1-amd64"
