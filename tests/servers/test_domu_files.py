"""What site-check passes, rc.d/domus reads to the same values, and the real xl understands so.

xl is Debian's, unpacked and never installed, as far as it goes without Xen: `xl -N create`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.machines.xen_tools import Xl
from support.simulator import MARKER, Server
from support.simulator.dom0 import RC_CONF
from support.simulator.shells import SHELLS

from buildlib.config.shconf import Problem, parse
from buildlib.config.site.fleet import DISKS, DomuConf, Folder, HostConf, Known, Site, load_conf
from buildlib.operations.site_check.check import check_site

KNOWN = Known({"base", "a.b+c-d_E9", "0"}, {"XEN3_DOMU_RO", "K.2+a-b_c"})
KEYS = [item.name for item in fields(DomuConf)]
HOST = "alpha"
# Prints the values of every domU's file, and writes what xl would be told of it.
SCRIPT = """\
for _library in lib conf images domuconf vnd xl domustart domus; do
    . "/libexec/goldmaster/$_library.sh"
done
load_this_host || exit 1
for file in /config/local/domUs/*; do
    domu=${file##*/}
    load_domu "$domu" || exit 1
    printf '%s\\001' "$domu"
    for key in $domu_keys; do
        eval "printf '%s\\001' \\"\\$conf_$key\\""
    done
    printf '\\002'
    xl_config "$domu" "$image_dir/${conf_kernel:-XEN3_DOMU_RO}" /dev/vnd7d >"/sim/out/$domu"
done
"""


# Which domUs' files it takes.
CHECK = """\
for _library in lib conf images domuconf; do
    . "/libexec/goldmaster/$_library.sh"
