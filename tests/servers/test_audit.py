"""goldmaster-audit: what is not as it was pressed is found, by the real mtree(8)."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.simulator import HERE, MARKER, Server
from support.simulator.shells import SHELLS

from buildlib.model.digest import sha256
from buildlib.model.tree import ROOT, Entry, Kind, tree_of
from buildlib.stages.system.manifest import LIST, Audit, audit_list

CONFIG = {MARKER: "", "local/etc/motd": "of the configuration\n"}
CLEAN = "goldmaster: this is what was pressed"
OTHER = "goldmaster: this is not what was pressed"
SIMULATOR = ("host", "sim")  # folders that the simulator mounts its own on
TIME = 1_700_000_000


class Audited:
    """A server whose root has a list of itself; change it, then `start`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        server.programs("cmp", "sed", "tr", "df", "mtree")
        shutil.copy2(HERE / "bare/df", server.root / "sbin/df")
        (server.root / "usr/bin/df").unlink()
        self.root_on("cd0", "d")
        for name in ("bin/tool", "odd [names]*?", "a name", "etc/a.b"):
            self.write(name, f"{name}\n")
        (server.root / "bin/tool").chmod(0o555)
        self.write(LIST, "").chmod(0o444)
        for path in (server.root, *server.root.rglob("*")):  # media have whole seconds
            os.utime(path, (TIME, TIME), follow_symlinks=False)
        tamper(self, LIST, audit_list(tree_of(self.entries()), Audit(), time=0).decode())

    def root_on(self, disk: str, letters: str) -> None:
        """The root's disk, and the partitions by which it can be mounted once more."""
        self.server.write("sysctl/kern.root_device", f"{disk}\n")
        self.server.write("root-devices", "".join(f"/dev/{disk}{name}\n" for name in letters))

    def write(self, name: str, text: str) -> Path:
        path = self.server.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # root may write to what nobody may
        path.write_text(text)
        return path

    def entries(self) -> Iterator[Entry]:
        """The root as it is, seen by Python."""
        root = self.server.root
        for path in [root, *sorted(root.rglob("*"))]:
            name = str(path.relative_to(root))
            status = path.lstat()
            kind: Kind = "link" if path.is_symlink() else "dir" if path.is_dir() else "file"
            data = path.read_bytes() if kind == "file" else b""
            yield Entry(
                ROOT if name == "." else name,
                kind,
                stat.S_IMODE(status.st_mode),
                _inside(status.st_uid, os.geteuid()),
                _inside(status.st_gid, os.getegid()),
                int(status.st_mtime),
                len(data),
                sha256(data) if kind == "file" else "",
                os.readlink(path) if kind == "link" else "",
            )

    def start(self) -> None:
        """Boot, with a configuration."""
        self.server.file_system("c", CONFIG)
        self.server.disk("wd0", {"a": "c"})
        boot = self.server.boot()
        assert boot.status == 0, boot.console

    def audit(self, *words: str, status: int = 0) -> str:
        """What goldmaster-audit says."""
        done = self.server.run("/bin/sh", "/usr/sbin/goldmaster-audit", *words)
        assert done.returncode == status, done.stdout
        left = [path for path in (self.server.root / "tmp").iterdir() if "audit" in path.name]
        assert not left
        return done.stdout


def _inside(number: int, own: int) -> int:
    """An owner as the server sees it: whoever runs the tests is root there."""
    return 0 if number == own else number


@pytest.fixture(params=SHELLS)
def audited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Audited]:
    with Server(tmp_path / "server", shell=request.param) as server:
        yield Audited(server)


def tamper(audited: Audited, name: str, text: str | None) -> None:
    """Change a file, and hide that: folder and file are as old as before."""
    path = audited.server.root / name
    times = [(place, place.lstat().st_mtime_ns) for place in (path, path.parent) if place.exists()]
    if text is None:
        path.unlink()
    else:
        mode = path.stat().st_mode if path.exists() else 0o100644
        if path.exists():
            path.chmod(mode | 0o200)  # root may write to what nobody may
        path.write_text(text)
        path.chmod(mode)
    for place, time in times:
        if place.exists():
            os.utime(place, ns=(time, time))


@pytest.mark.parametrize("words", [(), ("-c",), ("-q",)])
def test_nothing_has_changed(audited: Audited, words: tuple[str, ...]) -> None:
    """Though much is laid over the root: the configuration, /dev, /tmp and /var."""
    audited.start()
    assert audited.server.run("/bin/cat", "/etc/motd").stdout == "of the configuration\n"
    text = audited.audit(*words)
    assert text.startswith(CLEAN)
    assert text.count("\n") == 1
    assert ("contents" in text) == (words == ("-c",))
    assert not (audited.server.root / "mnt/bin").exists()


