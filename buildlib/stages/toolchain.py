"""The release's own toolchain, made by its `build.sh tools`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildlib.stages.sources import source_folder
from buildlib.stages.stage import From, Job, Outputs, Stage
from buildlib.store.surroundings import TOOL_ENVIRONMENT
from buildlib.words.digest import canonical, digest_of

HOST_TOOLS = ("sh", "cc", "c++", "as", "ld")


@dataclass(frozen=True, slots=True)
class BuildSh:
    """How a release's build.sh is called, but for the folders.

    sets          the source sets
    flags, environment   what the release definition adds; nothing of the caller's gets through
    """

    sets: tuple[From, ...]
    machine: str
    machine_arch: str
    flags: tuple[str, ...]
    environment: Mapping[str, str]

    def words(
        self, operation: str, *, tools: Path, obj: Path, wrapper: Path | None = None
    ) -> list[str]:
        """The arguments: as an ordinary user (-U), in the folders given, nothing made clean (-u).

        wrapper  of one's own, so that two runs at once do not overwrite each other's settings
        """
        return [
            "-U", "-u", "-m", self.machine, "-a", self.machine_arch,
            "-O", str(obj), "-T", str(tools), "-D", str(obj / "destdir"),
            "-R", str(obj / "releasedir"), *(("-w", str(wrapper)) if wrapper else ()),
            *self.flags, operation,
        ]

    def settings(self) -> dict[str, str]:
        """What the environment has beside TOOL_ENVIRONMENT."""
        return {"MAKECONF": "/dev/null", **self.environment}

    def identity(self, job: Job, operation: str) -> str:
        """Digest of all that decides what `operation` makes: sources, command, host tools."""
        return digest_of({
            "sets": [job.inputs[ref].blob.sha256 for ref in self.sets],
            "words": self.words(operation, tools=Path("TOOLS"), obj=Path("OBJ")),
            "environment": TOOL_ENVIRONMENT | self.settings(),
            "host": dict(job.tool_digests),
        })

    def run(
        self, job: Job, operation: str, *, tools: Path, obj: Path, wrapper: Path | None = None
    ) -> None:
        """Run it in the unpacked sources; every compiled file is told. Raises ToolError."""
        source = source_folder(job, self.sets)
        compiled = 0

        def count(line: str) -> None:
            nonlocal compiled
            if line.startswith("#") and " compile " in line:
                compiled += 1
                job.tell(compiled, 0, "files", line.rpartition(" ")[2])

        obj.mkdir(parents=True, exist_ok=True)
        words = self.words(operation, tools=tools, obj=obj, wrapper=wrapper)
        job.run("sh", source / "build.sh", "-j", str(job.jobs), *words, cwd=source,
                environment=self.settings(), on_line=count)


@dataclass(frozen=True)
class Toolchain(Stage):
    """TOOLS for one release. Output: `identity`, which names what the toolchain was made from.

    The folder itself is a work folder: it holds absolute paths, and is made again where it is
    missing. What it is made from is known, so kernels depend on that and not on its bytes.
    """

    TOOLS = HOST_TOOLS

    sets: tuple[From, ...]
    machine: str
    machine_arch: str
    flags: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, job: Job) -> Outputs:
        """Make the folder now, so that the first kernel does not wait for it."""
        build = BuildSh(self.sets, self.machine, self.machine_arch, self.flags, self.environment)
        tools_folder(job, build)
        return {"identity": job.blobs.put(canonical({"toolchain": build.identity(job, "tools")}))}


def tools_folder(job: Job, build: BuildSh) -> Path:
    """TOOLS, made by `build.sh tools` unless it is there. What a kill left is gone on with."""

    def fill(folder: Path) -> None:
        build.run(job, "tools", tools=folder / "tools", obj=folder / "obj")

    return job.workspaces.get("tools", build.identity(job, "tools"), fill) / "tools"
