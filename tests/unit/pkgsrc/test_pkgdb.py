"""The database of installed packages."""

from __future__ import annotations

import pytest

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.package import Package, read_package
from buildlib.pkgsrc.pkgdb import dependants, owners, register


def package(name: str, *lines: str) -> Package:
    contents = "\n".join([f"@name {name}", "@cwd /usr/pkg", *lines, "@ignore", "+DESC", ""])
    return read_package(
        {"+CONTENTS": contents.encode(), "+COMMENT": b"x\n", "+DESC": b"y\n"}, where=name
    )


def test_register() -> None:
    libx = package("libx-1.0")
    tool = package("tool-2", "@pkgdep libx>=1", "@pkgdep libx-[0-9]*")
    other = package("other-1", "@pkgdep {liby,libx}-[0-9]*", "@pkgdep tool-[0-9]*")
    files = register([libx, tool, other], automatic={"libx-1.0"}, pkgdb="/usr/pkg/pkgdb/")
    assert list(files) == sorted(files)
    assert set(files) == {
        f"/usr/pkg/pkgdb/{name}/{one}"
        for name in ("libx-1.0", "tool-2", "other-1")
        for one in ("+CONTENTS", "+COMMENT", "+DESC")
    } | {
        "/usr/pkg/pkgdb/libx-1.0/+INSTALLED_INFO",
        "/usr/pkg/pkgdb/libx-1.0/+REQUIRED_BY",
        "/usr/pkg/pkgdb/tool-2/+REQUIRED_BY",
    }
    assert files["/usr/pkg/pkgdb/tool-2/+CONTENTS"] == tool.meta["+CONTENTS"]
    assert files["/usr/pkg/pkgdb/libx-1.0/+REQUIRED_BY"] == b"tool-2\nother-1\n"
    assert files["/usr/pkg/pkgdb/tool-2/+REQUIRED_BY"] == b"other-1\n"
    assert files["/usr/pkg/pkgdb/libx-1.0/+INSTALLED_INFO"] == b"automatic=yes\n"


def test_a_circle_is_no_problem() -> None:
    a, b = package("a-1", "@pkgdep b>=0"), package("b-1", "@pkgdep a>=0", "@pkgdep b>=0")
    assert dependants([a, b]) == {"a-1": ("b-1",), "b-1": ("a-1", "b-1")}


@pytest.mark.parametrize(
    ("packages", "reason"),
    [
        ([package("a-1", "@pkgdep b>=0")], "pkg-missing"),
        ([package("a-1", "@pkgdep {b")], "pattern"),
        ([package("a-1"), package("a-2")], "pkg-conflict"),
        ([package("a-1"), package("a-1")], "pkg-conflict"),
    ],
)
def test_errors(packages: list[Package], reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        register(packages)
    assert caught.value.reason == reason


def test_owners() -> None:
    a, b = package("a-1", "bin/a", "share/x"), package("b-1", "bin/b", "share/x")
    assert owners([a]) == {"/usr/pkg/bin/a": "a-1", "/usr/pkg/share/x": "a-1"}
    with pytest.raises(SourceError) as caught:
        owners([a, b])
    assert caught.value.reason == "pkg-conflict"
    assert "/usr/pkg/share/x" in str(caught.value)
