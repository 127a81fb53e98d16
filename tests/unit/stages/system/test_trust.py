"""Trust anchors in root trees. The judges are openssl, and programs that speak https."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from support.readers.trees import TIME, Contents, file, folder, link
from support.servers.authority import authority, https_server, server_certificate
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef, SourceTree
from buildlib.model.errors import StageError
from buildlib.model.tree import Tree
from buildlib.stages.system.root import Root
from buildlib.stages.system.trust import CONFIG, FOLDER, MARK

SETS = OutputRef("sets", "tree")
CONF = b"netbsd-certctl 20230816\n\n# words\n\npath\t/usr/share/certs/mozilla/server\n#manual\n"
ALL, SERVER = "usr/share/certs/mozilla/all", "usr/share/certs/mozilla/server"
OWN = "etc/openssl/trusted"


def mozilla() -> list[bytes]:
    """Certificates of public authorities, in PEM, each with its end."""
    text = Path(certifi.where()).read_bytes()
    parts = text.split(b"-----BEGIN CERTIFICATE-----")[1:]
    end = b"-----END CERTIFICATE-----\n"
    return [b"-----BEGIN CERTIFICATE-----" + part.partition(end)[0] + end for part in parts]


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private authority."""
    return authority(tmp_path_factory.mktemp("authority"))


def release(*certificates: bytes, conf: bytes = CONF) -> Contents:
    """The part of NetBSD 10's sets that matters, with these certificates."""
    tree: Contents = {
        **file("usr/sbin/certctl", b"#!/bin/sh\n", 0o555),
        **file(CONFIG, conf),
        **folder("etc/openssl", 0o755, gid=5),
        **folder(FOLDER),
    }
    for number, data in enumerate(certificates):
        tree |= file(f"{ALL}/Root_{number}.pem", data, 0o444)
        tree |= link(f"{SERVER}/Root_{number}.pem", f"../all/Root_{number}.pem")
    return tree


