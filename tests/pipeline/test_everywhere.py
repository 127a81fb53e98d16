"""The same bytes, wherever they are made: twenty builds, each in another place.

Some are from nothing; the others have what was compiled and make all else anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.scratch import Ran, Scratch, surroundings
from support.faults.varied_host import (
    LEGACY,
    Elsewhere,
    hand_over,
    namespaces,
    places,
    without_root,
)
from support.readers.format_readers import tool

from buildlib.store.store import Store

PLACES = places(20)
WHOLE = (7, 13)
COMPILED = ("toolchain", "kernel:", "hypervisor")
PLAN = "buildlib/plan/disc.py"
MENU = '    title = f"{builder.release.name} {builder.release.version} {DOM0}"\n'


def build(
    sources: Scratch, place: Elsewhere, work: Path, *, compiled: Scratch | None = None
) -> tuple[Scratch, Ran]:
    """Another checkout, built in that place; what takes long may be there already."""
    scratch = sources.sources_only(work / place.folder / "checkout")
    if compiled:
        keep_compiled(compiled, scratch)
    before = place.before(work / "place")
    place.hand_over(scratch.root)
    return scratch, scratch.doit(
        "iso",
        "domu-images",
        f"jobs={place.jobs}",
        "progress=json",
        before=before,
        environment=place.environment,
        umask=place.umask,
    )


def keep_compiled(compiled: Scratch, scratch: Scratch) -> None:
    """A new store with what was compiled and what is known of the host's tools, and no more."""
    ours, theirs = Store(scratch.path("build")), Store(compiled.path("build"))
    shutil.copy(compiled.path("build/store/seen.json"), scratch.path("build/store"))
    for name, key in theirs.records.all_last().items():
        record = theirs.records.get(key)
        if name.partition("/")[2].startswith(COMPILED) and record:
            for output in record.outputs.values():
                for blob in (output.blob, *output.packs, *output.files):
                    data = theirs.blobs.read(blob.sha256)
                    assert ours.blobs.put(data) == blob
            ours.records.put(key, record)


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder that others may come to: any run of pytest shuts the one of all runs to them."""
    with tempfile.TemporaryDirectory(prefix="goldmaster-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_the_same_bytes(template: Scratch, work: Path, number: int) -> None:
    whole = number in WHOLE
    scratch, ran = build(template, PLACES[number], work, compiled=None if whole else template)
    assert {
        "press",
        "grub:bios",
        "packages:dom0",
        "root:dom0",
        "image:base",
        "image:cd",
    } <= ran.built
    assert any(name.startswith(COMPILED) for name in ran.built) is whole
    assert scratch.products() == template.products()
    status = [path.stat() for path in scratch.path("dist").iterdir()]
    assert {item.st_mode & 0o777 for item in status} == {0o444}
    assert len({item.st_uid for item in status}) == 1


def test_a_build_needs_no_root(template: Scratch, work: Path) -> None:
    """From nothing to the same bytes, by somebody who has no right of root's and can get none."""
    scratch = template.sources_only(work / "checkout")
    hand_over(scratch.root)
    scratch.doit("iso", "domu-images", before=without_root())
    told = subprocess.check_output([*without_root(), "cat", "/proc/self/status"], text=True)
    status = dict(re.findall(r"(?m)^(\w+):\s+(.*)$", told))
    assert "0" not in status["Uid"].split() + status["Gid"].split()
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Inh", "Amb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert scratch.products() == template.products()


def test_commands_take_names_for_utf_8_too(shared: Scratch) -> None:
    """In a locale with another encoding a name would be another text, and a build not current."""
    told = shared.doit("plan", "iso", environment=dict(LEGACY)).out
    assert told == shared.doit("plan", "iso").out


# that the places differ, and that builds would


def test_the_twenty_have_all_there_is() -> None:
    assert len(PLACES) == len(set(PLACES)) == 20
    for name, least in {
        "days": 6,
        "zone": 6,
        "locale": 5,
        "umask": 4,
        "user": 2,
        "folder": 5,
        "host": 20,
        "order": 20,
        "seed": 20,
        "jobs": 5,
    }.items():
        assert len({getattr(place, name) for place in PLACES}) == least, name


_ASK = 'date +%Y%m%d; uname -n; id -u; umask; cd /usr/lib/grub/i386-pc; ls -U; find . -name "*.mod"'


def test_places_are_what_they_say(work: Path) -> None:
    """Also to a tool, whose environment is cleaned."""
    told = {}
    for number in (0, 2, 9):
        place = PLACES[number]
        before = place.before(work / f"{number}")
        place.hand_over(work / f"{number}")
        clean = ["env", "-i", "PATH=/usr/bin:/bin"] if namespaces() else []
        done = subprocess.run(
            [*before, *clean, "sh", "-c", _ASK],
            capture_output=True,
            text=True,
            check=True,
            umask=place.umask,
            env=surroundings(place.environment),
        )
        told[number] = done.stdout.split("\n", 4)
    days, hosts, users, umasks, orders = (
        set(answers) for answers in zip(*told.values(), strict=True)
    )
    assert len(days) == len(orders) == 3
    assert len(umasks) == 3
    assert len(users) == (2 if namespaces() or os.geteuid() == 0 else 1)
    assert len(hosts) == (3 if namespaces() else 1)


# What a build must not know, as the plan would ask for it.
LEAKS = {
    "clock": '__import__("time").strftime("%Y%m%d")',
    "zone": '__import__("time").tzname[0]',
    "locale": '__import__("locale").setlocale(0, "C") and __import__("os").environ["LC_ALL"]',
    "umask": '(lambda os: [old := os.umask(0), os.umask(old), oct(old)][2])(__import__("os"))',
    "user": '__import__("os").environ["USER"]',
    "folder": 'str(len(__import__("os").getcwd()))',
    "host": '__import__("os").environ["HOSTNAME"] + __import__("os").uname().nodename',
    "order": '"-".join(__import__("os").listdir("recipes"))',
    "seed": 'hash("goldmaster")',
    "jobs": '[word for word in __import__("sys").argv if word.startswith("jobs=")][0]',
}


def test_leaks_would_be_found(template: Scratch, tmp_path: Path) -> None:
    """A menu whose title has all that it must not know is another one in another place."""
    leaky = template.sources_only(tmp_path / "leaky")
    asked = ", ".join(f"str({leak})" for leak in LEAKS.values())
    leaky.edit(PLAN, MENU, f'    title = "|".join([{asked}])\n')
    titles, products = [], []
    for number in (0, 9):
        scratch, _ = build(leaky, PLACES[number], tmp_path / f"{number}", compiled=template)
        menu = tool("bsdtar", "-xOf", scratch.product(), "boot/grub/grub.cfg").decode()
        titles.append(menu.splitlines()[0].removeprefix("# ").split("|"))
        products.append(scratch.products())
    same = [name for name, one, other in zip(LEAKS, *titles, strict=True) if one == other]
    assert same == []
    assert products[0]["mini-dom0.iso"] != products[1]["mini-dom0.iso"]
    assert products[0]["mini-base.ffs"] == products[1]["mini-base.ffs"]
