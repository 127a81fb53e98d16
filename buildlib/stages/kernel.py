"""A kernel, compiled by the release's `build.sh kernel=`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildlib.stages.stage import From, Job, Outputs, SourceFile, Stage
from buildlib.stages.toolchain import HOST_TOOLS, BuildSh, tools_folder
from buildlib.words.digest import digest_of, sha256
from buildlib.words.errors import StageError


@dataclass(frozen=True)
class Kernel(Stage):
    """The kernel of configuration `config`, without debug sections. Output: `kernel`.

    toolchain  the identity of the toolchain; the other fields say how it is made again
    epoch      the time its version string may carry, seconds since 1970
    """

    TOOLS = HOST_TOOLS

    config: SourceFile
    toolchain: From
    sets: tuple[From, ...]
    machine: str
    machine_arch: str
    flags: tuple[str, ...]
    environment: Mapping[str, str]
    epoch: int

    def run(self, job: Job) -> Outputs:
        """Compile in a folder named by all that goes in; then drop debug sections."""
        parts = (self.sets, self.machine, self.machine_arch)
        tools = tools_folder(job, BuildSh(*parts, self.flags, self.environment))
        dated = (*self.flags, "-V", f"MKREPRO_TIMESTAMP={self.epoch}")
        made = self._compile(job, BuildSh(*parts, dated, self.environment), tools)
        kernel = job.folder / "netbsd"
        shutil.copyfile(made, kernel)
        # debug sections hold paths; the release's own tool knows its own format
        for objcopy in sorted(tools.glob("bin/*-objcopy")):
            job.runner.run([objcopy, "--strip-debug", kernel], cwd=job.folder, log=job.log)
        return {"kernel": job.blobs.adopt(kernel)}

    def _compile(self, job: Job, build: BuildSh, tools: Path) -> Path:
        """The kernel as build.sh left it; an interrupted build is gone on with."""
        name, text = self.config.path.name, self.config.path.read_bytes()
        key = digest_of([build.identity(job, name), sha256(text)])
        folder = job.workspaces.get(f"kernel-{name}", key, lambda _folder: None)
        # build.sh takes the name of the kernel from that of the file. The file is a copy, because
        # INCLUDE_CONFIG_FILE may embed its path, and the checkout's must not get in.
        config = folder / name
        if not config.exists() or config.read_bytes() != text:
            config.write_bytes(text)
        build.run(job, f"kernel={config}", tools=tools, obj=folder / "obj",
                  wrapper=folder / "nbmake")
        found = sorted(folder.glob(f"obj/sys/arch/*/compile/{name}/netbsd"))
        if len(found) != 1:
            raise StageError(
                f"build.sh made no kernel of {name}", where=f"stage {job.name}",
                why=f"expected one sys/arch/*/compile/{name}/netbsd in OBJ, found {len(found)}",
                log=job.log, reason="no-kernel",
            )
        return found[0]
