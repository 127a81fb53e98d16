"""The lists of a folder of images."""

from __future__ import annotations

from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.digest import sha256
from buildlib.stages.images.image_folder import ImageFolder

NFS, WEB, KERNEL = (
    OutputRef("nfs", "image"),
    OutputRef("web", "image"),
    OutputRef("kernel", "kernel"),
)
CONTENTS = {NFS: b"an image", WEB: b"another", KERNEL: b"a kernel"}


def lists(bench: Bench, files: dict[str, OutputRef], kernels: dict[str, str]) -> tuple[str, str]:
    made = bench.run_stage(ImageFolder(files, kernels), CONTENTS)
    return bench.read(made["kernels"]).decode(), bench.read(made["sha256"]).decode()


def test_both_lists_are_sorted_and_the_first_is_in_the_second(bench: Bench) -> None:
    files = {"web.ffs": WEB, "nfs.ffs": NFS, "XEN3_DOMU_RO": KERNEL}
    started = {"web.ffs": "XEN3_DOMU_RO", "nfs.ffs": "XEN3_DOMU_RO"}
    kernels, digests = lists(bench, files, started)
    assert kernels == "nfs.ffs XEN3_DOMU_RO\nweb.ffs XEN3_DOMU_RO\n"
    wanted = {
        "KERNELS": kernels.encode(),
        "XEN3_DOMU_RO": b"a kernel",
        "nfs.ffs": b"an image",
        "web.ffs": b"another",
    }
    assert digests == "".join(
        f"SHA256 ({name}) = {sha256(data)}\n" for name, data in wanted.items()
    )
    backwards = {name: files[name] for name in reversed(files)}
    assert lists(bench, backwards, dict(reversed(started.items()))) == (kernels, digests)


def test_two_names_for_one_content_are_two_lines(bench: Bench) -> None:
    _, digests = lists(bench, {"a.ffs": NFS, "b.ffs": NFS}, {"a.ffs": "K", "b.ffs": "K"})
    assert digests.count(sha256(b"an image")) == 2
