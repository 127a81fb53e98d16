"""`doit reproduce`: what differs elsewhere is found, and what does not is said."""

from __future__ import annotations

from support.checkouts.scratch import Scratch
from support.readers.format_readers import tool
from support.servers.mirror import Mirror

PLAN = "buildlib/plan/disc.py"
MENU = '    title = f"{builder.release.name} {builder.release.version} {DOM0}"\n'
IMAGES = ("mini-dom0.iso", "mini-base.ffs")


def test_the_same_everywhere(shared: Scratch) -> None:
    before = shared.products()
    told = shared.doit("reproduce", "progress=quiet").out
    for name, digest in shared.products().items():
        if name.endswith((".iso", ".ffs")):
            assert f"{name}" in told
            assert digest in told
    assert told.count("the same") == len(told.splitlines())
    assert shared.products() == before
    assert not shared.path("build/reproduce").exists()


LEAKS = {
    "the checkout's path": '__import__("os").getcwd().rpartition("/")[2]',
    "the time zone": '__import__("time").tzname[0]',
    "the hash seed": 'hash("goldmaster")',
    "who builds": '__import__("os").environ.get("USER", "")',
    "the umask": '(lambda os: [old := os.umask(0), os.umask(old), oct(old)][2])(__import__("os"))',
    "the home": '__import__("os").environ.get("HOME", "")',
    "the jobs": 'str([word for word in __import__("sys").argv if word.startswith("jobs=")])',
}


def test_leaks_are_found_where_they_are(scratch: Scratch) -> None:
    """The menu's title gets what it must not know."""
    asked = ", ".join(f"str({leak})" for leak in LEAKS.values())
    scratch.edit(PLAN, MENU, f'    title = "|".join([{asked}])\n')
    first = {"PYTHONHASHSEED": "1"}
    scratch.doit("iso", "domu-images", environment=first)
    told = scratch.doit("reproduce", "progress=quiet", environment=first, status=1).out
    verdicts = {line.split("  ")[0]: line for line in told.splitlines()[: len(IMAGES)]}
    assert "DIFFERS" in verdicts["mini-dom0.iso"]
    assert "the same" in told
    assert "mini-dom0.iso differs, first after the stage tree:cd" in told
    assert "\n    boot/grub/grub.cfg: " in told
    assert "content" in told
    titles = [
        tool("bsdtar", "-xOf", scratch.path(folder) / "mini-dom0.iso", "boot/grub/grub.cfg")
        .decode()
        .splitlines()[0]
        .removeprefix("# ")
        .split("|")
        for folder in ("dist", "build/reproduce/elsewhere/dist")
    ]
    assert [name for name, one, other in zip(LEAKS, *titles, strict=True) if one == other] == []


def test_what_no_spec_shows_is_found_too(scratch: Scratch) -> None:
    """A name in the volume descriptor, and in an FFS image a byte of the superblock."""
    scratch.edit(
        PLAN,
        'application=f"{title} boot CD"',
        "application=__import__('os').getcwd().rpartition('/')[2].upper()",
    )
    scratch.doit("iso", "domu-images")
    told = scratch.doit("reproduce", "progress=quiet", status=1).out
    assert "mini-dom0.iso differs, first after the stage image:cd" in told
    assert "\n    the disc's structures: differs, at byte " in told


def test_no_server_is_asked_again(scratch: Scratch, mirror: Mirror) -> None:
    """What was fetched is pinned; a second build need not fetch it."""
    definition = scratch.read("sets/mini.toml")
    lines = [line for line in definition.splitlines() if not line.startswith("pressed_")]
    scratch.write(
        "sets/mini.toml",
        "\n".join(lines).replace("mirrors = []", f'mirrors = ["{mirror.url}"]') + "\n",
    )
    scratch.doit("lock")
    scratch.doit("iso", "domu-images")
    asked = len(mirror.requests)
    told = scratch.doit("reproduce", "progress=quiet").out
    assert "DIFFERS" not in told
    assert len(mirror.requests) == asked


def test_there_must_be_something_to_compare(scratch: Scratch) -> None:
    scratch.append("recipes/dom0/overlay/etc/rc.conf", "sshd=YES\n")
    ran = scratch.doit("reproduce", status=3)
    assert "iso is not built, or is out of date" in ran.err
    assert "do:    run doit iso domu-images" in ran.err
    assert "takes no arguments" in scratch.doit("reproduce", "iso", status=3).err


def test_a_stage_that_fails_there_is_told(scratch: Scratch) -> None:
    """As it would be in a build of one's own."""
    scratch.edit(
        "buildlib/stages/images/ffs.py",
        "    def run(self, context: StageContext) -> Outputs:\n",
        (
            "    def run(self, context: StageContext) -> Outputs:\n"
            "        if 'reproduce' in str(context.folder):\n"
            "            raise StageError('no room here', hint='go away')\n"
        ),
    )
    scratch.doit("iso", "domu-images")
    ran = scratch.doit("reproduce", status=3)
    assert "ERROR: the second build failed: no room here" in ran.err
    assert "do:    go away" in ran.err


def test_a_second_build_that_fails_is_told(scratch: Scratch) -> None:
    here = "__import__('os').getcwd()"
    scratch.edit(PLAN, MENU, f"{MENU}    assert 'reproduce' not in {here}, 'no'\n")
    scratch.doit("iso", "domu-images")
    ran = scratch.doit("reproduce", status=3)
    assert "AssertionError: no" in ran.err