done
for file in /config/local/domUs/*; do
    load_domu "${file##*/}" >/dev/null && echo "${file##*/}"
done
exit 0
"""


@dataclass(frozen=True)
class Fleet:
    """A host with its domUs, as texts of files."""

    host: str
    domus: dict[str, str]

    def site(self) -> Site:
        """As read_site would read it, with a folder in vservers for each domU."""
        problems: list[Problem] = []
        place = f"pservers/{HOST}"
        confs = {
            name: parse(text.encode(), f"{place}/domUs/{name}", problems)
            for name, text in self.domus.items()
        }
        host = parse(self.host.encode(), f"{place}/host.conf", problems)
        servers = {}
        for number, (name, conf) in enumerate(confs.items(), 1):
            recipe = conf.values["image"].removesuffix(".ffs")
            text = f"address=10.1.{number >> 8}.{number & 255}\nrecipe={recipe}\n"
            own = parse(text.encode(), f"vservers/{name}/server.conf", problems)
            servers[name] = Folder(f"vservers/{name}", {"server.conf": own}, {}, set(), {})
        assert not problems, problems
        return Site(
            {HOST: Folder(place, {"host.conf": host}, confs, set(), {})},
            servers,
            Folder("global", {}, {}, set(), {}),
        )


def written(values: dict[str, str], luck: random.Random) -> str:
    """The values as a file: quotes, blanks and comments in every way that is allowed."""
    lines = []
    for key, value in luck.sample(sorted(values.items()), len(values)):
        quote = luck.choice(["'", '"'] if set(value) & {" ", "\t"} else ["", "'", '"'])
        lines.append(
            luck.choice(["", " ", "\t"])
            + f"{key}={quote}{value}{quote}"
            + luck.choice(["", " ", '\t# it\'s "why" $(x) ä', " #"])
            + "\n"
        )
        if not luck.randrange(4):
            lines.append(luck.choice(["\n", "  # memory=1\n", "\t\n"]))
    return "".join(lines)


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
PARTS = st.from_regex(r"[A-Za-z0-9._+-]{1,12}", fullmatch=True).filter(
    lambda part: part not in {".", ".."}
)
BRIDGES = st.lists(
    st.from_regex(r"[a-z][a-z0-9]{0,12}[0-9]", fullmatch=True), min_size=1, max_size=3, unique=True
)
MACS = (
    st.binary(min_size=5, max_size=5)
    .filter(any)
    .flatmap(
        lambda rest: st.sampled_from([0, 2, 0xFE]).map(lambda first: bytes([first, *rest]).hex(":"))
    )
)
MODES = st.sampled_from(["", "", ",w", ",r"])


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """Sites of one host. Whatever may be there once gets a number of its own."""
    luck = draw(st.randoms(use_true_random=False))
    bridges = draw(BRIDGES)
    host = {"memory": "999999999", "dom0_memory": "1", "address": "10.0.0.1"}
    if draw(st.booleans()):
        host["bridges"] = luck.choice([" ", "  ", "\t"]).join(bridges)
    else:
        bridges = ["bridge0"]
    if draw(st.booleans()):
        host["image_dir"] = "/" + "/".join(draw(st.lists(PARTS, min_size=1, max_size=3)))
    domus, number = {}, 0
    macs = draw(st.lists(MACS, min_size=1, max_size=5, unique=True))
    for mac, name in zip(
        macs, draw(st.lists(NAMES, min_size=5, max_size=5, unique=True)), strict=False
    ):
        values = {
            "mac": luck.choice([mac, mac.upper()]),
            "image": luck.choice(sorted(KNOWN.recipes)) + ".ffs",
            "memory": str(draw(st.integers(1, 190_000_000))),
        }
        extra = draw(st.sets(st.sampled_from(["swap_disk", *DISKS])))
        for key in ("config_disk", *sorted(extra)):
            number += 1
            path = "/".join([*draw(st.lists(PARTS, max_size=2)), f"disk{number}"])
            values[key] = f"/dev/{path}{draw(MODES)}"
        for key, choices in {
            "vcpus": st.integers(1, 32).map(str),
            "bridge": st.sampled_from(bridges),
            "kernel": st.sampled_from(sorted(KNOWN.kernels)),
            "boot_order": st.integers(0, 999999999).map(str),
            "autostart": st.sampled_from(["yes", "no"]),
        }.items():
            if draw(st.booleans()):
                values[key] = draw(choices)
        domus[name] = written(values, luck)
    return Fleet(written(host, luck), domus)


class Judge:
    """A dom0 of either shell, and the real xl."""

    def __init__(self, folder: Path) -> None:
        self.xl = Xl(folder / "xl")
        self.servers = [Server(folder / shell, shell=shell) for shell in SHELLS]
        for server in self.servers:
            server.file_system("c", {MARKER: "", "local/etc/rc.conf": RC_CONF})
            server.disk("wd0", {"a": "c"})
            assert server.boot().status == 0
            server.write("read.sh", SCRIPT)
            server.write("check.sh", CHECK)
        self.folder = folder

    def read(self, server: Server, fleet: Fleet) -> dict[str, tuple[dict[str, str], str]]:
        """Of every domU: the values that rc.d/domus reads, and what it tells xl."""
        self._put(server, fleet)
        done = server.run("/bin/sh", "/sim/read.sh")
        assert done.returncode == 0, done.stdout
        found = {}
        for text in done.stdout.split("\2")[:-1]:
            name, *values = text.split("\1")[:-1]
            found[name] = (
                dict(zip(KEYS, values, strict=True)),
                (server.sim / "out" / name).read_text(),
            )
        return found

    def taken(self, server: Server, domus: dict[str, str]) -> set[str]:
        """The domUs whose files rc.d/domus would not refuse."""
        self._put(server, Fleet("", domus))
        done = server.run("/bin/sh", "/sim/check.sh")
        assert done.returncode == 0, done.stdout
        return set(done.stdout.split())

    @staticmethod
    def _put(server: Server, fleet: Fleet) -> None:
        local = server.sim / "fs/c/local"
        for folder in (local / "domUs", server.sim / "out"):
            folder.mkdir(exist_ok=True)
            for path in folder.iterdir():
                path.unlink()
        (local / "host.conf").write_text(fleet.host)
        for name, text in fleet.domus.items():
            (local / "domUs" / name).write_text(text)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    made = Judge(tmp_path_factory.mktemp("judge"))
    yield made
    made.xl.__exit__()
    for server in made.servers:
        server.__exit__()


def as_written(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def understood(says: DomuConf, name: str, image_dir: str) -> dict[str, object]:
    """What xl must make of a domU, in the words of its JSON."""
    disks = [("/dev/vnd7d", "r")]
    for key in ("config_disk", "swap_disk", *DISKS):
        path, _, mode = getattr(says, key).partition(",")
        if path:
            disks.append((path, mode or "w"))
    return {
        "name": name,
        "type": "pv",
        "max_vcpus": says.vcpus,
        "memkb": says.memory << 10,
        "kernel": f"{image_dir}/{says.kernel or 'XEN3_DOMU_RO'}",
        "nics": [{"devid": 0, "mac": says.mac, "bridge": says.bridge}],
        "disks": [
            {
                "pdev_path": path,
                "vdev": f"xvd{letter}",
                "format": "raw",
                **({"readwrite": 1} if mode == "w" else {}),
            }
            for letter, (path, mode) in zip("abcdefghijkl", disks, strict=False)
        ],
        # libxl does not print what is its own default: poweroff means destroy
        "on_reboot": "restart",
        "on_crash": "restart",
        "on_poweroff": None,
    }


def by_xl(judge: Judge, config: str) -> dict[str, object]:
    """What xl makes of it."""
    file = judge.folder / "config"
    file.write_text(config)
    found = judge.xl.understood(file)
    build = found["b_info"]
    assert build["max_memkb"] == build["target_memkb"]
    assert build["avail_vcpus"] == list(range(build["max_vcpus"]))
    return {
        "name": found["c_info"]["name"],
        "type": found["c_info"]["type"],
        "max_vcpus": build["max_vcpus"],
        "memkb": build["max_memkb"],
        "kernel": build["kernel"],
        "nics": found["nics"],
        "disks": found["disks"],
        "on_reboot": found["on_reboot"],
        "on_crash": found["on_crash"],
        "on_poweroff": found.get("on_poweroff"),
    }


BIGGEST = "memory=999999999\nvcpus=32\nimage=base.ffs\nmac=fe:ff:ff:ff:ff:ff\n" + "".join(
    f"{key}=/dev/{key}\n" for key in ("config_disk", "swap_disk", *DISKS)
)


@settings(max_examples=25, deadline=None)
@given(fleets())
@example(
    Fleet(
        "memory=999999999\ndom0_memory=1\naddress=fd00::1\n",
        {"a" * 63: BIGGEST + "autostart=no\nboot_order=0\n"},
    )
)
def test_what_site_check_passes_is_read_alike_and_xl_takes_it(judge: Judge, fleet: Fleet) -> None:
    site = fleet.site()
    problems = check_site(site, KNOWN)
    if any(problem.reason != "memory" for problem in problems):
        raise AssertionError(f"the test makes sites that are good: {problems}")
    folder = site.hosts[HOST]
    host = load_conf(HostConf, folder.confs["host.conf"], problems)
    first, second = (judge.read(server, fleet) for server in judge.servers)
    assert first == second
    assert set(first) == set(folder.domus)
    for name, conf in folder.domus.items():
        says = load_conf(DomuConf, conf, problems)
        values, config = first[name]
        wanted = {key: as_written(getattr(says, key)) for key in KEYS}
        wanted["bridge"] = says.bridge or host.bridges[0]
        assert values == wanted
        seen = understood(says, name, host.image_dir)
        seen["nics"] = [{"devid": 0, "mac": says.mac, "bridge": wanted["bridge"]}]
        assert by_xl(judge, config) == seen


GOOD = {"image": "base.ffs", "memory": "64", "mac": "00:16:3e:00:00:01", "config_disk": "/dev/a"}
# Values near the edge of what is allowed, on either side.
EDGES = (
    st.text("09.+-_/,:rwax Z\"'", min_size=1, max_size=10)
    | st.from_regex(r"[0-9]{1,10}", fullmatch=True)
    | st.from_regex(r"([0-9a-fA-Fg]{2}:){4,6}[0-9a-f]{1,2}", fullmatch=True)
    | st.from_regex(r"(/(\.{0,3}|[a-z.]{1,3})){1,4}(,[rwx])?", fullmatch=True)
    | st.from_regex(r"[a-zA-Z]?[a-z0-9-]{1,5}", fullmatch=True)
    | st.from_regex(
        r"/dev/(r?(wd|raid|dk|x)[0-9][a-q]?|zvol(/r?dsk)?(/[a-z]){0,3})(,r)?", fullmatch=True
    )
    | st.sampled_from(
        [
            "yes",
            "no",
            "YES",
            "0",
            "00",
            "32",
            "33",
            "bridge012345678",
            "bridge0123456789",
            "/dev/wd0e/x",
            "/dev/r",
            "/dev/rraid",
            "/devices/a",
            "999999999",
            "1000000000",
            "00:00:00:00:00:00",
            "01:00:00:00:00:00",
            "/",
            "//",
            "/a/",
            "/a//b",
            "/.",
            "/..",
            "/a/..",
            "/.a",
            "/a,",
            "/a,r,w",
            "/a,rw",
            ".a",
            "-a",
        ]
    )
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), EDGES), min_size=20, max_size=60))
@example([("config_disk", text) for text in (",r", "/", "/,r", "/a/", "/a,", "a,w", "/a,x")])
def test_what_site_check_would_not_pass_is_refused_and_nothing_else(
    judge: Judge, changes: list[tuple[str, str]]
) -> None:
    """File by file, each with one value changed."""
    domus, good = {}, set()
    for number, (key, value) in enumerate(changes):
        quote = '"' if "'" in value else "'"
        values = {name: f"'{text}'" for name, text in GOOD.items()}
        values[key] = f"{quote}{value}{quote}"
        domus[f"d{number}"] = "".join(f"{name}={text}\n" for name, text in values.items())
        problems: list[Problem] = []
        load_conf(DomuConf, parse(domus[f"d{number}"].encode(), "x", problems), problems)
        if not problems:
            good.add(f"d{number}")
    for server in judge.servers:
        taken = judge.taken(server, domus)
        assert {domus[name] for name in taken} == {domus[name] for name in good}


@pytest.mark.parametrize(
    "line",
    ['disk = ["phy:/dev/wd0e\n', "memory = 1 2", 'disk = ["phy:/dev/a,xvda,q"]', 'type = "none"'],
)
def test_the_judge_refuses_what_is_wrong(judge: Judge, line: str) -> None:
    """So that its yes means something."""
    file = judge.folder / "wrong"
    file.write_text(f'name = "x"\nkernel = "/k"\n{line}\n')
    done = judge.xl.create(file)
    assert done.returncode != 0, done.stdout
