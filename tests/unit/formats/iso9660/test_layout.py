"""ISO 9660 images: four independent readers find what the tree says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from struct import unpack_from

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from support.readers import format_readers, iso_readers
from support.readers.trees import (
    TIME,
    Contents,
    block,
    char,
    fifo,
    file,
    folder,
    link,
    trees,
)
from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef
from buildlib.formats.iso9660.layout import SECTOR, IsoLayout
from buildlib.formats.iso9660.volume_descriptor import Labels
from buildlib.model.mtree import format_tree
from buildlib.model.tree import ROOT, Entry, Tree, tree_of
from buildlib.stages.images.iso import Iso

BIOS = OutputRef("grub:bios", "image")
LABELS = Labels("VOLUME")
# d-characters; a file has a (possibly empty) extension and a version (ECMA-119, 7.5 and 7.6)
PLAIN = re.compile(r"(/[A-Z0-9_]{1,31})+(\.[A-Z0-9_]{0,3};1)?")


def press(bench: Bench, contents: Contents, *, packs: int = 1) -> tuple[Path, Tree]:
    """An image of the tree, and the tree read from its spec."""
    stage = Iso(tree=TREE, images={"bios": BIOS}, volume="V", application="", time=TIME)
    outputs = bench.run_stage(
        stage, {TREE: bench.stored(contents, packs=packs), BIOS: b"boot image" * 20}
    )
    return bench.path(outputs["iso"]), bench.tree(outputs["spec"])


def check(bench: Bench, contents: Contents) -> tuple[Path, Tree]:
    """Build the image and read it with every reader."""
    iso, tree = press(bench, contents)
    found = {
        name: format_readers.differences(tree, judge(iso))
        for name, judge in iso_readers.ISO_JUDGES.items()
    }
    assert found == {name: [] for name in found}
    assert format_readers.grub_differences(iso, tree) == []
    assert [path for path in iso_readers.isoinfo_plain(iso) if not PLAIN.fullmatch(path)] == []
    assert format_readers.spec_differences(format_tree(tree), iso_readers.bsdtar_spec(iso)) == []
    contents_found, groups = iso_readers.bsdtar_contents(iso)
    own = {entry.path: data for entry, data in contents.items() if entry.kind == "file"}
    assert {path: contents_found[path] for path in own} == own
    assert groups == hard_links(tree)
    return iso, tree


def hard_links(tree: Tree) -> set[frozenset[str]]:
    """Hard links. libarchive identifies a file by its place, so it must have content."""
    groups: dict[str, set[str]] = {}
    for entry in tree:
        if entry.inode and entry.size:
            groups.setdefault(entry.inode, set()).add(entry.path)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


# what readers find


@pytest.mark.programs
def test_every_kind_of_entry(shared_bench: Bench) -> None:
    iso, tree = check(
        shared_bench,
        {
            **folder(".", 0o755, time=TIME + 5),
            **folder("tmp", 0o1777),
            **folder("boot", 0o700, uid=3, time=1),
            **folder("empty"),
            **file("bin/su", b"su!" * 10, 0o4555, gid=1),
            **file("bin/mail", b"", 0o2755, gid=6),
            **file("usr/a", b"one", inode="x"),
            **file("usr/b", b"one", inode="x"),
            **file("usr/lib/c", b"one", inode="x"),
            **file("usr/same", b"one"),
            **file("none1"),
            **file("none2"),
            **file("twin1", inode="y"),
            **file("twin2", inode="y"),
            **link("relative", "bin/su"),
            **link("absolute", "/usr/a"),
            **link("root", "/"),
            **link("up", "../.././bin"),
            **link("loop", "loop"),
            **char("dev/null", 2, 2, 0o666),
            **block("dev/xbd0a", 142, 0),
            **char("dev/large", 4095, (1 << 20) - 1),
            **block("dev/zero", 0, 0),
            **fifo("run/fifo"),
            **file("owner", uid=70000, gid=(1 << 32) - 1),
        },
    )
    assert len(tree.by_path["usr/a"].sha256) == 64
    for path, data in {"bin/su": b"su!" * 10, "usr/lib/c": b"one", "relative": b"su!" * 10}.items():
        assert format_readers.grub_reads(iso, Entry(path, "file", 0)) == data


@pytest.mark.programs
def test_links_of_any_length(shared_bench: Bench) -> None:
    """A field for a link's target has room for 250 bytes; NetBSD allows 1,023 in total."""
    targets = [
        "/".join(["abcdefghi"] * 60),
        "z" * 255,
        "/" + "q" * 251 + "/" + "r" * 600 + "/..",
        "/".join([".."] * 300),
        "/".join("abc" * 110),
        "/" + "/".join(["."] * 400),
    ]
    targets += ["/" + "x" * size + "/y" for size in range(240, 256)]
    targets += ["x" * size + "/../y/z" for size in range(240, 256)]
    targets += ["a/" * 80 + "b" * size + "/c" for size in range(1, 12)]
    links: Contents = {}
    for number, target in enumerate(targets):
        links |= link(f"link{number}", target)
    check(shared_bench, links)


