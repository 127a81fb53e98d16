"""rc.d/domus on dom0: images are what their lists say, or are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.machines.domu_host import (
    HOST_WITH_STORE,
    SQL,
    STORAGE,
    boot,
    config,
    domus,
    hashed,
)
from support.simulator import Server
from support.simulator.dom0 import domains, furnish, image_folder, nfs


def damaged(server: Server, name: str) -> None:
    (server.root / "images" / name).write_text("other bytes\n")


def without_line(server: Server, name: str, file: str = "SHA256") -> None:
    path = server.root / "images" / file
    lines = [line for line in path.read_text().splitlines(keepends=True) if name not in line]
    path.write_text("".join(lines))


CHANGED = "is not what /images/SHA256 says; it is damaged, or was changed."
REFUSED: dict[str, tuple[Callable[[Server], None], str]] = {
    "image": (lambda s: damaged(s, "web.ffs"), f"web: /images/web.ffs {CHANGED}"),
    "no image": (
        lambda s: (s.root / "images/web.ffs").unlink(),
        "web: there is no /images/web.ffs.",
    ),
    "not listed": (
        lambda s: without_line(s, "web.ffs"),
        "web: /images/SHA256 has no line for web.ffs.",
    ),
    "no kernel known": (
        lambda s: image_folder(s.root / "images", {"base.ffs": "an image\n"}, {"web.ffs": "two\n"}),
        "web: /images/KERNELS has no line for web.ffs.",
    ),
    "kernel": (lambda s: damaged(s, "OTHER"), f"web: /images/OTHER {CHANGED}"),
    "no kernel": (lambda s: (s.root / "images/OTHER").unlink(), "web: there is no /images/OTHER."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_as_listed_is_refused_and_the_others_start(server: Server, case: str) -> None:
    image_folder(
        server.root / "images",
        {"base.ffs": "an image\n", "web.ffs": "two\n"},
        {"OTHER": "other kernel\n"},
    )
    edit, said = REFUSED[case]
    edit(server)
    kernel = "OTHER" if "kernel" in case and case != "no kernel known" else ""
    console = boot(
        server,
        {
            "nfs": nfs(),
            "web": nfs(config_disk="/dev/wd0f", image="web.ffs", kernel=kernel),
            "zz": STORAGE,
        },
    ).console
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
