"""goldmaster-update: all or nothing, whatever happens, with a real repository."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.repository import Repository, svn
from support.simulator import Server
from support.simulator.checkouts import ask_svn, check_out, furnish, run, script, state

SITE = {
    "pservers/alpha/host.conf": "memory=1024\n",
    "pservers/alpha/domUs/sql": "memory=512\n",
    "pservers/alpha/etc/rc.conf": ". /etc/defaults/rc.conf\nrc_configured=YES\nhostname=alpha\n",
    "pservers/alpha/etc/syslog.conf": "old\n",
    "pservers/alpha/etc/ifconfig.wm0": "up\n",
    "pservers/alpha/etc/rc.d/mine": "#!/bin/sh\necho mine: $1\n",
    "pservers/alpha/etc/gone": "old\n",
    "pservers/alpha/etc/deep/er/gone": "old\n",
    "pservers/alpha/etc/file-then-folder": "old\n",
    "pservers/alpha/etc/secret": "old\n",
    "pservers/alpha/etc/a name": "old\n",
    "pservers/alpha/etc/same": "old\n",
    "global/hosts": "old\n",
    "global/inetd.conf": "old\n",
}
CHANGES: dict[str, str | None] = {
    "pservers/alpha/domUs/sql": "memory=1024\n",
    "pservers/alpha/etc/syslog.conf": "new\n",
    "pservers/alpha/etc/rc.d/mine": "#!/bin/sh\necho mine, newer: $1\n",
    "pservers/alpha/etc/gone": None,
    "pservers/alpha/etc/deep": None,
    "pservers/alpha/etc/secret": "new\n",
    "pservers/alpha/etc/a name": "new\n",
    "pservers/alpha/etc/new/er/file": "new\n",
    "global/hosts": "new\n",
    "global/inetd.conf": "new\n",
}


@dataclass
class Fleet:
    """A server, its partition, and the repository."""

    server: Server
    repository: Repository
    config: Path

    def update(self, *words: str, status: int = 0) -> str:
        """What goldmaster-update says."""
        done = run(self.server, "/bin/sh", "/usr/sbin/goldmaster-update", *words)
        assert done.returncode == status, done.stdout
        return done.stdout

    @property
    def state(self) -> dict[str, str]:
        """What the partition has."""
        return state(self.config)

    def is_clean(self, revision: int) -> None:
        """Subversion finds nothing to say about both checkouts, and nothing is left over."""
        for name in ("local", "global"):
            assert ask_svn(self.server, "status", "-q", f"/config/{name}") == ""
            assert ask_svn(self.server, "info", "--show-item", "revision", "--no-newline",
                           f"/config/{name}") == str(revision)
        assert not (self.config / ".update").exists()


@pytest.fixture(params=["dash", "mksh"])
def shell(request: pytest.FixtureRequest) -> str:
    assert shutil.which(request.param)
    return str(request.param)


@pytest.fixture
def fleet(shell: str, tmp_path: Path) -> Iterator[Fleet]:
    site = tmp_path / "site"
    for name, text in SITE.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "pservers/alpha/etc/rc.d/mine").chmod(0o755)
    for name in ("hosts", "inetd.conf"):
        (site / f"pservers/alpha/etc/{name}").symlink_to(f"/config/global/{name}")
    with Repository(tmp_path / "svn", site) as repository, \
            Server(tmp_path / "server", shell=shell) as server:
        furnish(server)
        config = check_out(server, repository, "alpha")
        (config / "local/etc/secret").chmod(0o600)
        boot = server.boot()
        assert boot.status == 0, boot.console
        yield Fleet(server, repository, config)


def change(fleet: Fleet) -> None:
    """Revision 2."""
    work = fleet.repository.work / "pservers/alpha/etc"
    svn("propset", "-q", "svn:executable", "on", work / "same")
    svn("rm", "-q", work / "file-then-folder")
    svn("rm", "-q", work / "hosts")
    assert fleet.repository.commit(CHANGES) == 2


def expected(fleet: Fleet) -> dict[str, str]:
    """What a fresh checkout of HEAD has, but for the mode of a file that had one of its own."""
    fresh = fleet.repository.folder.parent / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    for name, place in (("local", "pservers/alpha"), ("global", "global")):
        svn("checkout", "-q", f"{fleet.repository.url}/{place}", fresh / name)
    (fresh / "local/etc/secret").chmod(0o600)
    return state(fresh)


def test_both_checkouts_are_updated_and_go_back(fleet: Fleet) -> None:
    change(fleet)
    before = fleet.state
    text = fleet.update()
    assert "the configuration is that of revision 2 now." in text
    assert "M       local/etc/syslog.conf" in text
    assert fleet.state == expected(fleet) != before
    assert fleet.state["local/etc/secret"] == "0600 new\n"
    assert fleet.state["local/etc/same"] == "0755 old\n"
    assert "local/etc/deep" not in fleet.state
    fleet.is_clean(2)
    assert (fleet.config / "before").read_text() == "1 1\n"
    assert "revision 2 is what is there." in fleet.update()
    assert "revision 1 now" in fleet.update("-b")
    assert fleet.state == before
    fleet.is_clean(1)
    assert "revision 2 now" in fleet.update("-b"), "and forward again"
    assert fleet.state == expected(fleet)


def test_a_certain_revision(fleet: Fleet) -> None:
    change(fleet)
    before = fleet.state
    fleet.repository.commit({"global/hosts": "newer\n"})
    fleet.update("-r", "2")
    fleet.is_clean(2)
    assert fleet.state["global/hosts"].endswith("new\n")
    fleet.update("-r", "1")
    assert fleet.state == before
    assert "nothing was changed" in fleet.update("-r", "77", status=1)
    assert fleet.state == before


def test_what_would_change(fleet: Fleet) -> None:
    change(fleet)
    before = fleet.state
    text = fleet.update("-n")
    assert "from revision 1 to 2:" in text
    assert "D       local/etc/gone" in text
    assert "/etc/rc.d/syslogd restart" in text
    assert fleet.state == before
    fleet.is_clean(1)


def test_services(fleet: Fleet) -> None:
    change(fleet)
    text = fleet.update()
    touched = text.partition("what is touched:\n")[2].splitlines()
    assert sorted(line.strip() for line in touched) == [
        "global/inetd.conf: /etc/rc.d/inetd restart",
        "local/domUs/sql: /etc/rc.d/domus restart sql",
        "local/etc/rc.d/mine: /etc/rc.d/mine restart",
        "local/etc/syslog.conf: /etc/rc.d/syslogd restart",
    ]
    assert "mine, newer" not in text
    fleet.repository.commit({"pservers/alpha/etc/ifconfig.wm0": "down\n",
                             "pservers/alpha/etc/rc.conf": SITE["pservers/alpha/etc/rc.conf"],
                             "pservers/alpha/etc/ssh/sshd_config": "Port 22\n",
                             "pservers/alpha/etc/fstab": "new\n"})
    text = fleet.update("-n")
    assert "local/etc/ifconfig.wm0: /etc/rc.d/network restart" in text
    assert "local/etc/ssh/sshd_config: /etc/rc.d/sshd restart" in text
    assert "local/etc/fstab: a new start of the server" in text


def test_services_are_restarted_when_asked_for(fleet: Fleet) -> None:
    fleet.repository.commit({"pservers/alpha/etc/rc.conf.d/mine": "mine_flags=x\n",
                             "pservers/alpha/etc/rc.conf.d/network": "network_flags=x\n"})
    text = fleet.update("-y")
    assert "/etc/rc.d/mine restart\nmine: restart\n" in text
    assert text.endswith("/etc/rc.d/network restart\n") or "network restart\n\tlocal" in text


# what the server has of its own


def test_what_only_the_server_has_stays(fleet: Fleet) -> None:
    (fleet.config / "local/etc/deep/er/own").write_text("own\n")
    (fleet.config / "local/etc/own").write_text("own\n")
    (fleet.config / "local/etc/rc.conf").write_text("changed here\n")
    change(fleet)
    fleet.update()
    assert fleet.state["local/etc/deep/er/own"].endswith("own\n")
    assert fleet.state["local/etc/own"].endswith("own\n")
    assert fleet.state["local/etc/rc.conf"].endswith("changed here\n")
    assert "local/etc/deep/er/gone" not in fleet.state


def test_a_conflict_changes_nothing(fleet: Fleet) -> None:
    change(fleet)
    (fleet.config / "local/etc/syslog.conf").write_text("changed here\n")
    before = fleet.state
    text = fleet.update(status=1)
    assert "changed here and in the repository: local/etc/syslog.conf" in text
    assert "nothing was changed" in text
    assert fleet.state == before
    (fleet.config / "local/etc/syslog.conf").write_text("old\n")
    fleet.update()
    assert fleet.state == expected(fleet)


def test_a_file_in_the_way_changes_nothing(fleet: Fleet) -> None:
    change(fleet)
    (fleet.config / "local/etc/new").write_text("in the way\n")
    before = fleet.state
    assert "changed here and in the repository: local/etc/new" in fleet.update(status=1)
    assert fleet.state == before
    assert not (fleet.config / ".update").exists()


def test_kinds_of_files_change(fleet: Fleet) -> None:
    etc = fleet.repository.work / "pservers/alpha/etc"
    svn("rm", "-q", etc / "file-then-folder", etc / "inetd.conf", etc / "deep")
    fleet.repository.commit({"pservers/alpha/etc/file-then-folder/inside": "new\n",
                             "pservers/alpha/etc/inetd.conf": "a file now\n"})
    (etc / "deep").symlink_to("/tmp")
    fleet.repository.commit({})
    fleet.update()
    assert fleet.state == expected(fleet)
    assert fleet.state["local/etc/deep"] == "link /tmp"
    fleet.is_clean(3)
    fleet.update("-b")
    assert fleet.state["local/etc/deep/er/gone"] == "0644 old\n"
    fleet.is_clean(1)


# what goes wrong


def test_a_server_that_is_lost(fleet: Fleet) -> None:
    change(fleet)
    before = fleet.state
    fleet.repository.stop()
    assert "nothing was changed" in fleet.update(status=1)
    fleet.is_clean(1)
    fleet.repository.start()
    lost = fleet.server.sim / "before-svn"  # between the two checkouts
    script(lost, "#!/bin/sh\nfor last; do :; done\n"
                 f"case \"$*\" in *update*global) kill -9 {fleet.repository.pid} ;; esac\n")
    text = fleet.update(status=1)
    assert "svn update has failed" in text
    assert "nothing was changed" in text
    assert fleet.state == before
    fleet.is_clean(1)
    lost.unlink()
    fleet.repository.stop()
    fleet.repository.start()
    fleet.update()
    assert fleet.state == expected(fleet)


def kills(fleet: Fleet, saved: Path, *words: str) -> Iterator[int]:
    """Kill the update at its first step, its second …; what it left is seen each time, and then
    the partition is as it was saved.
    """
    kill_at, step = fleet.server.sim / "kill-at", 0
    while True:
        restore(saved, fleet.config)
        kill_at.write_text(f"{step}\n")
        done = run(fleet.server, "/bin/sh", "/usr/sbin/goldmaster-update", *words)
        kill_at.unlink()
        if done.returncode == 0:
            return
        yield step
        step += 1


def save(fleet: Fleet, folder: Path) -> Path:
    shutil.copytree(fleet.config, folder, symlinks=True)
    return folder


def restore(source: Path, target: Path) -> None:
    """As it was, in the same folders: /etc lies on one of them."""
    for path in list(target.iterdir()):
        if path.name == ".work":
            continue
        if path.name in {"local", "etc"}:
            restore(source / path.name, path)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in source.iterdir():
        if path.is_dir() and not path.is_symlink():
            if not (target / path.name).exists():
                shutil.copytree(path, target / path.name, symlinks=True)
        else:
            shutil.copy2(path, target / path.name, follow_symlinks=False)


def test_a_kill_before_anything_is_moved(fleet: Fleet, tmp_path: Path) -> None:
    change(fleet)
    before, count = fleet.state, 0
    for count in kills(fleet, save(fleet, tmp_path / "saved")):
        if (fleet.config / ".update/ready").exists():
            break
        assert fleet.state == before, count
        staged = (fleet.config / ".update").exists()
        assert ("an update was cut off before it changed" in fleet.update("-c")) == staged
        fleet.is_clean(1)
    assert count > 12
    assert (fleet.config / ".update/ready").exists()


def test_a_kill_while_files_are_moved(fleet: Fleet, tmp_path: Path) -> None:
    """It is gone on with, without the repository."""
    change(fleet)
    wanted, before = expected(fleet), fleet.state
    killer = fleet.server.sim / "before-rm"
    script(killer, "#!/bin/sh\n[ ! -e /config/.update/ready ] || kill -9 0\n")
    run(fleet.server, "/bin/sh", "/usr/sbin/goldmaster-update")
    killer.unlink()
    assert (fleet.config / ".update/ready").exists()
    fleet.repository.stop()
    states, count = [], 0
    for count in kills(fleet, save(fleet, tmp_path / "saved"), "-c"):
        states.append(fleet.state)
        text = fleet.update("-c")
        if "an update was cut off" not in text:
            assert states[-1] == wanted, "it was killed at the very end"
        assert fleet.state == wanted, count
        assert (fleet.config / "before").read_text() == "1 1\n"
        assert not (fleet.config / ".update").exists()
        if count % 8 == 0:
            fleet.is_clean(2)
    fleet.is_clean(2)
    assert count > 20
    assert any(state not in (before, wanted) for state in states)
    fleet.repository.start()


def test_what_was_cut_off_is_finished_at_the_next_start(
    fleet: Fleet, tmp_path: Path, shell: str
) -> None:
    change(fleet)
    wanted = expected(fleet)
    script(fleet.server.sim / "before-mv", "#!/bin/sh\ncase $* in *hosts*) kill -9 0 ;; esac\n")
    run(fleet.server, "/bin/sh", "/usr/sbin/goldmaster-update")
    assert (fleet.config / ".update/ready").exists()
    assert fleet.state != wanted
    with Server(tmp_path / "again", shell=shell) as server:
        furnish(server)
        server.file_system("config", {})
        config = server.sim / "fs/config"
        shutil.copytree(fleet.config, config, symlinks=True, dirs_exist_ok=True)
        server.disk("wd0", {"a": "config"})
        boot = server.boot()
        assert boot.status == 0, boot.console
        assert "an update of the configuration was cut off; going on with it." in boot.console
        assert state(config) == wanted
        assert server.run("/bin/cat", "/etc/syslog.conf").stdout == "new\n"


def test_a_full_disk(fleet: Fleet) -> None:
    change(fleet)
    before = fleet.state
    filler = fleet.config / "filler"
    with filler.open("wb") as file:
        try:
            while file.write(b"x" * 65536):
                file.flush()
        except OSError:
            pass
        file.truncate(max(file.tell() - 40_000, 0))
    text = fleet.update(status=1)
    assert "nothing was changed" in text
    assert fleet.state == before
    fleet.is_clean(1)
    filler.unlink()
    fleet.update()
    assert fleet.state == expected(fleet)


def test_files_that_cannot_be_moved_are_told(fleet: Fleet) -> None:
    change(fleet)
    broken = fleet.server.sim / "before-mv"
    script(broken, "#!/bin/sh\ncase $* in *syslog.conf*) exit 1 ;; esac\n")
    text = fleet.update(status=1)
    assert "cannot be replaced: local/etc/syslog.conf" in text
    assert "half new. goldmaster-update -c goes on" in text
    broken.unlink()
    fleet.update("-c")
    assert fleet.state == expected(fleet)
    fleet.is_clean(2)


def test_a_file_that_is_edited_meanwhile(fleet: Fleet) -> None:
    change(fleet)
    editor = fleet.server.sim / "before-svn"
    script(editor, "#!/bin/sh\ncase \"$*\" in *update*global) "
                   "echo edited >/config/local/etc/syslog.conf ;; esac\n")
    text = fleet.update(status=1)
    assert "changed meanwhile: /config/local/etc/syslog.conf" in text
    assert fleet.state["local/etc/syslog.conf"].endswith("edited\n")
    assert fleet.state["global/hosts"].endswith("old\n")


def test_two_at_once(fleet: Fleet) -> None:
    lock = fleet.server.root / "var/run/goldmaster/update.pid"
    fleet.server.run("/bin/mkdir", "-p", "/var/run/goldmaster")
    fleet.server.run("/bin/sh", "-c", "echo 1 >/var/run/goldmaster/update.pid")
    assert "going on already (process 1)" in fleet.update(status=1)
    fleet.server.run("/bin/sh", "-c", "echo 4194305 >/var/run/goldmaster/update.pid")
    assert "revision 1 is what is there" in fleet.update()
    assert not lock.exists()


def test_what_is_no_checkout(fleet: Fleet) -> None:
    (fleet.config / "global/.svn").rename(fleet.config / "kept")
    assert "/config/global is no checkout but a plain copy" in fleet.update(status=1)
    (fleet.config / "kept").rename(fleet.config / "global/.svn")
    assert "nothing is known of an update before" in fleet.update("-b", status=1)
    for words in (("-r", "x"), ("-r", "1", "more"), ("-z",), ("more",), ("-r", "1", "-b")):
        assert "usage: goldmaster-update" in fleet.update(*words, status=2), words
    (fleet.config / "GOLDMASTER").unlink()
    assert "there is no configuration on /config" in fleet.update(status=1)
