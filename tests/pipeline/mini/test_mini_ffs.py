"""The miniature's reader of FFS, compiled for the host: what it finds on images of makefs."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from struct import pack_into, unpack_from

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.readers.format_readers import tool

SYS = Path(__file__).parents[3] / "sets/mini/source/syssrc/usr/src/sys"
SOURCES = ("ufs/ffs/ffs_vfsops.c", "ufs/ffs/ffs_vnops.c", "ufs/ufs/ufs_lookup.c")
PROGRAM = Path(__file__).with_name("ffs_reader.c")
DIRECT_BLOCKS = 12  # more of a file is not read


class Reader:
    """The reader and an image to read."""

    def __init__(self, program: Path, image: Path) -> None:
        self.program, self.image = program, image

    def run(self, *paths: str, image: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.program, image or self.image, *paths], capture_output=True, timeout=60
        )

    def found(self, *paths: str) -> list[tuple[int, bytes] | None]:
        """Mode and content of each path, None where there is nothing."""
        done = self.run(*paths)
        assert (done.returncode, done.stderr) == (0, b"")
        return list(_found(done.stdout))


def _found(output: bytes) -> Iterator[tuple[int, bytes] | None]:
    while output:
        line, _, output = output.partition(b"\n")
        if line == b"none":
            yield None
            continue
        mode, size = line.split()
        yield int(mode, 8), output[: int(size)]
        output = output[int(size) :]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    words = [
        "cc",
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-nostdinc",
        "-ffreestanding",
        "-g",
        "-O1",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        f"-I{SYS}",
        f"-I{SYS}/ufs/ffs",
        "-o",
        str(folder / "reader"),
        str(PROGRAM),
        *(str(SYS / name) for name in SOURCES),
    ]
    subprocess.run(words, check=True)
    return folder / "reader"


def make_tree(folder: Path) -> dict[str, bytes]:
    """Files of all sizes in folders, one of which has more entries than a block holds."""
    chance = random.Random(1)
    sizes = [0, 1, 511, 512, 1024, 1025, 4096, 8191, 8192, 8193, 65536, 90000, 98304, 200_000]
    files = {
        f"f{number}/{size}.bin": chance.randbytes(size) for number in range(8) for size in sizes
    }
    files |= {f"many/{'x' * (number % 90)}{number}": b"%d" % number for number in range(700)}
    files |= {
        "GOLDMASTER": b"",
        "local/server.conf": b"hostname=a.example.net\n",
        "a/b/c/d/e/f": b"deep\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files


@pytest.mark.parametrize(
    ("block", "fragment"), [(4096, 512), (8192, 1024), (16384, 2048), (65536, 8192)]
)
def test_it_reads_what_makefs_wrote(
    program: Path, tmp_path: Path, block: int, fragment: int
) -> None:
    files = make_tree(tmp_path / "tree")
    image = tmp_path / "image"
    tool(
        "makefs",
        "-t",
        "ffs",
        "-B",
        "le",
        "-s",
        "40m",
        "-o",
        f"version=1,bsize={block},fsize={fragment},density=4096",
        image,
        tmp_path / "tree",
    )
    found = Reader(program, image).found(*files)
    limit = DIRECT_BLOCKS * block
    assert found == [(0o100644, content[:limit]) for content in files.values()]


@pytest.fixture(scope="module")
def reader(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("image")
    (folder / "tree/local").mkdir(parents=True)
    (folder / "tree/GOLDMASTER").touch()
    (folder / "tree/local/server.conf").write_text("hostname=a.example.net\n")
    (folder / "tree/link").symlink_to("local/server.conf")
    tool(
        "makefs",
        "-t",
        "ffs",
        "-B",
        "le",
        "-s",
        "1m",
        "-o",
        "version=1",
        folder / "image",
        folder / "tree",
    )
    return Reader(program, folder / "image")


def test_what_is_not_there_is_not_found(reader: Reader) -> None:
    absent = [
        "goldmaster",
        "GOLDMASTE",
        "GOLDMASTERS",
        "local/server",
        "GOLDMASTER/x",
        "link/x",
        "locals/server.conf",
        "x/../GOLDMASTER",
    ]
    assert reader.found(*absent) == [None] * len(absent)
    there = ["/", "GOLDMASTER", "/GOLDMASTER/", "//local//server.conf", "local/../GOLDMASTER"]
    assert None not in reader.found(*there)


def test_what_is_no_file_system_is_refused(reader: Reader, tmp_path: Path) -> None:
    for size, status in ((0, 5), (8192, 5), (1 << 20, 79)):
        (tmp_path / "image").write_bytes(bytes(size))
        assert reader.run("x", image=tmp_path / "image").returncode == status


def test_an_entry_that_leaves_too_little_for_another(reader: Reader, tmp_path: Path) -> None:
    data = bytearray(reader.image.read_bytes())
    block = data.index(b"GOLDMASTER\0") // 512 * 512
    at = 0
    while (size := unpack_from("<H", data, block + at + 4)[0]) < 512 - at:
        at += size
    pack_into("<H", data, block + at + 4, 508 - at)
    (tmp_path / "image").write_bytes(data)
    done = reader.run("nothing", "GOLDMASTER", image=tmp_path / "image")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"none\n100644 0\n")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 60_000), st.integers(0, 255)), min_size=1, max_size=40
    )
)
def test_a_damaged_one_does_no_harm(
    reader: Reader, tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    """Whatever is there: it is read, refused or not found, in time and within bounds."""
    data = bytearray(reader.image.read_bytes())
    for at, value in changes:
        data[8192 + at % (len(data) - 8192)] = value
    (tmp_path / "image").write_bytes(data)
    done = reader.run("GOLDMASTER", "local/server.conf", "nothing", image=tmp_path / "image")
    assert done.returncode in {0, 5, 79}, done.stderr.decode()
    assert done.stderr == b""
