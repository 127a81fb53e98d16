"""Authorities of the site, for https: rc.d/trust. The judge is openssl on the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers.authority import authority, server_certificate
from support.simulator import HERE, MARKER, Boot, Server
from support.simulator.checkouts import script

RC_CONF = ". /etc/defaults/rc.conf\nrc_configured=YES\ncron=NO inetd=NO syslogd=NO\n"
PUBLIC, FLEET = "usr/share/certs/mozilla/server/Public.pem", "etc/openssl/trusted/fleet.pem"
# As root stages leave it.
CONF = (
    "netbsd-certctl 20230816\npath\t/usr/share/certs/mozilla/server\npath\t/etc/openssl/trusted\n"
)
ANCHORS = "/etc/openssl/certs"


class Signers:
    """Two authorities: a public one, and the fleet's. Each has signed a server's certificate."""

    def __init__(self, folder: Path) -> None:
        self.pem, self.leaf = {}, {}
        for name in ("public", "fleet"):
            made = authority(folder / name, f"The {name} authority")
            self.pem[name] = made[0].read_text()
            server_certificate(folder / name, made)
            self.leaf[name] = (folder / name / "server.crt").read_text()


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    return Signers(tmp_path_factory.mktemp("signers"))


@pytest.fixture(params=["dash", "mksh"])
def server(request: pytest.FixtureRequest, tmp_path: Path, signers: Signers) -> Iterator[Server]:
    with Server(tmp_path / "server", shell=str(request.param)) as made:
        made.programs("openssl")
        script(made.root / "usr/sbin/certctl", (HERE / "certctl").read_text())
        for path, text in {PUBLIC: signers.pem["public"], "etc/openssl/certs.conf": CONF}.items():
            (made.root / path).parent.mkdir(parents=True, exist_ok=True)
            (made.root / path).write_text(text)
        anchors = made.root / ANCHORS[1:]
        anchors.mkdir(parents=True, exist_ok=True)
        (anchors / "ca-certificates.crt").write_text(signers.pem["public"])
        for name, text in signers.leaf.items():
            (made.root / f"{name}.crt").write_text(text)
        yield made


def start(server: Server, files: dict[str, str]) -> Boot:
    """A boot with these files in the server's configuration."""
    config = {f"local/{path}": text for path, text in files.items()}
    server.file_system("c", {MARKER: "", "local/etc/rc.conf": RC_CONF, **config})
    server.disk("wd0", {"a": "c"})
    boot = server.boot("autoboot")
    assert boot.status == 0, boot.console
    return boot


def trusted(server: Server) -> set[str]:
    """The servers that programs of this machine trust."""
    words = ["-no-CAfile", "-no-CAstore", "-CApath", ANCHORS]
    return {
        name
        for name in ("public", "fleet")
        if server.run("/usr/bin/openssl", "verify", *words, f"/{name}.crt").returncode == 0
    }


def restart(server: Server) -> str:
    """What follows an update of the configuration."""
    done = server.run("/bin/sh", "/etc/rc.d/trust", "start")
    assert done.returncode == 0, done.stdout
    return done.stdout


def written(server: Server) -> list[Path]:
    """Files that came into the configuration's own folder of anchors."""
    folder = server.sim / "fs/c/local/etc/openssl/certs"
    return list(folder.iterdir()) if folder.exists() else []


def test_an_authority_of_the_site(server: Server, signers: Signers) -> None:
    boot = start(server, {FLEET: signers.pem["fleet"]})
    assert trusted(server) == {"public", "fleet"}
    bundle = server.run("/bin/cat", f"{ANCHORS}/ca-certificates.crt").stdout
    assert bundle == signers.pem["public"] + signers.pem["fleet"]
    assert "goldmaster: THE" not in boot.console
    assert not written(server)
    assert server.run("/bin/ls", "/var/run/goldmaster").stdout == ""
    server.power_off()
    assert server.boot("autoboot").status == 0
    assert trusted(server) == {"public", "fleet"}


def test_a_link_into_what_the_fleet_shares(server: Server, signers: Signers) -> None:
    server.file_system("c", {MARKER: "", "local/etc/rc.conf": RC_CONF})
    config = server.sim / "fs/c"
    (config / "global").mkdir()
    (config / "global/fleet.pem").write_text(signers.pem["fleet"])
    (config / "local" / FLEET).parent.mkdir(parents=True)
    (config / "local" / FLEET).symlink_to("/config/global/fleet.pem")
    server.disk("wd0", {"a": "c"})
    assert server.boot("autoboot").status == 0
    assert trusted(server) == {"public", "fleet"}


def test_nothing_of_the_site(server: Server) -> None:
    boot = start(server, {"etc/openssl/openssl.cnf": "x\n"})
    assert not boot.calls_of("certctl")
    assert f"mount_tmpfs -m 755 -s 16m tmpfs {ANCHORS}" not in boot.calls
    assert server.run("/bin/ls", ANCHORS).stdout == "ca-certificates.crt\n"


def test_an_update(server: Server, signers: Signers) -> None:
    start(server, {})
    own = server.root / "etc/openssl/trusted"
    (server.sim / "fs/c/local" / FLEET).parent.mkdir(parents=True, exist_ok=True)
    (own / "fleet.pem").write_text(signers.pem["fleet"])
    assert restart(server) == restart(server) == ""
    assert trusted(server) == {"public", "fleet"}
    (own / "fleet.pem").unlink()
    restart(server)
    assert server.run("/bin/ls", ANCHORS).stdout == "ca-certificates.crt\n", "the image's"


def test_one_that_is_excluded(server: Server, signers: Signers) -> None:
    server.file_system("c", {MARKER: "", "local/etc/rc.conf": RC_CONF, f"local/{FLEET}": ""})
    config = server.sim / "fs/c/local"
    (config / FLEET).write_text(signers.pem["fleet"])
    (config / "etc/openssl/untrusted").mkdir()
    (config / "etc/openssl/untrusted/Public.pem").symlink_to(f"/{PUBLIC}")
    server.disk("wd0", {"a": "c"})
    assert server.boot("autoboot").status == 0
    assert trusted(server) == {"fleet"}


@pytest.mark.parametrize(
    "files",
    [{"etc/openssl/certs.conf": "path /etc/x\n"}, {"etc/openssl/trusted/Public.pem": "x\n"}],
    ids=["no form", "twice"],
)
def test_what_certctl_refuses(server: Server, files: dict[str, str]) -> None:
    boot = start(server, files)
    assert "goldmaster: THE AUTHORITIES OF /etc/openssl ARE NOT TRUSTED: see above" in boot.console
    assert "certctl: " in boot.console
    assert server.run("/bin/ls", ANCHORS).stdout == "ca-certificates.crt\n"
    assert not written(server)


def test_no_memory(server: Server, signers: Signers) -> None:
    start(server, {FLEET: signers.pem["fleet"]})
    server.write("no-memory", "")
    assert "only the image's authorities are trusted" in restart(server)
    assert server.run("/bin/ls", ANCHORS).stdout == "ca-certificates.crt\n"


def test_a_release_without_certctl(server: Server, signers: Signers) -> None:
    (server.root / "usr/sbin/certctl").unlink()
    assert "this release has no certctl" in start(server, {FLEET: signers.pem["fleet"]}).console
