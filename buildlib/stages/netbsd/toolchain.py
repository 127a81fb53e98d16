"""Builds the release's own toolchain with its `build.sh tools`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buildlib.engine.stage import Outputs, Stage, StageContext
from buildlib.model.digest import canonical
from buildlib.model.errors import StageError
from buildlib.stages.netbsd.build_sh import BuildSh


@dataclass(frozen=True)
class Toolchain(Stage):
    """TOOLS for one release. Outputs: `identity`, which identifies the toolchain's inputs;
    `pwd_mkdb`, the program of that name, empty if the release's tools do not have it.

    The folder itself is a work folder: it contains absolute paths and is made again if missing.
    Kernels depend on the identity of its inputs, not on its bytes. pwd_mkdb is kept as an output
    because root trees need it, and they are made more often than kernels.
    """

    build: BuildSh

    def tools(self) -> tuple[str, ...]:
        """The host's programs that affect the toolchain."""
        return self.build.host_tools()

    def compilers(self) -> tuple[str, ...]:
        """The host's compilers."""
        return self.build.compilers

    def run(self, context: StageContext) -> Outputs:
        """Make the folder now, so that the first kernel does not wait for it."""
        tools = tools_folder(context, self.build)
        program = tools / "bin" / "nbpwd_mkdb"
        identity = self.build.identity(context, "tools")
        with context.workspaces.held(tools.parent):
            return {
                "identity": context.blobs.put(canonical({"toolchain": identity})),
                "pwd_mkdb": context.blobs.put(program.read_bytes() if program.is_file() else b""),
            }


def tools_folder(context: StageContext, build: BuildSh) -> Path:
    """TOOLS, made by `build.sh tools` unless complete; an interrupted build is resumed."""

    def fill(folder: Path) -> None:
        build.run(context, "tools", source=build.source(context), folder=folder, what="tools")

    identity = build.identity(context, "tools")
    folder = context.workspaces.get("tools", identity, fill, tell=context.note) / "tools"
    if not (folder / "bin").is_dir():
        raise StageError(
            "build.sh did not make the tools",
            where=f"stage {context.name}",
            why=f"{folder}/bin does not exist",
            log=context.log,
            reason="no-tools",
        )
    return folder
