"""Files read because of a kernel configuration: part of its key, of the sources, or rejected."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.spending import spent

from buildlib.config.kernel_config import LARGEST, placed
from buildlib.config.reading.kernel_files import pieces
from buildlib.config.reading.places import Places
from buildlib.host.reading import MOST
from buildlib.model.errors import ConfigError
from buildlib.store.stat_cache import StatCache


class Checkout:
    """A folder of kernel configurations, and the places in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project/kernel-configs"
        self.shipped = folder / "shipped/kernel-configs"
        for place in (self.folder, self.shipped):
            place.mkdir(parents=True)
        self.places = Places(
            self.folder.parent, StatCache(folder / "seen"), lambda: self.shipped.parent
        )

    def looked(self) -> set[str]:
        return {Path(path).relative_to(self.folder).as_posix() for path in self.places.seen.looked}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def pieces(self, text: str) -> list[str]:
        self.write("KERNEL", f"{text}\n")
        return [place.name for place in pieces("KERNEL", self.places)]

    def refused(self, text: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.pieces(text)
        assert caught.value.reason == "kernel-config-path"
        assert caught.value.hint
        return caught.value


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


GOOD = {
    "the release's own": 'include "arch/amd64/conf/XEN3_DOM0"',
    "elsewhere in the sources": 'include "../common/conf/files.x"',
    "without quotes": "include arch/amd64/conf/XEN3_DOM0",
    "a comment": '# include "/etc/passwd"',
    "a comment behind": 'include "conf/std"  # include "/etc/passwd"',
    "a text": 'options X="include /etc/passwd"',
    "a path of the running system": 'options INIT="/sbin/init"',
    "flags": 'makeoptions COPTS="-O2 -fno-omit-frame-pointer", DEBUG="-g"',
    "flags that name sources": 'makeoptions COPTS="-I$S/../common/include -I${S}/lib"',
    "flags that read nothing": 'makeoptions COPTS="-fmacro-prefix-map=/a=/b -DROOT=/dev"',
    "none any more": "no makeoptions DEBUG",
    "a picture of the sources": 'makeoptions SPLASH="arch/x86/splash/a.png"',
    "below a prefix": 'prefix ../external/bsd\ninclude "../gpl2/files"\nprefix',
    "machines": "machine amd64 x86",
    "a piece's name below a prefix": 'prefix dev\ninclude "PIECE"\nprefix',
    "a piece's name as a source": 'file "PIECE"',
    "a piece's name as a package": 'package "PIECE"',
}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_to_say(checkout: Checkout, name: str) -> None:
    checkout.write("PIECE", "# included only by its name beside the configuration\n")
    assert checkout.pieces(GOOD[name] + "\n") == []


ABROAD: dict[str, tuple[str, int]] = {
    "a path": ('include "/abs/extra.conf"', 1),
    "a path without quotes": ("include /abs/extra.conf", 1),
    "a path, if it is there": ('cinclude "/abs/extra.conf"', 1),
    "a path on the next line": ('cinclude\n\t"/abs/extra.conf"', 2),
    "two folders up": ('include "../../extra.conf"', 1),
    "up and down": ('include "arch/../../../extra.conf"', 1),
    "through its own folder": ('include "./../extra.conf"', 1),
    "a package": ('package "../../../files.x"', 1),
    "a prefix": ('prefix "/abs"', 1),
    "a prefix that leads up": ("prefix ../..", 1),
    "up from a prefix": ('prefix ../external\ninclude "../../x"', 2),
    "back from a prefix": ('prefix dev/a\nprefix\ninclude "../../x"', 3),
    "a source file": ('file "/abs/x.c"', 1),
    "an object": ('object "../../x.o"', 1),
    "other sources": ('source "/abs"', 1),
    "a machine that is a path": ("machine ../../../tmp", 1),
    "behind a condition": ('ifdef foo\ninclude "/abs/x"\nendif', 2),
    "behind another word": ('options X include "/abs/x"', 1),
    "a backslash": ('include "a\\"/../../../b"', 1),
    "a header": ('makeoptions COPTS="-O2 -include /abs/x.h"', 1),
    "headers": ('makeoptions COPTS="-I/abs"', 1),
    "headers up": ('makeoptions COPTS="-I../../../../../x"', 1),
    "headers up from the sources": ('makeoptions COPTS="-I$S/../../../x"', 1),
    "headers up from a variable": ('makeoptions COPTS="-I${TOOLDIR}/../../x"', 1),
    "words in a file": ('makeoptions COPTS="@/abs/words"', 1),
    "for the assembler": ('makeoptions AFLAGS="-Wa,-I/abs"', 1),
    "a plug-in": ('makeoptions COPTS="-fplugin=/abs/x.so"', 1),
    "another root": ('makeoptions COPTS="--sysroot=/abs"', 1),
    "more flags": ('appendmakeoptions COPTS="-I/abs"', 1),
    "a command": ('makeoptions X="${:!cat x!}"', 1),
    "a command behind a variable": ('makeoptions X="${a${b:sh}"', 1),
    "the folder above": ('makeoptions X="${.CURDIR:H:H}/x"', 1),
    "a variable that is not closed": ('makeoptions X="${S/conf"', 1),
    "a prefix without end": ("prefix a\n" * 3000 + 'include "x"', 2048),
}


@pytest.mark.parametrize("name", ABROAD)
def test_what_leads_abroad_is_refused_with_its_line(checkout: Checkout, name: str) -> None:
    text, line = ABROAD[name]
    error = checkout.refused(f"# first\n{text}\n")
    assert error.where == f"kernel-configs/KERNEL:{line + 1}"
    assert str(error.why).startswith(f"kernel-configs/KERNEL:{line + 1}: ")


def test_all_that_is_wrong_is_told_at_once(checkout: Checkout) -> None:
    checkout.write("piece", '\ninclude "/c"\n')
    error = checkout.refused('include "/a"\ninclude "piece"\ncinclude "../../b"\n')
    assert [line.partition(": ")[0] for line in str(error.why).splitlines()] == [
        "kernel-configs/KERNEL:1",
        "kernel-configs/KERNEL:3",
        "kernel-configs/piece:2",
    ]


def test_pieces_are_found_with_what_they_include(checkout: Checkout) -> None:
    checkout.write("one", 'include "shared/two"\ninclude "shared/three"\n')
    checkout.write("shared/two", 'include "./three"\n')
    checkout.write("shared/three", 'include "conf/std"\n')
    checkout.write("unused", "")
    text = 'include "one"\ncinclude "./absent"\ncinclude one\ninclude "arch/x"\n'
    assert checkout.pieces(text) == [
        "kernel-configs/one",
        "kernel-configs/shared/three",
        "kernel-configs/shared/two",
    ]
    # a file that comes to be there would be one: the next run must look
    assert {"absent", "arch/x", "conf/std"} <= checkout.looked()


@pytest.mark.parametrize("name", ["a folder", "a name too long", "a file below a file"])
def test_what_can_be_no_piece(checkout: Checkout, name: str) -> None:
    checkout.write("folder/x", "")
    wanted = {
        "a folder": "folder",
        "a name too long": "n" * 300,
        "a file below a file": "folder/x/y",
    }[name]
    assert checkout.pieces(f'include "{wanted}"\n') == []


@pytest.mark.programs
@pytest.mark.parametrize(
    ("begin", "again"),
    [
        *(('makeoptions X="', again) for again in ("${", "$(a:", "${a}:", "$S/../", "a=", "x,")),
        ("", "prefix a\n"),
        ("", 'include "one"\n'),
        ("", '"\n'),
        ("", "cinclude include "),
    ],
)
def test_what_a_long_configuration_costs(checkout: Checkout, begin: str, again: str) -> None:
    """A twentieth of the longest one: time that grew with the square of it would be seen."""
    checkout.write("one", "")
    text = begin + again * (50_000 // len(again))

    def read() -> None:
        placed(text.encode(), "", {"one": "../c/one"})
        checkout.pieces(text)

    found = spent(read)
    assert found.seconds < 4
    assert found.megabytes < 50
    assert len(found.refused) < 20_000


def test_a_configuration_that_is_too_long(checkout: Checkout) -> None:
    with pytest.raises(ConfigError, match="KERNEL cannot be read") as caught:
        checkout.pieces("#" * LARGEST)
    assert f"larger than {LARGEST} bytes" in str(caught.value.why)


def test_a_piece_that_cannot_be_read(checkout: Checkout) -> None:
    os.truncate(checkout.write("endless", ""), MOST + 1)
    with pytest.raises(ConfigError, match="endless cannot be read"):
        checkout.pieces('include "endless"\n')


FAULTS = {
    "a byte order mark": (
        "\ufeffoptions A\n",
        "1: begins with a byte order mark; save it as UTF-8 without one",
    ),
    "line ends of Windows": (
        "# x\r\noptions A\r\noptions B\r\n",
        "2: the line ends in CR LF, as on Windows; save it with Unix line ends",
    ),
    "a NUL": ("\noptions A\0\n", "2: contains a NUL"),
    "an open quote": ('\noptions A="x\\"\noptions B\n', '2: " is not closed'),
    "a last line without an end": (
        'options A\ninclude "x"',
        "2: the last line is incomplete; end it with a line feed",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("file", ["KERNEL", "piece"])
def test_what_editors_leave(checkout: Checkout, name: str, file: str) -> None:
    text, why = FAULTS[name]
    checkout.write("KERNEL", 'include "piece"\n')
    (checkout.folder / file).write_bytes(text.encode())
    with pytest.raises(ConfigError, match="does not accept") as caught:
        pieces("KERNEL", checkout.places)
    assert caught.value.why == f"kernel-configs/{file}:{why}"
    assert caught.value.where == f"kernel-configs/{file}:{why.partition(':')[0]}"


def test_what_is_no_fault(checkout: Checkout) -> None:
    """A comment may hold anything, and be in any encoding."""
    checkout.write("KERNEL", "").write_bytes(b'options A="\\"x\\"" # it\'s "open\r\n# \xe9\n')
    assert pieces("KERNEL", checkout.places) == ()


def test_a_piece_that_includes_itself(checkout: Checkout) -> None:
    checkout.write("a", 'include "b"\n')
    checkout.write("b", 'options B\ncinclude "./a"\n')
    with pytest.raises(ConfigError) as caught:
        checkout.pieces('include "a"')
    assert caught.value.why == "\n".join(f"kernel-configs/{x}: includes itself" for x in "ab")
    with pytest.raises(ConfigError, match="does not accept"):
        checkout.pieces('include "KERNEL"')


def test_pieces_are_named_where_they_lie() -> None:
    text = b'a\ninclude\t"one" # "one"\ncinclude two\ninclude "conf/std"\noptions X="one"\n'
    assert placed(text, "", {"one": "../c/one", "two": "../c/two"}) == (
        b'a\ninclude\t"../c/one" # "one"\ncinclude "../c/two"\ninclude "conf/std"\n'
        b'options X="one"\n'
    )
    assert placed(b'include "./x"', "sub/y", {"sub/x": "../c/sub/x"}) == b'include "../c/sub/x"'


# what comes with the package


def test_what_ships_is_included_by_its_name(checkout: Checkout) -> None:
    (checkout.shipped / "KERNEL").write_text('include "./std"\ninclude "own"\n')
    (checkout.shipped / "std").write_text("options STD\n")
    checkout.write("own", "options OWN\n")
    assert checkout.pieces('include "goldmaster:KERNEL"') == ["goldmaster:KERNEL", "goldmaster:std"]
    (places,) = {place.path.parent for place in pieces("goldmaster:KERNEL", checkout.places)}
    assert places == checkout.shipped


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('include "goldmaster:KERNLE"', "there is no file goldmaster:KERNLE; did you mean"),
        ('include "goldmaster:../x"', 'include "goldmaster:../x": it leads out of the folder'),
        ('include "goldmaster:a/../../x"', "it leads out of the folder"),
        ('cinclude "goldmaster:/etc/x"', "it leads out of the folder"),
        ('file "goldmaster:x.c"', "only `include` takes what comes with goldmaster"),
        ('prefix dev\ninclude "goldmaster:KERNEL"', "and not below a prefix"),
    ],
)
def test_what_does_not_ship(checkout: Checkout, text: str, why: str) -> None:
    (checkout.shipped / "KERNEL").touch()
    error = checkout.refused(text)
    assert why in str(error.why)
    assert str(error.where).startswith("kernel-configs/KERNEL:")


def test_what_ships_if_it_does(checkout: Checkout) -> None:
    assert checkout.pieces('cinclude "goldmaster:NEWER"') == []


def test_what_ships_is_named_where_it_lies() -> None:
    places = {"goldmaster:A": "../c/A", "goldmaster:sub/x": "../c/x", "x": "../c/own"}
    assert placed(b'include "goldmaster:A"', "KERNEL", places) == b'include "../c/A"'
    assert placed(b'include "./x"', "goldmaster:sub/y", places) == b'include "../c/x"'
    assert placed(b'include "x"', "goldmaster:sub/y", places) == b'include "x"'
