"""The lists of a version of the images."""

from __future__ import annotations

from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.digest import sha256
from buildlib.stages.images.image_version import ImageVersion, version_files

NFS, KERNEL, KERNELS = (
    OutputRef("nfs", "image"),
    OutputRef("k", "kernel"),
    OutputRef("lists", "kernels"),
)
CONTENTS = {NFS: b"an image", KERNEL: b"a kernel", KERNELS: b"nfs.ffs K\n"}
FILES = {"nfs.ffs": NFS, "K": KERNEL, "KERNELS": KERNELS}


def lists(
    bench: Bench, files: dict[str, OutputRef], contents: dict[OutputRef, bytes]
) -> tuple[str, str]:
    made = bench.run_stage(ImageVersion("netbsd-10.1", files), contents)
    return bench.read(made["version"]).decode(), bench.read(made["sha256"]).decode()


def test_its_name_its_sizes_its_digests(bench: Bench) -> None:
    version, digests = lists(bench, FILES, CONTENTS)
    name, *sizes = version.splitlines()
    assert sizes == ["K 8", "KERNELS 10", "nfs.ffs 8"]
    wanted = {
        "K": b"a kernel",
        "KERNELS": b"nfs.ffs K\n",
        "VERSION": version.encode(),
        "nfs.ffs": b"an image",
    }
    assert digests == "".join(
        f"SHA256 ({path}) = {sha256(data)}\n" for path, data in wanted.items()
    )
    without = "".join(line for line in digests.splitlines(keepends=True) if "VERSION" not in line)
    assert name == f"netbsd-10.1-{sha256(without.encode())[:12]}"


def test_the_name_is_that_of_the_content(bench: Bench) -> None:
    first = lists(bench, FILES, CONTENTS)
    assert lists(bench, dict(reversed(FILES.items())), CONTENTS) == first
    for ref in CONTENTS:
        version, _ = lists(bench, FILES, {**CONTENTS, ref: b"other"})
        assert version.splitlines()[0] != first[0].splitlines()[0]


def test_all_that_is_in_its_folder() -> None:
    files = version_files("v", FILES)
    assert list(files) == ["nfs.ffs", "K", "KERNELS", "VERSION", "SHA256"]
    assert files["VERSION"] == OutputRef("v", "version")
