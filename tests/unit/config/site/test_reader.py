"""Reading a site: every file once, and no mistake ends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import Known, Site
from buildlib.config.site.reader import known_names, read_site
from buildlib.config.site.xen_memory import Amount
from buildlib.model.errors import ConfigError

HOST, SERVER = "pservers/h", "vservers/s"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A host and a server, as small as they can be."""
    folder = tmp_path / "site"
    for name in (f"{HOST}/host.conf", f"{SERVER}/server.conf"):
        write(folder / name, "memory=1\n")
    for name in (f"{HOST}/etc", f"{SERVER}/etc", "global"):
        (folder / name).mkdir()
    return folder


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def read(folder: Path) -> tuple[Site, list[Problem]]:
    problems: list[Problem] = []
    return read_site(folder, problems), problems


def test_a_site(site: Path) -> None:
    write(site / HOST / "domUs/web", "image=x\n")
    write(site / HOST / "etc/hosts", "::1 me\n")
    write(site / HOST / "etc/ssh/key", "secret")
    write(site / SERVER / "storage.conf", "mount=/data\n")
    (site / SERVER / "etc/resolv.conf").symlink_to("/config/global/resolver")
    (site / SERVER / "etc/motd").symlink_to("/config/global/motd")
    write(site / "global/resolver", "search x\n")
    write(site / "global/motd", "hello\n")
    write(site / "global/.svn/entries", "x")
    write(site / "README", "anything")
    found, problems = read(site)
    assert problems == []
    host, server = found.hosts["h"], found.servers["s"]
    assert (host.place, server.place, found.shared.place) == (HOST, SERVER, "global")
    assert ([*host.confs], [*host.domus]) == (["host.conf"], ["web"])
    assert ([*server.confs], [*server.domus]) == (["server.conf", "storage.conf"], [])
    assert host.paths == {"etc", "etc/hosts", "etc/ssh", "etc/ssh/key"}
    assert host.texts == {"etc/hosts": ("::1 me",)}
    assert server.links == {
        "etc/resolv.conf": "/config/global/resolver",
        "etc/motd": "/config/global/motd",
    }
    assert found.shared.paths == {"resolver", "motd"}
    assert found.shared.texts == {"resolver": ("search x",)}, "a file with rules leads there"


@pytest.mark.programs
@pytest.mark.parametrize(
    ("change", "file", "what", "reason"),
    [
        ("rmdir global", "global", "this folder is missing", "missing-folder"),
        ("rm vservers/s/server.conf", f"{SERVER}/server.conf", "is missing", "missing-file"),
        ("rm pservers/h/host.conf", f"{HOST}/host.conf", "is missing", "missing-file"),
        (
            "rmdir pservers/h/etc",
            f"{HOST}/etc",
            "is missing; a server does not start without it; git does not record empty folders",
            "missing-file",
        ),
        ("touch pservers/x", "pservers/x", "is not a folder", "not-a-folder"),
        ("ln -s h pservers/x", "pservers/x", "is not a folder", "not-a-folder"),
        (
            "mkdir vservers/Web",
            "vservers/Web",
            "is not a valid server name: use at most 63 lower-case letters, digits and -",
            "name",
        ),
        (
            "rmdir vservers/s/etc; touch vservers/s/etc",
            f"{SERVER}/etc",
            "is not a folder",
            "not-a-folder",
        ),
        (
            "rmdir vservers/s/etc; mkdir vservers/s/ETC",
            f"{SERVER}/ETC",
            "this file is ignored; did you mean etc?",
            "unknown-file",
        ),
        (
            "touch pservers/h/hosts.conf",
            f"{HOST}/hosts.conf",
            "this file is ignored; did you mean host.conf?",
            "unknown-file",
        ),
        (
            "touch pservers/h/zzzzzzzz.conf",
            f"{HOST}/zzzzzzzz.conf",
            "this file is ignored",
            "unknown-file",
        ),
        (
            "mkdir pservers/h/domUs; touch pservers/h/domUs/web~",
            f"{HOST}/domUs/web~",
            (
                "is not a valid domU name: use at most 63 lower-case letters, digits and -; "
                "every file in domUs is started"
            ),
            "name",
        ),
        (
            "mkdir -p pservers/h/domUs/web",
            f"{HOST}/domUs/web",
            "is not a regular file",
            "not-a-file",
        ),
        (
            "mkdir pservers/h/domUs; ln -s ../host.conf pservers/h/domUs/web",
            f"{HOST}/domUs/web",
            "is not a regular file",
            "not-a-file",
        ),
        (
            "head -c 65536 /dev/zero >vservers/s/storage.conf",
            f"{SERVER}/storage.conf",
            "is longer than 64 KiB",
            "unreadable",
        ),
        (
            "mkfifo vservers/s/etc/hosts",
            f"{SERVER}/etc/hosts",
            "is not a file, folder or link",
            "not-a-file",
        ),
        (
            "rmdir global; mkdir ../other; ln -s ../other global",
            "global",
            "is a link that leads out of the site; put the folder itself there",
            "link-out",
        ),
    ],
)
def test_a_problem_and_the_rest_is_read(
    change: str, file: str, what: str, reason: str, site: Path
) -> None:
    assert os.system(f"cd '{site}' && {change}") == 0
    found, problems = read(site)
    assert [(str(one), one.reason) for one in problems] == [(f"{file}: {what}", reason)]
    assert [*found.hosts] == ["h"]
    assert [*found.servers] == ["s"]


