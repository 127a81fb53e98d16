"""The release's own toolchain, made by its `build.sh tools`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildlib.stages.sources import source_folder
from buildlib.stages.stage import From, Job, Outputs, Stage
from buildlib.words.digest import canonical, digest_of


@dataclass(frozen=True)
class Toolchain(Stage):
    """TOOLS for one release. Output: `identity`, which names what the toolchain was made from.

    The folder itself is a work folder: it holds absolute paths, and is made again where it is
    missing. What it is made from is known, so kernels depend on that and not on its bytes.
    """

    TOOLS = ("sh", "cc", "c++", "as", "ld")

    sets: tuple[From, ...]
    machine: str
    machine_arch: str
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    def run(self, job: Job) -> Outputs:
        """Make the folder now, so that the first kernel does not wait for it."""
        tools_folder(job, self)
        return {"identity": job.blobs.put(canonical({"toolchain": self.identity(job)}))}

    def identity(self, job: Job) -> str:
        """Digest of all that the toolchain is made from."""
        return digest_of({
            "sets": [job.inputs[ref].blob.sha256 for ref in self.sets],
            "machine": [self.machine, self.machine_arch],
            "flags": list(self.flags),
            "environment": dict(self.environment or {}),
            "host": sorted(f"{name} {path}" for name, path in job.tools.items()),
        })


def tools_folder(job: Job, toolchain: Toolchain) -> Path:
    """TOOLS, made by `build.sh tools` unless it is there. What a kill left is gone on with."""
    source = source_folder(job, toolchain.sets)

    def fill(folder: Path) -> None:
        build_sh(job, toolchain, source, folder, "tools", obj=folder / "obj")

    return job.workspaces.get("tools", toolchain.identity(job), fill) / "tools"


def build_sh(
    job: Job, toolchain: Toolchain, source: Path, folder: Path, operation: str, *, obj: Path,
    wrapper: Path | None = None,
) -> None:
    """Run `build.sh OPERATION` as an ordinary user would: -U -u, nothing of the caller's.

    folder   holds TOOLS; `obj` OBJ; `wrapper` a make wrapper of one's own, so that two runs do
             not overwrite each other's settings
    """
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        if line.startswith("#") and "compile " in line:
            compiled += 1
            job.tell(compiled, 0, "files", line.split()[-1])

    obj.mkdir(parents=True, exist_ok=True)
    job.run(
        "sh", source / "build.sh", "-U", "-u",
        "-m", toolchain.machine, "-a", toolchain.machine_arch,
        "-O", obj, "-T", folder / "tools", "-D", obj / "destdir", "-R", obj / "releasedir",
        "-j", str(job.jobs),
        *(("-w", wrapper) if wrapper else ()),
        *toolchain.flags,
        operation,
        cwd=source,
        environment={"MAKECONF": "/dev/null", **(toolchain.environment or {})},
        on_line=count,
    )