def test_a_stick_s_other_name(audited: Audited) -> None:
    """Its root is sd0d; without wedges sd0a is the same."""
    audited.root_on("sd0", "a")
    audited.start()
    text = audited.audit()
    assert text.startswith(CLEAN)
    assert "not looked at" not in text


def test_a_content_of_the_same_size_is_found_by_its_digest(audited: Audited) -> None:
    tamper(audited, "bin/tool", "BIN/TOOL\n")
    audited.start()
    assert audited.audit().startswith(CLEAN)
    text = audited.audit("-c", status=1)
    assert "bin/tool: \n\tsha256 (0x" in text
    assert text.splitlines()[-1].startswith(OTHER)
    assert audited.audit("-cq", status=1).startswith(OTHER)


@pytest.mark.parametrize(
    "what", ["size", "mode", "owner", "time", "link", "missing", "extra", "kind", "below /etc"]
)
def test_a_change_is_found(audited: Audited, what: str) -> None:
    root, path = audited.server.root, audited.server.root / "bin/tool"
    expected = {
        "size": "size (9, 4)",
        "mode": "permissions (0555, 04555)",
        "owner": "user (7, 0)",
        "time": "modification time (",
        "link": "link ref (/",
        "missing": "missing: ./bin/tool",
        "extra": "extra: bin/new",
        "kind": "type (file, link)",
        "below /etc": "etc/a.b: \n\tsize (8, 4)",
    }[what]
    match what:
        case "size":
            tamper(audited, "bin/tool", "new\n")
        case "mode":
            path.chmod(0o4555)
        case "owner":
            text = (root / LIST).read_text()
            tamper(
                audited,
                LIST,
                text.replace("./bin/tool type=file uid=0", "./bin/tool type=file uid=7"),
            )
        case "time":
            os.utime(path, (1, 1))
        case "link":
            (root / "bin/sh").unlink()
            (root / "bin/sh").symlink_to("/host/bin/./dash")
        case "missing":
            path.unlink()
        case "extra":
            audited.write("bin/new", "new\n")
        case "kind":
            path.unlink()
            path.symlink_to("cat")
        case _:
            tamper(audited, "etc/a.b", "new\n")
    audited.start()
    text = audited.audit(status=1)
    assert expected in text
    assert OTHER in text


def test_what_is_laid_over_is_left_out_where_the_medium_cannot_be_seen(audited: Audited) -> None:
    audited.root_on("sd0", "")  # a stick, whose GPT has wedges
    tamper(audited, "etc/a.b", "new\n")
    audited.start()
    (audited.server.root / "var/tmp-file").write_text("x")
    for node in ("/etc", "/tmp", "/var", "/dev"):
        audited.server.write(f"mounted/over{node[1:]}", f"{node}\n")
    text = audited.audit("-c", status=1)
    left_out = next(line for line in text.splitlines() if "not looked at" in line)
    assert {"/etc", "/tmp", "/var", "/dev", "/config"} <= set(left_out.split())
    paths = [
        line.removeprefix("extra: ")
        for line in text.splitlines()
        if not line.startswith(("\t", "goldmaster:"))
    ]
    assert paths
    assert [path for path in paths if not path.startswith(SIMULATOR)] == []


def test_another_disc_in_the_drive_is_not_looked_at(audited: Audited) -> None:
    compare = audited.server.root / "usr/bin/cmp"
    compare.unlink()
    compare.write_text("#!/bin/sh\nexit 1\n")
    compare.chmod(0o755)
    audited.start()
    assert "not looked at" in audited.audit(status=1)
    assert not (audited.server.root / "mnt/bin").exists()


def test_what_cannot_be_said(audited: Audited) -> None:
    audited.write(LIST, "./bin type=dir\n./no/such/folder/file type=nonsense\n")
    audited.start()
    text = audited.audit(status=2)
    assert "nothing can be said about this system." in text
    assert "usage: goldmaster-audit" in audited.audit("-x", status=2)
    assert "usage: goldmaster-audit" in audited.audit("more", status=2)


def test_a_medium_without_a_list(audited: Audited) -> None:
    (audited.server.root / LIST).unlink()
    audited.start()
    assert "this medium has no list of itself" in audited.audit(status=2)
