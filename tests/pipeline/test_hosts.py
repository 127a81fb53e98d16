"""Build hosts as they are: mounts, copies of checkouts, folders in the way, odd surroundings."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.scratch import Scratch
from support.machines.namespace import Namespace, NamespaceRefused

MOTD = "recipes/domu/pkgrepo/overlay/etc/motd"


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Namespace]:
    """A namespace whose mounts are its own."""
    try:
        with Namespace(tmp_path) as namespace:
            yield namespace
    except NamespaceRefused:
        pytest.skip("this user may not have a mount namespace here")


def test_a_build_folder_where_no_program_can_be_run(
    bare: Scratch, space: Namespace, tmp_path: Path
) -> None:
    """Told before the first stage, with all else that is wrong."""
    space.tmpfs(tmp_path / "noexec", "noexec,size=50m")
    bare.edit("sets/mini.toml", "headers = []", 'headers = ["no/such/header.h"]')
    before = (*space.wrap, "env", "-C", str(bare.root))
    ran = bare.doit("iso", f"build={tmp_path}/noexec/b", before=before, status=3)
    told = [line for line in ran.err.splitlines() if line.startswith("  - ")]
    assert len(told) == 2
    assert told[0].startswith(f"  - programs cannot be run below {tmp_path}/noexec/b: ")
    assert "build=FOLDER" in told[0]
    assert ran.out == ""


def test_a_folder_that_products_cannot_be_put_into(
    bare: Scratch, space: Namespace, tmp_path: Path
) -> None:
    """Told before the first stage: what is made takes hours."""
    space.tmpfs(tmp_path / "ro", "ro")
    (tmp_path / "file").write_text("mine")
    before = (*space.wrap, "env", "-C", str(bare.root))
    for name, why in (
        ("ro/d/e", "its file system is read-only"),
        ("file/d", f"{tmp_path}/file is not a folder"),
    ):
        ran = bare.doit("iso", f"dist={tmp_path}/{name}", before=before, status=3)
        assert [line for line in ran.err.splitlines() if line.startswith("  - ")] == [
            (
                f"  - iso cannot be written to {tmp_path}/{name}: {why}: choose another folder "
                "with "
                "dist=FOLDER"
            )
        ]
        assert ran.out == ""


def test_products_that_are_there_need_no_folder_that_can_be_written_to(
    scratch: Scratch, space: Namespace
) -> None:
    shutil.rmtree(scratch.path("build"))
    space.run("mount", "--bind", scratch.path("dist"), scratch.path("dist"))
    space.run("mount", "-o", "remount,ro,bind", scratch.path("dist"))
    ran = scratch.doit("iso", before=(*space.wrap, "env", "-C", str(scratch.root)))
    assert "toolchain" in ran.out


def test_root_of_a_namespace_that_has_no_other_user(bare: Scratch) -> None:
    """apt becomes another user for what it downloads, where it runs as root."""
    ran = bare.doit("hypervisor", before=("unshare", "--map-root-user"))
    assert "hypervisor" in ran.out


def test_a_short_run_there_asks_nothing(scratch: Scratch, space: Namespace, tmp_path: Path) -> None:
    """What is compiled is in the store."""
    space.tmpfs(tmp_path / "noexec", "noexec,size=100m")
    space.run("cp", "-a", scratch.path("build"), tmp_path / "noexec/b")
    before = (*space.wrap, "env", "-C", str(scratch.root))
    scratch.append(MOTD, "again\n")
    scratch.doit("iso", f"build={tmp_path}/noexec/b", f"dist={tmp_path}/noexec/d", before=before)


def test_a_copy_never_runs_the_library_of_another(shared: Scratch, tmp_path: Path) -> None:
    """As the program `doit` of a copied virtual environment would: it leads to the first one."""
    copy = shared.sources_only(tmp_path / "copy")
    program = tmp_path / "doit"
    program.write_text(
        f"import sys\nsys.path.insert(0, {str(shared.root)!r})\n"
        "import buildlib.cli.run, buildlib.cli.commands.build\n"
        "from doit.__main__ import main\nmain()\n"
    )
    for words in (("iso",), ("list",), ("plan",), ("gc",)):
        done = subprocess.run(
            ["python3", program, *words],
            cwd=copy.root,
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": _path()},
        )
        assert done.returncode == 3, done.stdout + done.stderr
        assert "ERROR: the library of another checkout is used here" in done.stderr
        assert "make .venv/ready" in done.stderr
    assert not copy.path("dist").exists()


def _path() -> str:
    import sys

    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def test_a_checkout_that_is_read_only(
    scratch: Scratch, template: Scratch, space: Namespace, tmp_path: Path
) -> None:
    """With store and products elsewhere nothing is written to it."""
    shutil.copytree(scratch.path("build"), tmp_path / "b", symlinks=True)
    shutil.rmtree(scratch.path("build"))
    shutil.rmtree(scratch.path("dist"))
    space.run("mount", "--bind", scratch.root, scratch.root)
    space.run("mount", "-o", "remount,ro,bind", scratch.root)
    before = (*space.wrap, "env", "-C", str(scratch.root))
    places = (f"build={tmp_path}/b", f"dist={tmp_path}/d")
    scratch.doit("iso", "domu-images", *places, before=before)
    assert {path.name: path.read_bytes() for path in (tmp_path / "d").iterdir()} == {
        path.name: path.read_bytes() for path in template.path("dist").iterdir()
    }
    for words in (("plan",), ("verify",), ("gc",)):
        scratch.doit(*words, *places, before=before)
    ran = scratch.doit("iso", before=before, status=3)
    assert "read-only file system" in ran.err.lower()
    assert "build=FOLDER" in ran.err
    ran = scratch.doit("lock", *places, before=before, status=3)
    assert "read-only file system" in ran.err.lower()


@pytest.mark.parametrize(
    "name",
    [
        "build/log/root.pkgrepo.log",
        "build/failed/root.pkgrepo",
        "build/log/crash.log",
        "dist/mini-dom0.iso",
    ],
)
def test_a_folder_where_a_file_should_be(scratch: Scratch, name: str) -> None:
    """One line, or it is no hindrance; when it is gone, all is well."""
    path = scratch.path(name)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "file").write_text("mine")
    scratch.append(MOTD, "again\n")
    ran = scratch.doit("iso", status=None) if name.startswith("dist") else (scratch.doit("iso"))
    assert "internal error" not in ran.err
    if ran.status:
        assert str(path) in ran.err
        assert "  do:" in ran.err
        shutil.rmtree(path)
        scratch.doit("iso")


@pytest.mark.parametrize(
    "changes",
    [
        {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
        {"HOME": "", "TMPDIR": "relative"},
        {"HOME": "/dev/null", "TMPDIR": "/dev/null", "PATH": "/nonexistent"},
    ],
    ids=["missing", "odd", "files"],
)
def test_no_home_and_no_place_for_scratch_files(scratch: Scratch, changes: dict[str, str]) -> None:
    scratch.append(MOTD, "again\n")
    assert "root:pkgrepo" in scratch.build("iso", environment=changes).built


def test_called_in_a_folder_of_the_checkout(shared: Scratch) -> None:
    ran = subprocess.run(
        shared.argv("iso"), cwd=shared.path("recipes"), capture_output=True, text=True
    )
    assert ran.returncode == 3
    assert ran.stderr.startswith("ERROR: Could not find dodo file ")
    assert "Traceback" not in ran.stderr


def test_a_clone_that_turns_line_ends_is_the_same(tmp_path: Path) -> None:
    """core.autocrlf, as git for Windows sets it."""
    source = Path(__file__).parents[2]
    first, again = tmp_path / "first", tmp_path / "again"
    first.mkdir()
    for name in (".gitattributes", "dodo.py", "Makefile"):
        shutil.copy(source / name, first)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q", "."], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], cwd=first, check=True)
    subprocess.run(["git", "-c", "core.autocrlf=true", "clone", "-q", first, again], check=True)
    for name in (".gitattributes", "dodo.py", "Makefile"):
        assert (again / name).read_bytes() == (first / name).read_bytes()
        assert b"\r" not in (again / name).read_bytes()
