"""goldmaster-update: kill -9 at every step."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from support.machines.updates import Fleet, change, expected
from support.simulator import Server
from support.simulator.checkouts import furnish, run, script, state


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
