"""goldmaster-update: checkouts go forward and back."""

from __future__ import annotations

from support.machines.updates import SITE, Fleet, change, expected
from support.servers.repository import svn
from support.simulator.checkouts import ask_svn


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
    fleet.repository.commit(
        {
            "pservers/alpha/etc/ifconfig.wm0": "down\n",
            "pservers/alpha/etc/rc.conf": SITE["pservers/alpha/etc/rc.conf"],
            "pservers/alpha/etc/ssh/sshd_config": "Port 22\n",
            "pservers/alpha/etc/fstab": "new\n",
            "pservers/alpha/etc/openssl/trusted/fleet.pem": "a certificate\n",
        }
    )
    text = fleet.update("-n")
    assert "local/etc/openssl/trusted/fleet.pem: /etc/rc.d/trust restart" in text
    assert "local/etc/ifconfig.wm0: /etc/rc.d/network restart" in text
    assert "local/etc/ssh/sshd_config: /etc/rc.d/sshd restart" in text
    assert "local/etc/fstab: a new start of the server" in text


def test_services_are_restarted_when_asked_for(fleet: Fleet) -> None:
    fleet.repository.commit(
        {
            "pservers/alpha/etc/rc.conf.d/mine": "mine_flags=x\n",
            "pservers/alpha/etc/rc.conf.d/network": "network_flags=x\n",
        }
    )
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
    fleet.repository.commit(
        {
            "pservers/alpha/etc/file-then-folder/inside": "new\n",
            "pservers/alpha/etc/inetd.conf": "a file now\n",
        }
    )
    (etc / "deep").symlink_to("/tmp")
    fleet.repository.commit({})
    fleet.update()
    assert fleet.state == expected(fleet)
    assert fleet.state["local/etc/deep"] == "link /tmp"
    fleet.is_clean(3)
    fleet.update("-b")
    assert fleet.state["local/etc/deep/er/gone"] == "0644 old\n"
    fleet.is_clean(1)


def test_folders_that_the_union_made_are_no_change(fleet: Fleet) -> None:
    """It makes one above for each below that anybody looks up: /etc/mail, /etc/ssh, ..."""
    for name in ("mail/deep", "mine"):
        (fleet.config / f"local/etc/{name}").mkdir(parents=True)
    assert (fleet.config / "local/etc/ssh").is_dir(), "the image's; nobody made it"
    (fleet.config / "local/etc/mine/own").write_text("kept\n")
    fleet.repository.commit({"pservers/alpha/etc/mail/aliases": "root: admin\n"})
    assert "changed here" not in fleet.update()
    assert fleet.state["local/etc/mail/aliases"].endswith("root: admin\n")
    assert fleet.state["local/etc/mine/own"].endswith("kept\n")


def test_what_was_changed_here_can_be_read(fleet: Fleet) -> None:
    """svn status alone has a line for each of the image's folders in /etc."""
    assert ask_svn(fleet.server, "status", "/config/local").count("?") > 3
    assert fleet.update("-s") == ""
    (fleet.config / "local/etc/ssh/extra").write_text("mine\n")
    (fleet.config / "local/etc/syslog.conf").write_text("mine\n")
    (fleet.config / "global/hosts").write_text("mine\n")
    assert fleet.update("-s").splitlines() == [
        "?       /config/local/etc/ssh",
        "M       /config/local/etc/syslog.conf",
        "M       /config/global/hosts",
    ]
