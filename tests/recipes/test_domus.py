"""rc.d/domus on dom0: starts, stops and lists what /config/local/domUs describes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from support.simulator import Boot, Server
from support.simulator.dom0 import HOST, KERNEL, domains, furnish, image_folder, nfs, vnds

SQL = nfs(mac="00:16:3E:00:00:32", config_disk="/dev/wd0f")
STORAGE = nfs(mac="00:16:3e:00:00:33", config_disk="/dev/wd0g", boot_order="10")
CONFIG = """\
name = "nfs"
type = "pv"
kernel = "/images/XEN3_DOMU_RO"
memory = 2048
vcpus = 2
vif = ["mac=00:16:3e:00:00:31,bridge=bridge1"]
disk = ["phy:/dev/vnd0d,xvda,r", "phy:/dev/wd0e,xvdb,w", "phy:/dev/wd0f,xvdc,w", \
"phy:/dev/wd0g,xvdd,r", "phy:/dev/wd0h,xvde,w"]
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "restart"
"""


@pytest.fixture(params=["dash", "mksh"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    assert shutil.which(request.param)
    with Server(tmp_path / "server", shell=request.param) as made:
        image_folder(made.root / "images")
        yield made


def boot(server: Server, domus: Mapping[str, str], *, host: str = HOST, rc: str = "",
         more: Mapping[str, str] | None = None) -> Boot:
    furnish(server, domus, host=host, rc=rc, more=more)
    done = server.boot("autoboot")
    assert done.status == 0, done.console
    return done


def domus(server: Server, *words: str, status: int = 0) -> str:
    """What /etc/rc.d/domus says, with this exit status."""
    done = server.run("/bin/sh", "/etc/rc.d/domus", *words)
    assert done.returncode == status, done.stdout
    return done.stdout


def calls(server: Server, *programs: str) -> list[str]:
    """The calls of programs since the last boot began."""
    return [line for line in (server.sim / "log").read_text().splitlines()
            if line.split()[0] in programs]


def config(server: Server, name: str) -> str:
    return (server.root / f"var/run/goldmaster/domUs/{name}.cfg").read_text()


def records(server: Server) -> dict[str, str]:
    """What /var/run/goldmaster/vnd says is attached."""
    return {path.name: path.read_text().strip()
            for path in (server.root / "var/run/goldmaster/vnd").iterdir()}


# starting


def test_the_boot_starts_them(server: Server) -> None:
    done = boot(server, {"nfs": nfs(memory="2048", vcpus="2", bridge="bridge1",
                                    swap_disk="/dev/wd0f", disk2="/dev/wd0h,w",
                                    disk1="/dev/wd0g,r")})
    assert "goldmaster: nfs: started.\n" in done.console
    assert domains(server) == {"nfs"}
    assert config(server, "nfs") == CONFIG
    assert (server.sim / "xl/nfs/config").read_text() == CONFIG
    assert vnds(server) == {"vnd0": "/images/base.ffs"}
    assert records(server) == {"0": "/images/base.ffs"}
    assert "not found" not in done.console


def test_they_start_by_boot_order_and_then_by_name(server: Server) -> None:
    done = boot(server, {"nfs": nfs(), "b": SQL, "a9": nfs(config_disk="/dev/wd0h"),
                         "storage": STORAGE, "late": nfs(config_disk="/dev/wd0i", boot_order="100"),
                         "manual": nfs(config_disk="/dev/wd0j", autostart="no")})
    created = [call.rpartition("/")[2] for call in done.calls_of("xl") if "create" in call]
    assert created == [f"{name}.cfg" for name in ("storage", "a9", "b", "nfs", "late")]
    assert "manual" not in domains(server)
    assert "manual: started." in domus(server, "start", "manual")
    assert "manual" in domains(server)


def test_one_image_is_attached_once_and_each_image_apart(server: Server) -> None:
    image_folder(server.root / "images", {"base.ffs": "one\n", "web.ffs": "two\n"})
    boot(server, {"a": nfs(), "b": SQL, "c": nfs(config_disk="/dev/wd0g", image="web.ffs")})
    assert domains(server) == {"a", "b", "c"}
    assert vnds(server) == {"vnd0": "/images/base.ffs", "vnd1": "/images/web.ffs"}
    assert [call for call in calls(server, "vnconfig") if "-r" not in call] == []
    assert "phy:/dev/vnd0d,xvda,r" in config(server, "b")
    assert "phy:/dev/vnd1d,xvda,r" in config(server, "c")


def test_a_mac_address_is_written_in_small_letters(server: Server) -> None:
    boot(server, {"sql": SQL})
    assert "mac=00:16:3e:00:00:32,bridge=bridge0" in config(server, "sql")


def test_one_that_runs_is_left_alone(server: Server) -> None:
    boot(server, {"nfs": nfs()})
    before = config(server, "nfs")
    server.write("fs/c/local/domUs/nfs", nfs(memory="1"))
    assert domus(server, "start") == "goldmaster: nfs: runs already.\n"
    assert domus(server, "start", "nfs") == "goldmaster: nfs: runs already.\n"
    assert config(server, "nfs") == before
    assert len([call for call in calls(server, "xl") if "create" in call]) == 1


def test_nothing_to_start_needs_no_xen(server: Server) -> None:
    server.write("xl-does/all", "fail")
    done = boot(server, {})
    assert done.calls_of("xl") == []
    assert "goldmaster: xl" not in done.console


def test_domus_can_be_switched_off(server: Server) -> None:
    done = boot(server, {"nfs": nfs()}, rc="domus=NO\n")
    assert done.calls_of("xl") == []
    assert "nfs: started." in domus(server, "onestart")


def test_it_starts_when_xen_and_the_way_in_are_there() -> None:
    text = (Path(__file__).parents[2] / "recipes/dom0/overlay/etc/rc.d/domus").read_text()
    lines = text.splitlines()
    assert "# PROVIDE: domus" in lines
    assert "# REQUIRE: xencommons LOGIN sshd" in lines
    assert "# KEYWORD: shutdown" in lines


def test_its_place_in_the_chain(server: Server) -> None:
    """By the order of rcorder, it runs after what it requires."""
    after = '#!/bin/sh\n# PROVIDE: {}\n# REQUIRE: {}\necho "here is {}"\n'
    more = {"local/etc/rc.d/xencommons": after.format("xencommons", "DAEMON", "xencommons"),
            "local/etc/rc.d/last": after.format("last", "domus", "last")}
    console = boot(server, {"nfs": nfs()}, more=more).console
    places = [console.index(text) for text in
              ("here is xencommons", "nfs: started.", "here is last")]
    assert places == sorted(places)


# images


def damaged(server: Server, name: str) -> None:
    (server.root / "images" / name).write_text("other bytes\n")


def without_line(server: Server, name: str, file: str = "SHA256") -> None:
    path = server.root / "images" / file
    lines = [line for line in path.read_text().splitlines(keepends=True) if name not in line]
    path.write_text("".join(lines))


CHANGED = "is not what /images/SHA256 says; it is damaged, or was changed."
REFUSED: dict[str, tuple[Callable[[Server], None], str]] = {
    "image": (lambda s: damaged(s, "web.ffs"), f"web: /images/web.ffs {CHANGED}"),
    "no image": (lambda s: (s.root / "images/web.ffs").unlink(),
                 "web: there is no /images/web.ffs."),
    "not listed": (lambda s: without_line(s, "web.ffs"),
                   "web: /images/SHA256 has no line for web.ffs."),
    "no kernel known": (lambda s: image_folder(s.root / "images", {"base.ffs": "an image\n"},
                                               {"web.ffs": "two\n"}),
                        "web: /images/KERNELS has no line for web.ffs."),
    "kernel": (lambda s: damaged(s, "OTHER"), f"web: /images/OTHER {CHANGED}"),
    "no kernel": (lambda s: (s.root / "images/OTHER").unlink(),
                  "web: there is no /images/OTHER."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_as_listed_is_refused_and_the_others_start(server: Server, case: str) -> None:
    image_folder(server.root / "images", {"base.ffs": "an image\n", "web.ffs": "two\n"},
                 {"OTHER": "other kernel\n"})
    edit, said = REFUSED[case]
    edit(server)
    kernel = "OTHER" if "kernel" in case and case != "no kernel known" else ""
    console = boot(server, {"nfs": nfs(), "web": nfs(config_disk="/dev/wd0f", image="web.ffs",
                                                     kernel=kernel), "zz": STORAGE}).console
    assert f"goldmaster: {said}\ngoldmaster: web: not started.\n" in console
    assert "goldmaster: domUs that could not be started: 1 of 3.\n" in console
    assert domains(server) == {"nfs", "zz"}
    assert said in domus(server, "start", status=1)


@pytest.mark.parametrize("name", ["SHA256", "KERNELS"])
def test_a_folder_without_its_lists_starts_nothing(server: Server, name: str) -> None:
    (server.root / "images" / name).unlink()
    console = boot(server, {"nfs": nfs()}).console
    assert "nfs: /images is no folder of images: it has no SHA256 or no KERNELS." in console
    assert domains(server) == set()


def test_a_list_of_kernels_that_was_changed_starts_nothing(server: Server) -> None:
    with (server.root / "images/KERNELS").open("a") as file:
        file.write("web.ffs OTHER\n")
    console = boot(server, {"nfs": nfs()}).console
    assert "nfs: /images/KERNELS is not what /images/SHA256 says" in console
    assert domains(server) == set()


def test_a_kernel_of_ones_own(server: Server) -> None:
    image_folder(server.root / "images", more={"OTHER": "other kernel\n"})
    boot(server, {"nfs": nfs(kernel="OTHER")})
    assert 'kernel = "/images/OTHER"' in config(server, "nfs")


def hashed(server: Server) -> int:
    return calls(server, "cksum").count("cksum -a sha256")


def test_each_file_is_read_once_for_each_start_of_the_machine(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL, "c": STORAGE})
    assert hashed(server) == 3, "KERNELS, the image, the kernel"
    domus(server, "restart", "b")
    assert domains(server) == {"a", "b", "c"}
    assert hashed(server) == 3


def test_a_file_that_has_changed_is_read_again(server: Server) -> None:
    furnish(server, {"a": nfs()}, host=HOST_WITH_STORE, more={"store/current": "v1\n"})
    image_folder(server.sim / "fs/c/store/v1")
    assert server.boot().status == 0
    before = hashed(server)
    marks = "/var/run/goldmaster/checked"
    server.run("/bin/sh", "-c", f"/host/bin/touch -d 2001-01-01 {marks}/*")
    server.write("fs/c/store/v1/base.ffs", "changed\n")
    said = domus(server, "restart", "a", status=1)
    assert "/config/store/v1/base.ffs is not what /config/store/v1/SHA256 says" in said
    assert hashed(server) > before
    server.write("fs/c/store/v1/base.ffs", "an image\n")  # fetched again, with its old date
    server.run("/host/bin/touch", "-d", "2000-01-01", "/config/store/v1/base.ffs")
    assert "a: started." in domus(server, "start", "a")


# a local store


HOST_WITH_STORE = "memory=1\ndom0_memory=1\naddress=10.0.0.1\nimage_store=/config/store\n"


def test_versions_of_a_local_store(server: Server) -> None:
    furnish(server, {"a": nfs(), "b": SQL}, host=HOST_WITH_STORE,
            more={"store/current": "v2\n", "store/pins/b": "v1\n"})
    for version in ("v1", "v2"):
        image_folder(server.sim / "fs/c/store" / version, {"base.ffs": f"image {version}\n"})
    assert server.boot().status == 0
    assert vnds(server) == {"vnd0": "/config/store/v2/base.ffs",
                            "vnd1": "/config/store/v1/base.ffs"}
    assert f'kernel = "/config/store/v1/{KERNEL}"' in config(server, "b")
    server.write("fs/c/store/pins/b", "v2\n")
    domus(server, "restart", "b")
    assert vnds(server) == records_of(server) == {"vnd0": "/config/store/v2/base.ffs"}
    assert [line.split() for line in domus(server, "list").splitlines()][1:] == [
        ["a", "running", "1024", "v2", "yes", "1"], ["b", "running", "1024", "v2", "yes", "3"]]


def records_of(server: Server) -> dict[str, str]:
    return {f"vnd{number}": path for number, path in records(server).items()}


# disks


def test_nodes_for_an_image_are_made(server: Server) -> None:
    names = [f"i{number}.ffs" for number in range(6)]
    image_folder(server.root / "images", {name: name for name in names})
    done = boot(server, {name[:2]: nfs(image=name, config_disk=f"/dev/wd0{letter}")
                         for name, letter in zip(names, "efghij", strict=True)})
    assert len(vnds(server)) == 6
    assert [call for call in done.calls_of("MAKEDEV") if "vnd" in call] == [
        f"MAKEDEV vnd{number}" for number in range(1, 6)]


def test_a_disk_that_is_somebody_elses_is_passed_by(server: Server) -> None:
    server.write("vnd/vnd0", "/tmp/mine\n")
    boot(server, {"nfs": nfs()})
    assert vnds(server) == {"vnd0": "/tmp/mine", "vnd1": "/images/base.ffs"}
    domus(server, "stop")
    assert vnds(server) == {"vnd0": "/tmp/mine"}
    assert records(server) == {}


def test_nodes_for_a_partition_are_made(server: Server) -> None:
    server.file_system("d", {})
    server.disk("sd9", {"e": "d"}, nodes=False)
    server.disk("dk12", {"": "d"}, nodes=False)
    furnish(server, {"nfs": nfs(config_disk="/dev/sd9e", swap_disk="/dev/dk12")})
    console = server.boot().console
    assert domains(server) == {"nfs"}, console


def test_no_disk_for_an_image(server: Server) -> None:
    for number in range(16):
        server.write(f"vnd/vnd{number}", "/tmp/mine\n")
    console = boot(server, {"nfs": nfs()}).console
    assert "nfs: /images/base.ffs could not be attached as a disk." in console
    assert records(server) == {}


def test_a_record_without_a_disk_is_made_good(server: Server) -> None:
    """As a power cut between the two leaves it."""
    boot(server, {"nfs": nfs(autostart="no")})
    server.run("/bin/mkdir", "-p", "/var/run/goldmaster/vnd")
    server.run("/bin/sh", "-c", "echo /images/base.ffs >/var/run/goldmaster/vnd/2")
    domus(server, "start", "nfs")
    assert vnds(server) == records_of(server) == {"vnd0": "/images/base.ffs"}


def test_a_partition_that_is_not_there(server: Server) -> None:
    """Without node, or with a node and nothing behind it."""
    missing = ("/dev/wd0b", "/dev/wd7e", "/dev/none/x")
    files = {f"a{number}": nfs(config_disk=disk) for number, disk in enumerate(missing)}
    console = boot(server, {**files, "b": SQL, "c": nfs(disk3=f"{missing[0]},r")}).console
    for number, disk in enumerate(missing):
        said = f"a{number}: config_disk: {disk} cannot be read; is there such a partition?"
        assert said in console
    assert f"c: disk3: {missing[0]} cannot be read; is there such a partition?" in console
    assert domains(server) == {"b"}


def test_a_disk_of_another_that_runs(server: Server) -> None:
    console = boot(server, {"a": nfs(), "b": nfs(disk4="/dev/wd0f", config_disk="/dev/wd0e,w"),
                            "c": nfs(config_disk="/dev/wd0g", disk1="/dev/wd0e,r")}).console
    assert "goldmaster: b: config_disk: /dev/wd0e is a disk of a, which runs.\n" in console
    assert domains(server) == {"a", "c"}
    domus(server, "stop", "a")
    domus(server, "start", "b")
    assert "a: config_disk: /dev/wd0e is a disk of b, which runs." in domus(
        server, "start", "a", status=1)


# files


BAD = (
    ("memory=$(reboot)", "{}:1: not understood."),
    ("memory=1024\nnonsense=1", "{}:2: nonsense: unknown key."),
    ("image=base.ffs", "{}: memory: missing."),
    (nfs(memory="010"), "{}: memory: must be a whole number from 1 to 999999999, is '010'."),
    (nfs(memory="0"), "{}: memory: must be a whole number"),
    (nfs(vcpus="two"), "{}: vcpus: must be a whole number from 1 to 256"),
    (nfs(vcpus="257"), "{}: vcpus: must be a whole number from 1 to 256, is '257'."),
    (nfs(memory="1234567890"), "{}: memory: must be a whole number"),
    (nfs(boot_order="-1"), "{}: boot_order: must be a whole number from 0"),
    (nfs(mac="00:16:3e:00:00"), "{}: mac: must be the address of one card"),
    (nfs(mac="01:16:3e:00:00:01"), "{}: mac: must be the address of one card"),
    (nfs(mac="00:00:00:00:00:00"), "{}: mac: must be the address of one card"),
    (nfs(bridge="Bridge0"), "{}: bridge: must be an interface"),
    (nfs(bridge="bridge7"), "{}: bridge: this host has no bridge7, but bridge0 bridge1."),
    (nfs(autostart="true"), "{}: autostart: must be yes or no"),
    (nfs(image="../base.ffs"), "{}: image: must be a file name"),
    (nfs(image="a b"), "{}: image: must be a file name"),
    (nfs(kernel="/netbsd"), "{}: kernel: must be a file name"),
    (nfs(config_disk="wd0e"), "{}: config_disk: must be an absolute path"),
    (nfs(swap_disk="/dev/../wd0e"), "{}: swap_disk: must be an absolute path"),
    (nfs(disk1="/dev/wd0e,x"), "{}: disk1: must be an absolute path"),
    (nfs(disk9='/dev/wd0e", "phy:/dev/wd0a,xvdz,w'), "{}: disk9: must be an absolute path"),
)


def test_bad_files_are_told_of_and_the_others_start(server: Server) -> None:
    files = {f"bad{number}": text for number, (text, _) in enumerate(BAD)}
    console = boot(server, {**files, "nfs": nfs(), "sql": SQL}).console
    for number, (_, said) in enumerate(BAD):
        assert said.format(f"bad{number}") in console
        assert f"goldmaster: bad{number}: not started.\n" in console
    total = len(BAD) + 2
    assert f"goldmaster: domUs that could not be started: {len(BAD)} of {total}.\n" in console
    assert domains(server) == {"nfs", "sql"}


def test_what_cannot_be_a_domu(server: Server) -> None:
    furnish(server, {"nfs": nfs(), "nfs~": nfs(), "Web_1": nfs(), "-x": nfs(), "a*": nfs()})
    (server.sim / "fs/c/local/domUs/link").symlink_to("nfs")
    (server.sim / "fs/c/local/domUs/gone").symlink_to("nowhere")
    (server.sim / "fs/c/local/domUs/folder").mkdir()
    (server.sim / "fs/c/local/domUs/.svn").mkdir()
    console = server.boot().console
    for name in ("nfs~", "Web_1", "-x", "a*"):
        assert f"domUs/{name}: is no name for a domU: small letters, digits and -" in console
    for name in ("link", "gone"):
        assert f"domUs/{name}: is no plain file." in console
    assert "domUs/folder: there is no such file." in console
    assert "svn" not in console
    assert domains(server) == {"nfs"}


def test_a_name_that_is_no_domus(server: Server) -> None:
    boot(server, {"nfs": nfs()})
    said = domus(server, "start", "nfs", "none", "../host.conf", "a b", "*", "", status=1)
    assert "none: there is no domU of this name in /config/local/domUs." in said
    for name in ("../host.conf", "a b", "*", ""):
        assert f"/domUs/{name}: is no name for a domU" in said
    assert "nfs: runs already." in said
    assert "domUs that could not be started: 5 of 6." in said


def test_a_host_that_says_nothing_sure_starts_nothing(server: Server) -> None:
    """An image might be another version than the one that was pinned."""
    console = boot(server, {"nfs": nfs()}, host="memory=$x\n").console
    assert "/config/local/host.conf:1: not understood." in console
    assert "domUs that could not be started: 1 of 1." in console
    for host in ("image_dir='a b'\n", "image_store=../x\n"):
        server.write("fs/c/local/host.conf", host)
        assert "host.conf: image_dir and image_store must be absolute paths." in domus(
            server, "start", status=1)
    (server.sim / "fs/c/local/host.conf").unlink()
    assert "host.conf: there is no such file." in domus(server, "start", status=1)
    assert domains(server) == set()


# xl


def test_an_xl_that_fails(server: Server) -> None:
    server.write("xl-does/create.bad", "fail")
    console = boot(server, {"bad": nfs(), "sql": SQL}).console
    assert "xl: libxl: error" in console
    assert "goldmaster: bad: xl create failed.\ngoldmaster: bad: not started.\n" in console
    assert domains(server) == {"sql"}
    (server.sim / "xl-does/create.bad").unlink()
    assert "bad: started." in domus(server, "start")


def test_an_xl_that_hangs(server: Server) -> None:
    server.write("xl-does/create.bad", "hang")
    console = boot(server, {"bad": nfs(image="bad.ffs"), "sql": SQL},
                   rc="domus_start_seconds=3\n").console
    assert "there is no /images/bad.ffs" in console
    server.write("fs/c/local/domUs/bad", nfs())
    said = domus(server, "start", status=1)
    assert "bad: xl create did not end within 3 seconds." in said
    assert domains(server) == {"sql"}, "what it made so far is taken down"


def test_the_image_of_one_that_did_not_start_is_detached(server: Server) -> None:
    server.write("xl-does/create.bad", "fail")
    boot(server, {"bad": nfs()})
    assert vnds(server) == records(server) == {}


@pytest.mark.parametrize("what", ["fail", "hang"])
def test_no_xen(server: Server, what: str) -> None:
    server.write("xl-does/all", what)
    console = boot(server, {"nfs": nfs()}, rc="domus_ask_seconds=1\n").console
    said = "goldmaster: xl does not answer: see that Xen was started, and xencommons.\n"
    assert said in console
    assert domus(server, "stop", status=1) == said
    assert [line.split()[:2] for line in domus(server, "list").splitlines()][1:] == [
        ["nfs", "stopped" if what == "fail" else "unknown"]]


def test_whether_one_runs_is_not_guessed(server: Server) -> None:
    server.write("xl-does/domid.nfs", "hang")
    console = boot(server, {"nfs": nfs(), "sql": SQL}, rc="domus_ask_seconds=3\n").console
    assert "goldmaster: nfs: not started: xl does not say whether it runs.\n" in console
    assert domains(server) == {"sql"}


def test_a_full_var_run(server: Server) -> None:
    boot(server, {"nfs": nfs(), "sql": SQL, "other": nfs(autostart="no")})
    domus(server, "stop", "nfs")
    full = server.root / "var/fill"
    with pytest.raises(OSError, match="No space"), full.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65536)
    said = domus(server, "start", "nfs", "other", status=1)
    for name in ("nfs", "other"):
        assert f"domUs/{name}.cfg cannot be written.\ngoldmaster: {name}: not started." in said
    assert domains(server) == {"sql"}
    assert config(server, "nfs").startswith('name = "nfs"'), "the old one, whole"
    full.unlink()
    assert "nfs: started." in domus(server, "start", "nfs")


def test_two_starts_at_once(server: Server) -> None:
    boot(server, {"nfs": nfs(autostart="no"), "sql": SQL})
    server.run("/bin/sh", "-c", "echo 1 >/var/run/goldmaster/domus.pid")
    assert "process 1 starts domUs at the moment; wait for its end." in domus(
        server, "start", "nfs", status=1)
    server.run("/bin/sh", "-c", "echo 999999999 >/var/run/goldmaster/domus.pid")
    assert "nfs: started." in domus(server, "start", "nfs")


def test_a_start_that_is_killed_at_any_step_is_made_good_by_the_next(server: Server) -> None:
    boot(server, {"a": nfs(autostart="no"), "b": nfs(autostart="no", config_disk="/dev/wd0f")})
    killed, steps = True, 1
    while killed:
        server.write("kill", f"{steps} /var/run/goldmaster/domus.pid\n")
        done = server.run("/bin/sh", "/etc/rc.d/domus", "start", "a", "b")
        killed = done.returncode != 0
        server.write("kill", "")
        said = domus(server, "start", "a", "b")
        assert domains(server) == {"a", "b"}, (steps, done.stdout, said)
        assert vnds(server) == records_of(server) == {"vnd0": "/images/base.ffs"}, steps
        domus(server, "stop")
        assert vnds(server) == records(server) == {}, steps
        steps += 2
    assert steps > 10


def test_settings_that_are_no_numbers(server: Server) -> None:
    console = boot(server, {"nfs": nfs()}, rc="domus_stop_seconds=soon\n").console
    assert "rc.conf: domus_stop_seconds must be a whole number, is 'soon'; it is 60." in console
    assert domains(server) == {"nfs"}


# stopping


def test_all_are_stopped_at_once_and_clients_before_their_servers(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL, "storage": STORAGE})
    server.write("xl-does/shutdown.a", "1")
    server.write("log", "")
    domus(server, "stop")
    assert domains(server) == set()
    told = [call.split()[2] for call in calls(server, "xl") if "shutdown" in call]
    assert sorted(told[:2]) == ["2", "3"], "together"
    assert told[2:] == ["1"]
    order = calls(server, "xl")
    waited = [place for place, call in enumerate(order) if call == "xl domid a"]
    assert order.index("xl shutdown 1") > waited[2], "after the end of its clients"
    assert not [call for call in order if "destroy" in call]
    assert vnds(server) == records(server) == {}


def test_one_that_does_not_stop_is_destroyed(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL}, rc="domus_stop_seconds=1\n")
    server.write("xl-does/shutdown.a", "never")
    said = domus(server, "stop")
    assert "goldmaster: a: did not stop within 1 seconds: destroyed.\n" in said
    assert [call for call in calls(server, "xl") if "destroy" in call] == ["xl destroy 1"]
    assert domains(server) == set()
    assert vnds(server) == {}


def test_one_that_cannot_even_be_destroyed(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL}, rc="domus_stop_seconds=1\n")
    server.write("xl-does/shutdown.a", "never")
    server.write("xl-does/destroy.a", "fail")
    assert "goldmaster: a: xl destroy failed.\n" in domus(server, "stop", status=1)
    assert domains(server) == {"a"}
    assert vnds(server) == records_of(server) == {"vnd0": "/images/base.ffs"}


def test_one_of_two_with_one_image_is_stopped(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL})
    domus(server, "stop", "a")
    assert domains(server) == {"b"}
    assert vnds(server) == records_of(server) == {"vnd0": "/images/base.ffs"}
    assert domus(server, "stop", "a") == ""


def test_one_whose_file_is_gone_is_stopped_with_the_others(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL})
    (server.sim / "fs/c/local/domUs/a").unlink()
    domus(server, "stop")
    assert domains(server) == set()


def test_what_others_started_is_left_alone(server: Server) -> None:
    boot(server, {"a": nfs()})
    server.write("xl/guest/id", "77\n")
    domus(server, "stop")
    assert domains(server) == {"guest"}


def test_a_name_of_digits_is_not_taken_for_a_number(server: Server) -> None:
    """As xl does: `xl destroy 2` means the domain with the number 2."""
    boot(server, {"1": nfs(boot_order="60"), "2": SQL, "3": STORAGE}, rc="domus_stop_seconds=1\n")
    assert (server.sim / "xl/2/id").read_text() == "2\n"
    assert (server.sim / "xl/1/id").read_text() == "3\n"
    server.write("xl-does/shutdown.1", "never")
    domus(server, "stop", "1")
    assert domains(server) == {"2", "3"}
    domus(server, "stop", "3")
    assert domains(server) == {"2"}


def test_restart(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL})
    server.write("fs/c/local/domUs/a", nfs(memory="512"))
    domus(server, "restart", "a")
    assert "memory = 512" in config(server, "a")
    assert (server.sim / "xl/a/id").read_text() == "3\n"
    assert (server.sim / "xl/b/id").read_text() == "2\n"
    domus(server, "restart")
    assert domains(server) == {"a", "b"}


# listing


def test_the_table(server: Server) -> None:
    boot(server, {"a": nfs(), "b": nfs(autostart="no", config_disk="/dev/wd0f"),
                  "bad": "memory=$x\n", "storage": STORAGE})
    table = domus(server, "list")
    assert [line.split() for line in table.splitlines()] == [
        ["NAME", "STATE", "MEMORY", "VERSION", "AUTOSTART", "DOMID"],
        ["storage", "running", "1024", "cd", "yes", "1"],
        ["a", "running", "1024", "cd", "yes", "2"],
        ["b", "stopped", "1024", "cd", "no", "-"],
        ["bad", "bad", "-", "cd", "-", "-"],
    ]
    assert domus(server, "status") == table
    assert domus(server, "list", "a").splitlines()[1].split()[:2] == ["a", "running"]
    assert "no domU of this name" in domus(server, "list", "none", status=1)
