"""What a kernel configuration makes others read: part of its key, of the sources, or refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.model.errors import ConfigError
from buildlib.sources.kernel_config import pieces, placed


class Checkout:
    """A folder of kernel configurations, and what was looked for in it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.folder = folder / "kernel-configs"
        self.folder.mkdir()
        self.looked: list[str] = []

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def has_file(self, path: Path) -> bool:
        self.looked.append(self.name_of(path))
        return path.exists()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def pieces(self, text: str) -> list[str]:
        found = pieces(self.write("KERNEL", f"{text}\n"), self)
        return [path.relative_to(self.folder).as_posix() for path in found]

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
    "below a prefix": "prefix ../external/bsd\ninclude \"../gpl2/files\"\nprefix",
    "machines": "machine amd64 x86",
}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_to_say(checkout: Checkout, name: str) -> None:
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
    "the folder above": ('makeoptions X="${.CURDIR:H:H}/x"', 1),
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
        "kernel-configs/KERNEL:1", "kernel-configs/KERNEL:3", "kernel-configs/piece:2"]


def test_pieces_are_found_with_what_they_include(checkout: Checkout) -> None:
    checkout.write("one", 'include "shared/two"\ninclude "shared/three"\n')
    checkout.write("shared/two", 'include "./three"\n')
    checkout.write("shared/three", 'include "conf/std"\n')
    checkout.write("unused", "")
    text = 'include "one"\ncinclude "./absent"\ncinclude one\ninclude "arch/x"\n'
    assert checkout.pieces(text) == ["one", "shared/three", "shared/two"]
    # a file that comes to be there would be one: the next run must look
    assert {"kernel-configs/absent", "kernel-configs/arch/x", "kernel-configs/conf/std"} <= {
        *checkout.looked}


@pytest.mark.parametrize("name", ["a folder", "a name too long", "a file below a file"])
def test_what_can_be_no_piece(checkout: Checkout, name: str) -> None:
    checkout.write("folder/x", "")
    wanted = {"a folder": "folder", "a name too long": "n" * 300, "a file below a file":
              "folder/x/y"}[name]
    assert checkout.pieces(f'include "{wanted}"\n') == []


def test_a_piece_that_cannot_be_read(checkout: Checkout) -> None:
    os.mkfifo(checkout.folder / "fifo")
    with pytest.raises(ConfigError, match="fifo cannot be read"):
        checkout.pieces('include "fifo"\n')


FAULTS = {
    "a byte order mark": (
        "\ufeffoptions A\n", "1: begins with a byte order mark; save it as UTF-8 without one"),
    "line ends of Windows": (
        "# x\r\noptions A\r\noptions B\r\n",
        "2: the line ends in CR LF, as on Windows; save it with Unix line ends"),
    "a NUL": ("\noptions A\0\n", "2: has a NUL"),
    "an open quote": ('\noptions A="x\\"\noptions B\n', '2: " is not closed'),
    "a last line without an end": (
        'options A\ninclude "x"', "2: the last line has no end; end it with a line feed"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("file", ["KERNEL", "piece"])
def test_what_editors_leave(checkout: Checkout, name: str, file: str) -> None:
    text, why = FAULTS[name]
    checkout.write("KERNEL", 'include "piece"\n')
    (checkout.folder / file).write_bytes(text.encode())
    with pytest.raises(ConfigError, match="does not take") as caught:
        pieces(checkout.folder / "KERNEL", checkout)
    assert caught.value.why == f"kernel-configs/{file}:{why}"
    assert caught.value.where == f"kernel-configs/{file}:{why.partition(':')[0]}"


def test_what_is_no_fault(checkout: Checkout) -> None:
    """A comment may hold anything, and be in any encoding."""
    path = checkout.write("KERNEL", "")
    path.write_bytes(b'options A="\\"x\\"" # it\'s "open\r\n# \xe9\n')
    assert pieces(path, checkout) == ()


def test_a_piece_that_includes_itself(checkout: Checkout) -> None:
    checkout.write("a", 'include "b"\n')
    checkout.write("b", 'options B\ncinclude "./a"\n')
    with pytest.raises(ConfigError) as caught:
        checkout.pieces('include "a"')
    assert caught.value.why == "\n".join(f"kernel-configs/{x}: includes itself" for x in "ab")
    with pytest.raises(ConfigError, match="does not take"):
        checkout.pieces('include "KERNEL"')


def test_pieces_are_named_where_they_lie() -> None:
    text = b'a\ninclude\t"one" # "one"\ncinclude two\ninclude "conf/std"\noptions X="one"\n'
    assert placed(text, "", {"one": "../c/one", "two": "../c/two"}) == (
        b'a\ninclude\t"../c/one" # "one"\ncinclude "../c/two"\ninclude "conf/std"\n'
        b'options X="one"\n')
    assert placed(b'include "./x"', "sub", {"sub/x": "../c/sub/x"}) == b'include "../c/sub/x"'
