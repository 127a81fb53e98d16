"""Valid and invalid locks."""

from __future__ import annotations

import pytest

from buildlib.config.lock import Lock, LockedPackage, Pinned
from buildlib.model.errors import ConfigError
from buildlib.model.numbers import MOST
from buildlib.model.schema import load


@pytest.mark.parametrize("epoch", [-1, 1 << 31, 10**5000], ids=["negative", "2038", "endless"])
def test_a_lock_whose_time_no_image_can_have(epoch: int) -> None:
    data = {"lock": 1, "release": "r", "definition": "", "epoch": epoch, "list": None, "files": {}}
    with pytest.raises(ConfigError) as caught:
        load(Lock, data, where="r.lock")
    (problem,) = caught.value.problems
    assert problem.startswith("epoch: the time ")


def test_a_lock_of_another_format() -> None:
    for number in (0, 2):
        with pytest.raises(ValueError, match=f"unknown format {number}"):
            Lock(number, "r", "", 1, None, {})
    Lock(1, "r", "", 0, None, {})


@pytest.mark.parametrize(
    ("sha512", "sha256", "size"),
    [
        ("a" * 127, "", -1),
        ("a" * 129, "", -1),
        ("g" * 128, "", -1),
        ("a" * 128, "a" * 63, -1),
        ("a" * 128, "a" * 65, -1),
        ("a" * 128, "", -2),
        ("a" * 128, "", MOST + 1),
    ],
)
def test_a_pin_that_no_file_has(sha512: str, sha256: str, size: int) -> None:
    with pytest.raises(ValueError, match=r"a digest has|the size is"):
        Pinned(sha512, sha256, size)


def test_pins() -> None:
    """SHA-256 and size are known of files that were read."""
    assert (Pinned("a" * 128).sha256, Pinned("a" * 128).size) == ("", -1)
    for size in (-1, 0, MOST):
        Pinned("a" * 128, "b" * 64, size)


@pytest.mark.parametrize(("pkgname", "file"), [("a/b-1", "a.tgz"), ("a-1", "../a.tgz"), ("", "a")])
def test_a_package_without_a_name(pkgname: str, file: str) -> None:
    LockedPackage("a-1", "x/a", "a-1.tgz", Pinned("a" * 128))
    with pytest.raises(ValueError, match="use only letters"):
        LockedPackage(pkgname, "x/a", file, Pinned("a" * 128))
