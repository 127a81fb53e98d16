"""Plans the release's toolchain and kernels."""

from __future__ import annotations

from buildlib.config.recipe import BootConfig
from buildlib.engine.stage import OutputRef, SourceFile
from buildlib.model.names import bare
from buildlib.plan.builder import Builder
from buildlib.plan.inputs import source_archives
from buildlib.stages.boot.pvh_note import PvhKernel
from buildlib.stages.netbsd.build_sh import BuildSh, files_named
from buildlib.stages.netbsd.kernel import Kernel
from buildlib.stages.netbsd.toolchain import Toolchain

TOOLCHAIN = "toolchain"


def release_build(builder: Builder) -> BuildSh:
    """How to call the release's own build.sh."""
    release, build = builder.release, builder.release.build
    environment = build.compiler.settings() | dict(build.environment)
    return BuildSh(
        source_archives(builder),
        build.version or release.version,
        release.machine,
        release.machine_arch,
        (build.compiler.c, build.compiler.cxx),
        build.flags,
        environment,
        files_named(build.flags, environment),
    )


def add_toolchain(builder: Builder) -> OutputRef:
    """The release's toolchain."""
    stage = Toolchain(release_build(builder))
    return OutputRef(builder.add(TOOLCHAIN, stage, "build the release's toolchain"), "identity")


def add_kernel(builder: Builder, name: str) -> OutputRef:
    """A kernel, compiled from its configuration and what that includes."""
    toolchain = add_toolchain(builder)
    config, *includes = (
        SourceFile(place.path, place.name) for place in builder.configuration.kernels[name]
    )
    stage = Kernel(config, toolchain, release_build(builder), builder.epoch, tuple(includes))
    short = bare(name)
    return OutputRef(builder.add(f"kernel:{short}", stage, f"compile the kernel {short}"), "kernel")


def dom0_kernel(builder: Builder, name: str, boots: BootConfig) -> OutputRef:
    """A kernel of dom0, of which is known that it can be started as the recipe says."""
    kernel, short = add_kernel(builder, name), bare(name)
    if boots.dom0 == "pv":
        return kernel
    return OutputRef(
        builder.add(
            f"pvh:{short}", PvhKernel(kernel, short), f"see that {short} can be a PVH dom0"
        ),
        "kernel",
    )
