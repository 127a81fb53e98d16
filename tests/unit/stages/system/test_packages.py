"""Staging packages, and a root that applies what they declare."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.readers.trees import TIME
from support.stages.package_bench import BUILD_INFO, EXAMPLE, INSTALL, Staged, archive
from support.stages.stage_bench import Bench

from buildlib.model.errors import GoldmasterError, SourceError


@pytest.fixture
def staged(bench: Bench) -> Staged:
    return Staged(bench)


def refused(staged: Staged, archives: Mapping[str, bytes]) -> GoldmasterError:
    with pytest.raises(GoldmasterError) as caught:
        staged.packages(archives)
    return caught.value


def test_modes_times_and_directories_of_a_packing_list(staged: Staged) -> None:
    lines = (
        "@mode 4555\nbin/a\n@mode u+x,go-rw\nbin/b\n@mode\nshare/c\n"
        "@pkgdir share/empty\n@pkgdir /var/empty/a\n@dirrm share\n"
    )
    tree = staged.packages(
        {"a-1": archive("a-1", lines, {"bin/a": "1", "bin/b": "2", "share/c": "3"})}
    ).by_path
    assert {
        path: (entry.mode, entry.time)
        for path, entry in tree.items()
        if path.startswith("usr/pkg/") and entry.kind == "file" and "pkgdb" not in path
    } == {
        "usr/pkg/bin/a": (0o4555, TIME),
        "usr/pkg/bin/b": (0o700, TIME),
        "usr/pkg/share/c": (0o644, TIME),
    }
    assert tree["usr/pkg/share/empty"].kind == tree["var/empty/a"].kind == "dir"
    assert staged.notes == ["built for another version than 10.1: a-1"]


def test_hard_links_stay_one_file(staged: Staged) -> None:
    """The attributes are those of the last name in the packing list, as on a disk."""
    lines = "@mode 0500\nbin/a\n@mode 0555\nbin/b\n@mode\nbin/c\n"
    data = archive("a-1", lines, {"bin/a": "1", "bin/c": "1"}, links={"bin/b": "bin/a"})
    tree = staged.packages({"a-1": data}).by_path
    first, second, other = (tree[f"usr/pkg/bin/{name}"] for name in "abc")
    assert first.inode == second.inode == "a-1/bin/a"
    assert (first.mode, second.mode, other.inode) == (0o555, 0o555, "")
    assert staged.root().links_of() == {"a-1/bin/a": 2}


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (archive("a-1", "passwd\n", {"passwd": "x"}, cwd="/etc"), "etc/passwd"),
        (archive("a-1", "etc/passwd\n", {"etc/passwd": "x"}, cwd="/"), "etc/passwd"),
        (archive("a-1", "@pkgdir /etc/a\n"), "etc/a"),
        (archive("a-1", "bin/x\n", {"bin/x": "x"}, cwd="/usr/pkgs"), "usr/pkgs/bin/x"),
        (archive("a-1", "x\n", {"x": "x"}, cwd="//usr//./bin"), "usr/bin/x"),
    ],
)
def test_a_package_that_writes_outside_its_prefix(staged: Staged, data: bytes, path: str) -> None:
    error = refused(staged, {"a-1": data})
    assert isinstance(error, SourceError)
    assert (error.reason, error.where) == ("pkg-outside", "a-1")
    assert "outside = [" in (error.hint or "")
    assert f"a-1: /{path}" in (error.why or "")
    assert path in staged.packages({"a-1": data}, outside=(path,)).by_path


def test_a_prefix_that_leads_upwards(staged: Staged) -> None:
    assert refused(staged, {"a-1": archive("a-1", cwd="/usr/pkg/../../etc")}).reason == "plist"


def test_a_package_that_writes_to_the_database(staged: Staged) -> None:
    path = "pkgdb/b-1/+CONTENTS"
    error = refused(staged, {"a-1": archive("a-1", f"{path}\n", {"x": "", path: ""})})
    assert error.reason == "pkg-outside"
    assert error.what == "a-1 installs /usr/pkg/pkgdb/b-1/+CONTENTS"


def test_two_packages_that_do_not_agree(staged: Staged) -> None:
    error = refused(
        staged,
        {"a-1": archive("a-1", "bin/a\n", {"bin/a": ""}), "b-1": archive("b-1", "@pkgdir bin/a\n")},
    )
    assert error.reason == "pkg-conflict"
    assert error.what == "a-1 and b-1 disagree about the type of /usr/pkg/bin/a"
    both = archive("a-1", "@pkgdir share/x\n"), archive("b-1", "@pkgdir share/x\n")
    assert (
        "usr/pkg/share/x" in staged.packages(dict(zip(("a-1", "b-1"), both, strict=True))).by_path
    )


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (
            BUILD_INFO.replace("x86_64", "i386"),
            "built for NetBSD/i386 10.0, wanted NetBSD/x86_64 10.1",
        ),
        (
            BUILD_INFO.replace("10.0", "9.3"),
            "built for NetBSD/x86_64 9.3, wanted NetBSD/x86_64 10.1",
        ),
        (
            BUILD_INFO.replace("NetBSD", "SunOS"),
            "built for SunOS/x86_64 10.0, wanted NetBSD/x86_64 10.1",
        ),
        ("OPSYS=NetBSD\n", "it lacks MACHINE_ARCH, OS_VERSION"),
    ],
)
def test_a_package_for_another_system(staged: Staged, info: str, why: str) -> None:
    error = refused(staged, {"a-1": archive("a-1", info=info)})
    assert (error.reason, error.what) == ("pkg-platform", "a-1 is not for this system")
    assert (error.where, error.why) == ("a-1: +BUILD_INFO", why)
    assert error.hint


def test_what_scripts_do_beyond_is_counted(staged: Staged) -> None:
    archives = {f"{name}-1": archive(f"{name}-1", install="/bin/x\n") for name in "abcd"}
    archives["e-1"] = archive("e-1", install=INSTALL, files={EXAMPLE: ""}, info=BUILD_INFO)
    staged.packages(archives)
    assert staged.notes[-1] == (
        "4 of 5 packages have install-script actions that are not applied "
        "(doit packages-report): a-1, b-1, c-1 and 1 more"
    )
