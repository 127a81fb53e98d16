"""Packages that are damaged, truncated, compressed in any way, or in conflict."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.archives import member
from support.readers.strategies import few
from support.stages.hostile_packages import DATABASE, META, Stager, check, check_error, tar_of

from buildlib.model.errors import GoldmasterError
from buildlib.pkgsrc.writer import make_package
from buildlib.sources.archive.pack import gzip_stored
from buildlib.testing.repositories import Shape, archive, package_sources


@pytest.fixture(scope="module")
def stager(tmp_path_factory: pytest.TempPathFactory) -> Stager:
    return Stager(tmp_path_factory.mktemp("staged"))


A = member(b"bin/a", b"A")
(SOURCE,) = package_sources(Shape(packages=1, files=6, size=9000, older=0))
WHOLE = b"".join(archive(make_package(SOURCE)[0]))
PACKED: dict[str, bytes] = {
    "none": WHOLE,
    "gzip": gzip.compress(WHOLE, mtime=0),
    "bzip2": bz2.compress(WHOLE),
    "xz": lzma.compress(WHOLE),
    "stored": b"".join(gzip_stored([WHOLE])),
}


@pytest.mark.parametrize("form", PACKED)
def test_every_compression(stager: Stager, form: str) -> None:
    tree, content = stager.stage({SOURCE.pkgname: PACKED[form]})
    check(tree, content)
    for file in SOURCE.files:
        assert file.symlink or content(f"usr/pkg/{file.path}") == file.content


@pytest.mark.parametrize("form", PACKED)
@few
@given(data=st.data())
def test_cut_short(stager: Stager, form: str, data: st.DataObject) -> None:
    whole = PACKED[form]
    end = len(whole) - (1024 if form == "none" else 0)  # two empty blocks: one is enough
    cut = data.draw(st.integers(0, end - 1) | st.sampled_from([0, 1, end - 1]))
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({SOURCE.pkgname: whole[:cut]})
    assert caught.value.reason == "damaged"


@pytest.mark.parametrize("form", PACKED)
@few
@given(data=st.data())
def test_damaged(stager: Stager, form: str, data: st.DataObject) -> None:
    """Any damage gives an error or a tree with all files in their places."""
    broken = bytearray(PACKED[form])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(broken) - 1))
        kind = data.draw(st.sampled_from(["flip", "drop", "add", "swap"]))
        if kind == "flip":
            broken[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "drop":
            del broken[at : at + data.draw(st.integers(1, 600))]
            broken = broken or bytearray(b"x")
        elif kind == "add":
            broken[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            broken[at : at + 512] = broken[:512]
    try:
        tree, content = stager.stage({SOURCE.pkgname: bytes(broken)})
    except GoldmasterError as error:
        check_error(error)
    else:
        check(tree, content)


def test_packages_that_need_each_other(stager: Stager) -> None:
    """Packages that depend on each other and on themselves are all installed and recorded."""
    archives = {}
    for base, needs in (("a", "b"), ("b", "c"), ("c", "a")):
        contents = f"@name {base}-1.0\n@cwd /usr/pkg\n@pkgdep {needs}>=1\n@pkgdep c-[0-9]*\n"
        archives[f"{base}-1.0"] = tar_of(META | {"+CONTENTS": contents.encode()})
    tree, content = stager.stage(archives)
    check(tree, content)
    required = {base: content(f"{DATABASE}/{base}-1.0/+REQUIRED_BY") for base in "abc"}
    assert required == {"a": b"c-1.0\n", "b": b"a-1.0\n", "c": b"c-1.0\nb-1.0\na-1.0\n"}


def test_unknown_compression(stager: Stager) -> None:
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": b"\x28\xb5\x2f\xfd" + bytes(100)})
    assert caught.value.reason == "compression"


@pytest.mark.parametrize(
    ("info", "text"),
    [
        (b"OPSYS=NetBSD\nOS_VERSION=10.1\nMACHINE_ARCH=aarch64\n", "aarch64"),
        (b"OPSYS=SunOS\nOS_VERSION=10.1\nMACHINE_ARCH=x86_64\n", "SunOS"),
        (b"", "lacks OPSYS"),
    ],
)
def test_another_platform(stager: Stager, info: bytes, text: str) -> None:
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of(META | {"+BUILD_INFO": info}, A)})
    assert caught.value.reason == "pkg-platform"
    assert text in str(caught.value)


@few
@given(st.permutations(["a", "b", "c"]), st.booleans())
def test_two_packages_with_one_file(stager: Stager, bases: list[str], is_folder: bool) -> None:
    """Both are named, in either order; also for a file where another has a folder."""
    archives = {}
    for base in bases:
        lines = f"@name {base}-1.0\n@cwd /usr/pkg\nbin/{base}\n"
        members = [member(f"bin/{base}".encode(), base.encode())]
        if base != "c":
            path = "share/x/y" if is_folder and base == "b" else "share/x"
            lines += f"{path}\n"
            members.append(member(path.encode(), base.encode()))
        archives[f"{base}-1.0"] = tar_of(META | {"+CONTENTS": lines.encode()}, *members)
    with pytest.raises(GoldmasterError) as caught:
        stager.stage(archives)
    assert caught.value.reason in {"pkg-conflict", "not-a-folder"}
    assert "a-1.0" in str(caught.value)
    assert "b-1.0" in str(caught.value)