def test_a_folder_with_a_slip_is_named(site: Path) -> None:
    (site / "pservers").rename(site / "pserver")
    found, problems = read(site)
    assert [str(one) for one in problems] == [
        "pservers: this folder is missing; did you mean pserver?"
    ]
    assert found.hosts == {}


def test_links_inside_of_the_site_are_good(site: Path) -> None:
    (site / "global").rename(site / "shared")
    (site / "global").symlink_to("shared")
    (site / "elsewhere").symlink_to("/")  # no folder that is read
    assert read(site)[1] == []


@pytest.mark.parametrize("name", ["LICENSE", "notes.txt", ".hidden", "x"])
def test_other_files_are_nobody_s_business(name: str, site: Path) -> None:
    write(site / HOST / name)
    assert read(site)[1] == []


def test_folders_are_not_too_deep(site: Path) -> None:
    deep = site / "global" / "/".join(["d"] * 64)
    write(deep / "file")
    assert read(site)[1] == []
    write(deep / "d/file")
    assert [str(one) for one in read(site)[1]] == [
        f"global/{'/'.join(['d'] * 65)}: is 64 folders deep; files of a server are not that deep"
    ]


def test_what_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a site") as error:
        read_site(tmp_path, [])
    assert error.value.why == "it has neither pservers nor vservers"
    assert error.value.hint == "doit site-init FOLDER writes an example"
    with pytest.raises(ConfigError, match=r"there is no folder .*/none"):
        read_site(tmp_path / "none", [])
    write(tmp_path / "file")
    with pytest.raises(ConfigError, match=r"there is no folder .*/file"):
        read_site(tmp_path / "file", [])


def test_one_kind_of_folder_is_a_site(tmp_path: Path) -> None:
    (tmp_path / "vservers").mkdir()
    found, problems = read(tmp_path)
    assert [one.file for one in problems] == ["pservers", "global"]
    assert (found.hosts, found.servers) == ({}, {})


def test_the_checkout_s_names(tmp_path: Path) -> None:
    write(tmp_path / "recipes/domu/web.toml", 'kernel = "goldmaster:DOMU"\n')
    write(tmp_path / "recipes/domu/sql.toml", 'kernel = "OTHER"\n')
    write(tmp_path / "recipes/domu/none.toml")
    write(tmp_path / "recipes/domu/bad.toml", "kernel =")
    write(tmp_path / "recipes/domu/web.mtree")
    (tmp_path / "recipes/domu/folder.toml").mkdir()
    assert known_names(tmp_path) == Known(
        frozenset({"web", "sql", "none", "bad", "folder"}), frozenset({"DOMU", "OTHER"})
    )


def test_dom0_s_memory_and_its_line(tmp_path: Path) -> None:
    recipe = tmp_path / "recipes/dom0.toml"
    write(recipe, '# "dom0_mem=1M"\n[boot]\nxen = [\n  "dom0_mem=512M",\n  "x", # dom0_mem=\n]\n')
    found = known_names(tmp_path).dom0
    assert found is not None
    assert (found.file, found.line, found.exact) == ("recipes/dom0.toml", 4, Amount(512 << 20))
    write(recipe, "x = 1\n")
    found = known_names(tmp_path).dom0
    assert found is not None
    assert (found.line, found.word) == (0, "")


@pytest.mark.parametrize("text", ["", "[boot]\nxen = 'dom0_mem=1M'\n", "[boot"])
def test_a_recipe_that_says_nothing_of_dom0(text: str, tmp_path: Path) -> None:
    write(tmp_path / "recipes/dom0.toml", text)
    assert known_names(tmp_path).dom0 is None
