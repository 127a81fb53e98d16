"""goldmaster-update: servers lost, disks full, two at once."""

from __future__ import annotations

import os

from support.machines.updates import Fleet, change, expected
from support.simulator.checkouts import script


def test_a_server_that_is_lost(fleet: Fleet) -> None:
    change(fleet)
    before = fleet.state
    fleet.repository.stop()
    assert "nothing was changed" in fleet.update(status=1)
    fleet.is_clean(1)
    fleet.repository.start()
    lost = fleet.server.sim / "before-svn"  # between the two checkouts
    script(
        lost,
        "#!/bin/sh\nfor last; do :; done\n"
        f'case "$*" in *update*global) kill -9 {fleet.repository.pid} ;; esac\n',
    )
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
    script(
        editor,
        '#!/bin/sh\ncase "$*" in *update*global) '
        "echo edited >/config/local/etc/syslog.conf ;; esac\n",
    )
    text = fleet.update(status=1)
    assert "changed meanwhile: /config/local/etc/syslog.conf" in text
    assert fleet.state["local/etc/syslog.conf"].endswith("edited\n")
    assert fleet.state["global/hosts"].endswith("old\n")


def test_two_at_once(fleet: Fleet) -> None:
    lock = fleet.server.root / "var/run/goldmaster/update.pid"
    fleet.server.run("/bin/mkdir", "-p", "/var/run/goldmaster")
    fleet.server.run("/bin/sh", "-c", f"echo {os.getpid()} >/var/run/goldmaster/update.pid")
    assert f"going on already (process {os.getpid()})" in fleet.update(status=1)
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
