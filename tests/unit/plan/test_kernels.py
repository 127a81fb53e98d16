"""Plans of the toolchain and the kernels."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from buildlib.config.build_sh import Compiler
from buildlib.config.recipe import BootConfig
from buildlib.engine.stage import OutputRef, SourceFile
from buildlib.plan.builder import Builder
from buildlib.plan.inputs import source_archives
from buildlib.plan.kernels import TOOLCHAIN, add_kernel, add_toolchain, dom0_kernel, release_build
from buildlib.stages.boot.pvh_note import PvhKernel
from buildlib.stages.netbsd.build_sh import BuildSh
from buildlib.stages.netbsd.kernel import Kernel
from buildlib.stages.netbsd.toolchain import Toolchain

CD = "XEN3_DOM0_CD"


def with_build(builder: Builder, **changes: object) -> Builder:
    release = builder.release
    build = replace(release.build, **changes)  # type: ignore[arg-type]  # of any key
    configuration = replace(builder.configuration, release=replace(release, build=build))
    return replace(builder, configuration=configuration)


def test_the_release_s_own_build_sh(builder: Builder) -> None:
    assert release_build(builder) == BuildSh(
        source_archives(builder),
        "1.0",
        "amd64",
        "x86_64",
        ("cc", "c++"),
        ("-N", "1", "-V", "MKREPRO=yes"),
        {"HOST_CC": "cc", "HOST_CXX": "c++"},
    )


def test_what_the_definition_says_of_the_build(builder: Builder) -> None:
    compiler = Compiler("gcc-12", "g++-12", ("-m64", "-O1"), ("-O2",))
    changed = with_build(
        builder,
        version="1.0_STABLE",
        flags=("-V", "EXTRA=/dev/null/none"),
        environment={"HOST_CC": "wrapper", "LESS": f"-r {__file__}"},
        compiler=compiler,
    )
    build = release_build(changed)
    assert (build.version, build.compilers) == ("1.0_STABLE", ("gcc-12", "g++-12"))
    assert build.flags == ("-V", "EXTRA=/dev/null/none")
    environment = {"HOST_CC": "wrapper", "HOST_CXX": "g++-12 -O2", "LESS": f"-r {__file__}"}
    assert build.environment == environment, "it has the last word"
    assert [file.name for file in build.host_files] == [__file__]


def test_a_kernel_and_the_toolchain(builder: Builder) -> None:
    assert add_kernel(builder, CD) == OutputRef(f"kernel:{CD}", "kernel")
    build = release_build(builder)
    assert builder.stages[TOOLCHAIN] == Toolchain(build)
    assert add_toolchain(builder) == OutputRef(TOOLCHAIN, "identity")
    places = builder.configuration.kernels[CD]
    config, *includes = (SourceFile(place.path, place.name) for place in places)
    assert builder.stages[f"kernel:{CD}"] == Kernel(
        config, OutputRef(TOOLCHAIN, "identity"), build, 99, tuple(includes)
    )


def test_a_kernel_of_the_package_has_a_short_name(builder: Builder) -> None:
    known = builder.configuration.kernels
    kernels = {**known, f"goldmaster:{CD}": known[CD]}
    shipped = replace(builder, configuration=replace(builder.configuration, kernels=kernels))
    assert add_kernel(shipped, f"goldmaster:{CD}") == OutputRef(f"kernel:{CD}", "kernel")
    made = dom0_kernel(shipped, f"goldmaster:{CD}", BootConfig(dom0="pvh"))
    assert made == OutputRef(f"pvh:{CD}", "kernel")


@pytest.mark.parametrize(("dom0", "stage"), [("pv", "kernel"), ("pvh", "pvh")])
def test_only_a_pvh_dom0_s_kernel_is_checked(
    builder: Builder, dom0: Literal["pv", "pvh"], stage: str
) -> None:
    found = dom0_kernel(builder, CD, BootConfig(dom0=dom0))
    assert found == OutputRef(f"{stage}:{CD}", "kernel")
    checks = [made for made in builder.stages.values() if isinstance(made, PvhKernel)]
    wanted = [PvhKernel(OutputRef(f"kernel:{CD}", "kernel"), CD)]
    assert checks == (wanted if dom0 == "pvh" else [])
