"""A kernel, compiled by the release's `build.sh kernel=`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from buildlib.stages.sources import source_folder
from buildlib.stages.stage import From, Job, Outputs, SourceFile, Stage
from buildlib.stages.toolchain import Toolchain, build_sh, tools_folder
from buildlib.words.digest import digest_of
from buildlib.words.errors import StageError


@dataclass(frozen=True)
class Kernel(Stage):
    """The kernel of configuration `config`, without debug sections. Output: `kernel`.

    toolchain  the identity of the toolchain; the other fields say how it is made again
    epoch      the time its version string may carry, seconds since 1970
    """

    TOOLS = Toolchain.TOOLS

    config: SourceFile
    toolchain: From
    sets: tuple[From, ...]
    machine: str
    machine_arch: str
    epoch: int
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    def run(self, job: Job) -> Outputs:
        """Compile in a folder named by the sources, the configuration and the toolchain."""
        source = source_folder(job, self.sets)
        base = Toolchain(self.sets, self.machine, self.machine_arch, self.flags, self.environment)
        tools = tools_folder(job, base)
        name = self.config.path.name
        key = digest_of({
            "toolchain": base.identity(job),
            "config": self.config.path.read_text(errors="surrogateescape"),
        })
        folder = job.workspaces.get(f"kernel-{name}", key, lambda _folder: None)
        # The name of the file names the kernel; its path must not be the checkout's, since
        # INCLUDE_CONFIG_FILE may embed it.
        config = folder / name
        if not config.exists():
            shutil.copyfile(self.config.path, config)
        dated = Toolchain(
            self.sets, self.machine, self.machine_arch,
            (*self.flags, "-V", f"MKREPRO_TIMESTAMP={self.epoch}"), self.environment,
        )
        build_sh(job, dated, source, tools.parent, f"kernel={config}", obj=folder / "obj",
                 wrapper=folder / "nbmake")
        found = sorted(folder.glob(f"obj/sys/arch/*/compile/{name}/netbsd"))
        if len(found) != 1:
            raise StageError(
                f"build.sh made no kernel of {name}",
                where=f"stage {job.name}",
                why=f"expected one sys/arch/*/compile/{name}/netbsd below OBJ, found {len(found)}",
                log=job.log,
                reason="no-kernel",
            )
        kernel = job.folder / "netbsd"
        shutil.copyfile(found[0], kernel)
        for objcopy in sorted(tools.glob("bin/*-objcopy")):
            job.runner.run([objcopy, "--strip-debug", kernel], cwd=job.folder, log=job.log)
        return {"kernel": job.blobs.adopt(kernel)}