@pytest.mark.programs
def test_a_target_is_written_in_its_plain_form(shared_bench: Bench) -> None:
    _, tree = check(shared_bench, {**link("a", "b//c/"), **link("d", "//"), **link("e", "//f/./")})
    assert {path: tree.by_path[path].link for path in "ade"} == {"a": "b/c", "d": "/", "e": "/f/."}


@pytest.mark.programs
def test_names_of_any_form(shared_bench: Bench) -> None:
    names = ["n" * size for size in (1, 27, 28, 31, 150, 185, 186, 187, 188, 250, 251, 254, 255)]
    names += [
        "UPPER",
        "upper",
        "Upper.TXT",
        "upper.txt",
        "a.b.c",
        "a_b.c",
        ".profile",
        "...",
        "Größe-日本",
        "raw\udcff\udc80\udcfe",
        "sp ace",
        "semi;1",
        "quote'",
        '"',
        "back\\",
        "#",
        "-",
        "=",
        "tab\tbell\x07del\x7f",
        "é" * 127,
    ]
    names += ["twin" * 8 + ".1", "twin" * 8 + ".2"]
    contents: Contents = {}
    for number, name in enumerate(names):
        contents |= file(f"names/{name}", b"%d" % number) | file(f"{name}/f", b"x%d" % number)
    iso, tree = check(shared_bench, contents)
    plain = iso_readers.isoinfo_plain(iso)
    assert len(set(plain)) == len(plain) == len(tree) - 1
    for number, name in enumerate(names):
        assert format_readers.grub_reads(iso, Entry(f"names/{name}", "file", 0)) == b"%d" % number


@pytest.mark.programs
def test_a_name_with_a_line_end(shared_bench: Bench) -> None:
    iso, tree = press(shared_bench, {**file("line\nend", b"1"), **link("l\r\n", "a\nb")})
    assert format_readers.differences(tree, iso_readers.bsdtar(iso)) == []
    assert format_readers.differences(tree, iso_readers.pycdlib_records(iso)) == []


def test_many_twins_get_names_of_their_own(shared_bench: Bench) -> None:
    """Names that share their first 27 letters; takes linear time."""
    tree = tree_of(entry for number in range(5_000) for entry in file(f"a/{'x' * 30}{number}.html"))
    image = IsoLayout(tree, labels=LABELS, time=TIME)
    identifiers = [node.identifier for node in image.nodes["a"].children]
    assert len(set(identifiers)) == 5_000
    assert max(map(len, identifiers)) <= 33
    assert identifiers == sorted(
        identifiers, key=lambda name: (name.split(b".")[0].ljust(31), name.split(b".")[1])
    )


@pytest.mark.parametrize("count", range(1, 40))
def test_records_that_fill_a_sector_exactly(count: int) -> None:
    """The size of a folder is that of its records, wherever the last one ends."""
    tree = tree_of(entry for number in range(count) for entry in file(f"{number:02}", b"x"))
    image = IsoLayout(tree, labels=LABELS, time=TIME)
    for sector, data in image.render()[4:5]:
        assert image.nodes[ROOT].sector == sector
        assert image.nodes[ROOT].size == len(data)
        assert len(list(records(data))) == count + 2


def records(data: bytes) -> list[tuple[int, int]]:
    """(offset, length) of every record, by the rules of ECMA-119, 6.8.1.1."""
    found, at = [], 0
    while at < len(data):
        length = data[at]
        if length == 0:
            at += -at % SECTOR or SECTOR
            continue
        assert at // SECTOR == (at + length - 1) // SECTOR, "a record crosses a sector"
        found.append((at, length))
        at += length
    return found


@pytest.mark.programs
def test_sectors_filled_to_the_last_byte(shared_bench: Bench) -> None:
    contents: Contents = {}
    for size in range(1, 60):  # every fill of the first sector, some of them exact
        for number in range(19):
            contents |= file(f"{size}/{'n' * size}{number:02}", b"x")
    check(shared_bench, contents)
    image = IsoLayout(tree_of(contents), labels=LABELS, time=TIME)
    ends = {
        (at + length) % SECTOR
        for sector, data in image.render()
        if data[:1] != b"\1"
        for at, length in (records(data) if sector > 20 and data[32:34] == b"\1\0" else [])
    }
    assert 0 in ends, "no folder fills a sector exactly; change the names"


