"""Where Xen and GRUB legacy come from: one place, and a digest for a file."""

from __future__ import annotations

import pytest

from buildlib.config.external_program import Hypervisor, Origin

SHA256 = "a" * 64


@pytest.mark.parametrize("kind", [Origin, Hypervisor])
def test_one_place_is_given(kind: type[Origin] | type[Hypervisor]) -> None:
    kind(distribution="xen-*")
    kind(file="xen.gz", sha256=SHA256)
    with pytest.raises(ValueError, match="give one of distribution, file"):
        kind()
    with pytest.raises(ValueError, match="give one of distribution, file"):
        kind(distribution="xen-*", file="xen.gz", sha256=SHA256)


def test_or_a_package_for_the_hypervisor() -> None:
    Hypervisor(package="usr/pkg/xen.gz")
    for more in ({"distribution": "xen-*"}, {"file": "xen.gz", "sha256": SHA256}):
        with pytest.raises(ValueError, match="give one of distribution, file, package"):
            Hypervisor(package="usr/pkg/xen.gz", **more)


@pytest.mark.parametrize("kind", [Origin, Hypervisor])
def test_a_file_has_a_digest_and_nothing_else_does(kind: type[Origin] | type[Hypervisor]) -> None:
    for sha256 in ("", "a" * 63, "A" * 64 + "x"):
        with pytest.raises(ValueError, match="file needs sha256"):
            kind(file="xen.gz", sha256=sha256)
    with pytest.raises(ValueError, match="sha256 belongs to file"):
        kind(distribution="xen-*", sha256=SHA256)


@pytest.mark.parametrize(
    ("key", "value"), [("distribution", "xen hypervisor"), ("file", "../xen"), ("package", "/xen")]
)
def test_what_is_no_name(key: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{key}: "):
        Hypervisor(**{key: value, **({"sha256": SHA256} if key == "file" else {})})
