"""What pycdlib lacks for our discs, which is why `formats/iso9660/layout.py` writes them itself.

Each test holds one lack down. One that fails tells of a newer pycdlib that may do: when all of them
do, the writer has no reason left but speed.
"""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycdlib
import pytest
from support.readers import iso_readers

DAY = 86_400


def disc(rock_ridge: str = "1.10") -> Any:
    made = pycdlib.PyCdlib()
    made.new(rock_ridge=rock_ridge)
    return made


def add(made: Any, name: str, content: bytes = b"x") -> None:
    made.add_fp(
        io.BytesIO(content),
        len(content),
        iso_path=f"/{name.upper()}.;1",
        rr_name=name,
        file_mode=0o100644,
    )


@contextlib.contextmanager
def written(made: Any, path: Path) -> Iterator[Any]:
    """The disc as a reader sees it."""
    made.write(str(path))
    made.close()
    again = pycdlib.PyCdlib()
    again.open(str(path))
    try:
        yield again
    finally:
        again.close()


def parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


def test_it_takes_no_owner() -> None:
    known = set().union(
        *map(
            parameters,
            (pycdlib.PyCdlib.add_fp, pycdlib.PyCdlib.add_directory, pycdlib.PyCdlib.add_symlink),
        )
    )
    assert not [
        name
        for name in known
        if any(word in name for word in ("uid", "gid", "owner", "group", "user"))
    ]


def test_its_volumes_are_of_the_moment_they_are_written(tmp_path: Path) -> None:
    """So are the records: a given time only goes into Rock Ridge's fields."""
    assert not [
        name
        for name in parameters(pycdlib.PyCdlib.new)
        if "time" in name or ("date" in name and "expire" not in name)
    ]
    made = disc()
    made.add_fp(
        io.BytesIO(b"x"), 1, iso_path="/A.;1", rr_name="a", file_mode=0o100644, creation_time=DAY
    )
    with written(made, tmp_path / "disc") as again:
        assert again.get_record(rr_path="/a").date.years_since_1900 != 70
        assert again.pvd.volume_creation_date.year >= 2025
        assert again.pvd.root_directory_record().date.years_since_1900 >= 125


def test_it_makes_no_device_nodes() -> None:
    assert not [
        name
        for name in dir(pycdlib.PyCdlib)
        if name.startswith("add_") and ("dev" in name or "node" in name)
    ]
    assert not any("dev" in name for name in parameters(pycdlib.PyCdlib.add_fp))


def test_it_makes_no_hard_links_that_readers_see(tmp_path: Path) -> None:
    """Two names of one extent: each claims to be the only one."""
    made = disc()
    add(made, "a")
    made.add_hard_link(iso_old_path="/A.;1", iso_new_path="/B.;1", rr_name="b")
    with written(made, tmp_path / "disc"):
        pass
    found = iso_readers.pycdlib_records(tmp_path / "disc")
    assert [found[name].links for name in ("a", "b")] != [2, 2]


def test_it_marks_no_boot_image_for_a_disk_but_isolinux_s() -> None:
    made = disc()
    add(made, "core", bytes(4096))
    made.add_eltorito(
        "/CORE.;1", bootcatfile="/BOOT.CAT;1", rr_bootcatname="boot.cat", boot_load_size=4
    )
    with pytest.raises(pycdlib.pycdlibexception.PyCdlibInvalidInput, match="hybrid"):
        made.add_isohybrid()
    made.close()


def test_a_name_given_twice_is_taken_for_the_rest_of_the_first() -> None:
    made = disc()
    add(made, "a", b"first")
    try:
        add(made, "a", b"second")
    except pycdlib.pycdlibexception.PyCdlibInvalidInput:
        pytest.fail("pycdlib refuses it now")
    made.close()


def test_a_source_that_shrinks_is_filled_up_with_zeros(tmp_path: Path) -> None:
    source = io.BytesIO(b"four")
    made = disc()
    made.add_fp(source, 4, iso_path="/A.;1", rr_name="a", file_mode=0o100644)
    source.truncate(2)
    content = io.BytesIO()
    with written(made, tmp_path / "disc") as again:
        again.get_file_from_iso_fp(content, rr_path="/a")
    assert content.getvalue() == b"fo\0\0"