@pytest.mark.programs
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(trees())
def test_any_tree(shared_bench: Bench, contents: Contents) -> None:
    iso, tree = check(shared_bench, contents)
    plain = iso_readers.isoinfo_plain(iso)
    assert len(set(plain)) == len(plain) == len(tree) - 1
    nonempty = [entry for entry in contents if entry.kind == "file" and entry.size]
    for entry in nonempty:
        assert format_readers.grub_reads(iso, entry) == contents[entry]


@pytest.mark.programs
def test_limits_are_reached_before_they_are_refused(shared_bench: Bench) -> None:
    size = (1 << 32) - 1
    tree = tree_of(
        [
            Entry("big", "file", 0o644, size=size, sha256="0" * 64),
            Entry("next", "file", 0o644, size=1, sha256="1" * 64),
        ]
    )
    image = IsoLayout(tree, labels=LABELS, time=TIME)
    assert image.sector_of("next") == image.sector_of("big") + (1 << 21)
    first, last = (
        Entry(name, "fifo", 0o644, time=time)
        for name, time in (("first", -2208988800), ("last", 5869583999))
    )
    check(
        shared_bench,
        {
            first: b"",
            last: b"",
            **file("link" + "x" * 251, b"1"),
            **link("l", "x" * 1023),
            **link("l" * 255, "a/" * 511 + "a"),
        },
    )


def test_path_tables_agree_with_the_folders() -> None:
    contents: Contents = {}
    for number in range(300):
        contents |= folder(f"{number % 17}/{number % 5}/{number}")
    image = IsoLayout(tree_of(contents), labels=LABELS, time=TIME)
    parts = dict(image.render())
    size, _, little, _, big = unpack_from("<LLLLL", parts[16], 132)
    big = unpack_from(">L", parts[16], 148)[0]
    rows = list(path_table(parts[little], "<"))
    assert rows == list(path_table(parts[big], ">"))
    assert len(parts[little]) == size
    by_sector = {node.sector: node for node in image.nodes.values() if node.entry.kind == "dir"}
    keys = []
    for name, sector, above in rows:
        node = by_sector[sector]
        assert name == (node.identifier or b"\0")
        assert rows[above - 1][1] == (node.parent or node).sector
        keys.append((len(node.entry.path.split("/")) if node.parent else 0, above, name.ljust(31)))
    assert keys == sorted(keys)


def path_table(data: bytes, order: str) -> list[tuple[bytes, int, int]]:
    rows, at = [], 0
    while at < len(data):
        length, extra, sector, above = unpack_from(f"{order}BBLH", data, at)
        assert extra == 0
        rows.append((data[at + 8 : at + 8 + length], sector, above))
        at += 8 + length + length % 2
    return rows


# the same bytes everywhere


def sample() -> Contents:
    contents = {**folder("tmp", 0o1777), **link("l", "x" * 300), **char("dev/null", 2, 2)}
    for number in range(200):
        contents |= file(f"{number % 10}/{number}", b"%d" % (number % 50) * number)
    return {**contents, **file("a", b"hard", inode="i"), **file("b", b"hard", inode="i")}


def test_layout_depends_on_the_tree_alone(bench: Bench) -> None:
    contents = sample()
    images = {press(bench, contents, packs=packs)[0] for packs in (1, 2, 7)}
    backwards = dict(reversed(contents.items()))
    images.add(press(bench, backwards, packs=3)[0])
    assert len(images) == 1, "an image is named by its digest"


_PRESS = """
import sys
from pathlib import Path
from support.stages.stage_bench import Bench
import test_layout
bench = Bench(Path(sys.argv[1]))
print(test_layout.press(bench, test_layout.sample())[0].name)
"""


def surroundings() -> list[tuple[list[str], Mapping[str, str], int]]:
    return [
        (["faketime", "2001-02-03 04:05:06"], {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1"}, 0o077),
        (
            ["faketime", "2031-08-09 23:59:59"],
            {
                "TZ": "America/Caracas",
                "PYTHONHASHSEED": "2",
                "LC_ALL": "C",
                "SOURCE_DATE_EPOCH": "9",
            },
            0o000,
        ),
    ]


@pytest.mark.programs
def test_the_same_bytes_in_any_surroundings(bench: Bench, tmp_path: Path) -> None:
    images = {press(bench, sample())[0].name}
    tests = Path(__file__).parents[3]
    for number, (prefix, environment, umask) in enumerate(surroundings()):
        cwd = tmp_path / f"elsewhere {number}"
        cwd.mkdir()
        done = subprocess.run(
            [*prefix, sys.executable, "-c", _PRESS, str(cwd / "build")],
            cwd=cwd,
            umask=umask,
            capture_output=True,
            text=True,
            env={
                "PATH": os.environ["PATH"],
                **environment,
                "PYTHONPATH": f"{tests}:{Path(__file__).parent}:{tests.parent}",
            },
        )
        assert done.returncode == 0, done.stderr
        images.add(done.stdout.strip())
    assert len(images) == 1