def overlay(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> SourceTree:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    for name, target in (links or {}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).symlink_to(target)
    return SourceTree(path, f"recipes/{path.name}")


def made(bench: Bench, base: Contents, *overlays: SourceTree) -> tuple[Tree, dict[str, bytes]]:
    """The tree, and the content of each file."""
    stage = Root(layers=(SETS,), overlays=overlays, time=TIME + 9)
    output = bench.run_stage(stage, {SETS: bench.stored(base)})["tree"]
    contents = bench.contents(output) | {bench_empty(): b""}
    tree = bench.tree(output)
    return tree, {e.path: contents[e.sha256] for e in tree if e.kind == "file"}


def bench_empty() -> str:
    return "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def on_disk(root: Path, tree: Tree, contents: dict[str, bytes]) -> Path:
    """The folder of anchors on this machine; links from / lead into `root`."""
    for entry in tree:
        path = root / entry.path
        if entry.kind == "dir":
            path.mkdir(parents=True, exist_ok=True)
        elif entry.kind == "link":
            target = entry.link
            path.symlink_to(f"{root}{target}" if target.startswith("/") else target)
        else:
            path.write_bytes(contents[entry.path])
    return root / FOLDER


def names(tree: Tree) -> set[str]:
    return {entry.name for entry in tree if entry.parent == FOLDER}


@pytest.fixture
def anchors(bench: Bench, tmp_path: Path, signer: tuple[Path, Path]) -> Path:
    """The folder with public authorities, and the site's own from an overlay."""
    site = overlay(tmp_path / "site", {f"{OWN}/fleet.crt": signer[0].read_bytes()})
    roots = mozilla()
    return on_disk(tmp_path / "root", *made(bench, release(*roots, roots[3]), site))


@pytest.mark.programs
def test_openssl_makes_the_same_links(anchors: Path) -> None:
    before = {path.name: os.readlink(path) for path in anchors.iterdir() if path.is_symlink()}
    hashed = {name for name in before if name[:8].isalnum() and name[8] == "." and len(name) == 10}
    assert len(hashed) == len(mozilla()) + 1  # one is there twice, and has one hash
    (anchors / "ca-certificates.crt").rename(anchors.parent / "bundle")  # certctl makes it last
    for name in hashed:
        (anchors / name).unlink()
    subprocess.run(["openssl", "rehash", anchors], check=True, capture_output=True)
    after = {path.name: os.readlink(path) for path in anchors.iterdir() if path.is_symlink()}
    assert after == before


def test_the_bundle(anchors: Path) -> None:
    linked = sorted(
        (os.readlink(path), path.read_bytes())
        for path in anchors.iterdir()
        if path.name.startswith(("Root_", "fleet"))
    )
    assert (anchors / "ca-certificates.crt").read_bytes() == b"".join(data for _, data in linked)
    assert (anchors / ".certctl").read_bytes() == MARK


# https


@pytest.fixture
def address(tmp_path: Path, signer: tuple[Path, Path]) -> Iterator[str]:
    """A server whose certificate the private authority has signed."""
    with https_server(server_certificate(tmp_path / "server", signer)) as url:
        yield url


def fetched(words: list[str], folder_path: Path) -> subprocess.CompletedProcess[str]:
    """A program that trusts nobody but this folder."""
    environment = {
        "PATH": os.environ["PATH"],
        "SSL_CERT_DIR": str(folder_path),
        "SSL_CERT_FILE": "/nonexistent",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
    }
    return subprocess.run(
        words, env=environment, text=True, stdout=-1, stderr=subprocess.STDOUT, timeout=60
    )


# What ftp(1) of NetBSD 10 does: OpenSSL's default places, and the name is checked
# (fetch_start_ssl() of usr.bin/ftp/ssl.c 1.12.2.1 of 2023-05-16). The tnftp of this machine may be
# older, and check nothing.
FTP = """\
import ssl, sys, urllib.request
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.set_default_verify_paths()
print(urllib.request.urlopen(sys.argv[1], context=context).read())
"""


@pytest.mark.programs
def test_openssl_s_default_places(
    address: str, anchors: Path, bench: Bench, tmp_path: Path
) -> None:
    ftp = [sys.executable, "-c", FTP, f"{address}/x"]
    done = fetched(ftp, anchors)
    assert (done.returncode, done.stdout) == (0, "b'hello'\n")
    public = on_disk(tmp_path / "public", *made(bench, release(*mozilla())))
    done = fetched(ftp, public)
    assert done.returncode == 1
    assert "certificate verify failed" in done.stdout
    done = fetched([*ftp[:3], ftp[3].replace("localhost", "127.0.0.1")], anchors)
    assert "IP address mismatch" in done.stdout


@pytest.mark.programs
def test_subversion(address: str, anchors: Path, tmp_path: Path) -> None:
    """serf asks OpenSSL's own folder, without a setting of Subversion's."""
    svn = ["svn", "info", "--non-interactive", "--config-dir", str(tmp_path / "svn")]
    done = fetched([*svn, f"{address}/repository"], anchors)
    assert "certificate" not in done.stdout, done.stdout
    assert "repository' path not found" in done.stdout or "E170013" in done.stdout
    done = fetched([*svn, f"{address}/repository"], tmp_path)
    assert "certificate verification failed" in done.stdout


@pytest.mark.programs
def test_openssl_verifies(anchors: Path, tmp_path: Path, signer: tuple[Path, Path]) -> None:
    server_certificate(tmp_path / "s", signer)
    leaf = tmp_path / "s/server.crt"
    subprocess.run(
        ["openssl", "verify", "-no-CAfile", "-no-CAstore", "-CApath", anchors, leaf],
        check=True,
        capture_output=True,
    )


# which trees, and which certificates


def test_an_older_release_gets_nothing(bench: Bench, signer: tuple[Path, Path]) -> None:
    base = {entry: data for entry, data in release().items() if entry.path != "usr/sbin/certctl"}
    tree, contents = made(bench, {**base, **file(f"{OWN}/x.pem", signer[0].read_bytes())})
    assert not names(tree)
    assert contents[CONFIG] == CONF


@pytest.mark.parametrize(
    "more",
    [
        file(f"{FOLDER}/of-a-package.pem", b"x"),
        file(CONFIG, CONF + b"manual\n"),
        file(CONFIG, b"netbsd-certctl 20230816\npath /usr/share\\\n/certs\nmanual\n"),
    ],
    ids=["filled", "manual", "continued"],
)
def test_somebody_else_fills_it(bench: Bench, more: Contents) -> None:
    base = release(*mozilla()[:1])
    for entry in more:
        base = {known: data for known, data in base.items() if known.path != entry.path}
    tree, contents = made(bench, {**base, **more})
    assert names(tree) == {entry.name for entry in more if entry.parent == FOLDER}
    (changed,) = more.values()
    assert changed in contents.values()


def test_a_folder_that_is_a_link(bench: Bench) -> None:
    base = {entry: data for entry, data in release().items() if entry.path != FOLDER}
    tree, _ = made(bench, {**base, **link(FOLDER, "/var/certs")})
    assert tree.by_path[FOLDER].kind == "link"


def test_what_is_left_alone(bench: Bench, tmp_path: Path, signer: tuple[Path, Path]) -> None:
    tree, contents = made(bench, release(*mozilla()[:2]))
    assert tree.by_path["etc/openssl"].gid == 5
    assert contents[CONFIG].startswith(CONF)
    assert contents[CONFIG].endswith(b"path\t/etc/openssl/trusted\n")
    assert {entry.time for entry in tree if entry.parent == FOLDER} == {TIME + 9}
    first, second = (Path(name) for name in (tmp_path / "a", tmp_path / "b"))
    conf = CONF + b"path /usr/share/site\n"
    own = overlay(
        first, {CONFIG: conf, "usr/share/site/ca.pem": signer[0].read_bytes(), f"{OWN}/x.pem": b"x"}
    )
    tree, contents = made(bench, release(*mozilla()[:2]), own, overlay(second, {"etc/x": b""}))
    assert contents[CONFIG] == conf, "an overlay's stays as it is"
    assert tree.by_path[f"{FOLDER}/ca.pem"].link == "/usr/share/site/ca.pem"
    assert "x.pem" not in names(tree)


def test_excluded(bench: Bench, tmp_path: Path) -> None:
    excluded = overlay(
        tmp_path / "no", {}, {"etc/openssl/untrusted/Root_1.pem": f"/{SERVER}/Root_1.pem"}
    )
    tree, contents = made(bench, release(*mozilla()[:3]), excluded)
    linked = {name for name in names(tree) if name.startswith("Root")}
    assert linked == {"Root_0.pem", "Root_2.pem"}
    assert mozilla()[1] not in contents[f"{FOLDER}/ca-certificates.crt"]


def test_a_link_into_the_server_s_configuration(bench: Bench, tmp_path: Path) -> None:
    site = overlay(
        tmp_path / "x", {f"{OWN}/.hidden.pem": b"", f"{OWN}/README": b"words"},
        {f"{OWN}/ca.pem": "/config/global/ca.pem", f"{OWN}/loop.pem": "loop.pem"},
    )  # fmt: skip
    tree, _ = made(bench, release(*mozilla()[:1]), site)
    assert not {"ca.pem", "loop.pem", "README", ".hidden.pem"} & names(tree)


@pytest.mark.programs
@pytest.mark.parametrize("case", ["der", "two", "none", "damaged"])
def test_a_file_that_openssl_would_not_find(
    case: str, bench: Bench, tmp_path: Path, signer: tuple[Path, Path]
) -> None:
    whole = signer[0].read_bytes()
    data = {
        "der": subprocess.run(
            ["openssl", "x509", "-in", signer[0], "-outform", "der"],
            check=True,
            capture_output=True,
        ).stdout,
        "two": whole + mozilla()[0],
        "none": b"",
        "damaged": whole.replace(b"\nMII", b"\nMMI"),
    }[case]
    site = overlay(tmp_path / "site", {f"{OWN}/fleet.crt": data})
    with pytest.raises(StageError) as caught:
        made(bench, release(), site)
    assert caught.value.reason == "certificate"
    assert caught.value.where == "recipes/site: /etc/openssl/trusted/fleet.crt"
    assert "openssl x509" in (caught.value.hint or "")


def test_two_of_one_name(bench: Bench, tmp_path: Path) -> None:
    site = overlay(tmp_path / "site", {f"{OWN}/Root_0.pem": mozilla()[1]})
    with pytest.raises(StageError) as caught:
        made(bench, release(*mozilla()[:1]), site)
    assert caught.value.reason == "certificate-name"


@pytest.mark.parametrize(
    "conf",
    [
        b"",
        b"path /x\n",
        b"netbsd-certctl 20990101\n",
        CONF + b"path x\n",
        CONF + b"path /a b\n",
        CONF + b"path\n",
        CONF + b"path /a\\040b\n",
        CONF + b"paths /a\n",
    ],
)
def test_a_certs_conf_that_certctl_would_refuse(conf: bytes, bench: Bench) -> None:
    with pytest.raises(StageError) as caught:
        made(bench, release(conf=conf))
    assert caught.value.reason == "certs-conf"
