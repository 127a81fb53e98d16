"""A release's build.sh: how it is called, watched, gone on with, and what it says of a failure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildlib.engine.stage import OutputRef, SourceFile, StageContext
from buildlib.host.environment import TOOL_ENVIRONMENT
from buildlib.host.os_errors import is_nearly_full
from buildlib.model.digest import digest_of, sha256
from buildlib.model.errors import SourceError, ToolError
from buildlib.stages.inputs.source_tree import source_folder
from buildlib.stages.netbsd.build_log import ErrorScanner
from buildlib.stages.netbsd.interrupted import InterruptedBuild

# `   compile  XEN3_DOM0/foo.o` of NetBSD's own makefiles; GNU's show the command
_COMPILES = re.compile(r"^#?\s+compile\s+(\S+)|\s-c\s.*\s(\S+\.(?:c|cc|S))\b")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+\Z")


@dataclass(frozen=True, slots=True)
class BuildSh:
    """How a release's build.sh is called, but for the folders.

    sets          the source sets
    version       what the sources must say they are
    compilers     of the host, for C and C++
    flags, environment   what the release definition adds; nothing of the caller's gets through
    host_files    what of the host these name
    """

    sets: tuple[OutputRef, ...]
    version: str
    machine: str
    machine_arch: str
    compilers: tuple[str, ...]
    flags: tuple[str, ...]
    environment: Mapping[str, str]
    host_files: tuple[SourceFile, ...] = ()

    def words(
        self, operation: str, *, tools: Path, obj: Path, wrapper: Path | None = None,
        more: Sequence[str] = (),
    ) -> list[str]:
        """The arguments: as an ordinary user (-U), in the folders given, nothing made clean (-u).

        wrapper  of one's own, so that two runs at once do not overwrite each other's settings
        more     flags of this run
        """
        return [
            "-U", "-u", "-m", self.machine, "-a", self.machine_arch,
            "-O", str(obj), "-T", str(tools), "-D", str(obj / "destdir"),
            "-R", str(obj / "releasedir"), *(("-w", str(wrapper)) if wrapper else ()),
            *self.flags, *more, operation,
        ]

    def settings(self) -> dict[str, str]:
        """What the environment has beside TOOL_ENVIRONMENT."""
        return {"MAKECONF": "/dev/null", **self.environment}

    def host_tools(self) -> tuple[str, ...]:
        """What of the host shapes the products."""
        return ("sh", *self.compilers, "as", "ld")

    def identity(self, context: StageContext, operation: str, *, more: Sequence[str] = ()) -> str:
        """Digest of all that decides what `operation` makes: sources, command, host tools."""
        files = {file.name: sha256(file.path.read_bytes()) for file in self.host_files}
        return digest_of({
            **({"files": files} if files else {}),
            "sets": [context.inputs[ref].blob.sha256 for ref in self.sets],
            "words": self.words(operation, tools=Path("TOOLS"), obj=Path("OBJ"), more=more),
            "environment": TOOL_ENVIRONMENT | self.settings(),
            "host": dict(context.tool_digests),
        })

    def source(self, context: StageContext) -> Path:
        """The unpacked sources. Raises SourceError where they are of another release."""
        source = source_folder(context, self.sets)
        script = source / "sys" / "conf" / "osrelease.sh"
        found = "nothing"
        if script.is_file():
            found = context.runner.output([str(context.tools["sh"]), str(script)]).strip()
        if found != self.version:
            raise SourceError(
                "the sources are of another release",
                where=", ".join(ref.stage for ref in self.sets),
                why=f"sys/conf/osrelease.sh says {found}, the release definition {self.version}",
                hint="check `path`, `version` and `build.version` in the release definition",
                reason="source-version",
            )
        return source

    def run(
        self,
        context: StageContext,
        operation: str,
        *,
        source: Path,
        folder: Path,
        tools: Path | None = None,
        what: str,
        more: Sequence[str] = (),
        reads: Sequence[Path] = (),
    ) -> None:
        """Run it in `source`, with its objects in `folder`/obj; go on from what a kill left.

        tools  made before; None: they are what is made, beside the objects
        what   the folder's kind, by which its number of files is remembered
        reads  work folders that are read beside the sources and the tools

        Where the remains cannot be gone on with, it starts from nothing, once. Raises ToolError,
        and StageError where what it reads was changed meanwhile.
        """
        reads = [source.parents[1], *([tools.parent] if tools else []), *reads]
        with context.workspaces.held(*reads) as inputs:
            self._go_on(
                context,
                operation,
                InterruptedBuild(folder, inputs),
                source=source,
                folder=folder,
                tools=tools,
                what=what,
                more=more,
            )

    def _go_on(
        self,
        context: StageContext,
        operation: str,
        horizon: InterruptedBuild,
        *,
        source: Path,
        folder: Path,
        tools: Path | None,
        what: str,
        more: Sequence[str],
    ) -> None:
        obj = folder / "obj"
        left = horizon.sweep()
        words = self.words(operation, tools=tools or folder / "tools", obj=obj,
                           wrapper=folder / "nbmake" if tools else None, more=more)
        obj.mkdir(exist_ok=True)
        try:
            done = self._call(context, source, words, horizon, what=what, done=left or 0)
        except ToolError:
            if left is None or is_nearly_full(folder):
                raise
            context.note("what an interrupted run left cannot be gone on with; from the beginning")
            for path in (obj, folder / "tools"):
                shutil.rmtree(path, ignore_errors=True)
            horizon.sweep()
            obj.mkdir(exist_ok=True)
            done = self._call(context, source, words, horizon, what=what, done=0)
        horizon.forget()
        context.workspaces.set_expected(what, done)

    def _call(
        self,
        context: StageContext,
        source: Path,
        words: Sequence[str],
        horizon: InterruptedBuild,
        *,
        what: str,
        done: int,
    ) -> int:
        """Run build.sh, telling of every compiled file. The number of files compiled in all."""
        findings, expected = ErrorScanner(), context.workspaces.expected(what)

        def look(line: str) -> None:
            nonlocal done
            findings.take(line)
            if match := _COMPILES.search(line):
                done += 1
                name = (match[1] or match[2]).rpartition("/")[2]
                context.tell(done, max(expected, done) if expected else 0, "files", name)

        with context.slots.share() as share:
            jobs = [
                "-j",
                str(context.slots.count),
                "-V",
                f"MAKEFLAGS=-J {share.read},{share.write}",
            ]
            try:
                context.run("sh", source / "build.sh", *jobs, *words, cwd=source,
                        environment=self.settings(), on_line=look, watch=horizon.watching,
                        pipe=(share.read, share.write))
            except ToolError as error:
                raise _explained(error, findings, words[-1], source) from error
        return done


def files_named(flags: Sequence[str], environment: Mapping[str, str]) -> tuple[SourceFile, ...]:
    """The files of the host that flags and variables name: a wrapper of the compiler, say."""
    words = {word for text in (*flags, *environment.values())
             for word in re.split(r"[\s=]+", text) if word.startswith("/")}
    return tuple(SourceFile(Path(word), word) for word in sorted(words) if Path(word).is_file())


def _explained(
    error: ToolError, findings: ErrorScanner, operation: str, source: Path
) -> ToolError:
    """build.sh's failure, with the first real error in place of the last lines."""
    verb, is_path, path = operation.rpartition("=")
    error.what = f"build.sh {verb}{is_path}{path.rpartition('/')[2]} failed"
    if findings.excerpt:
        error.why, error.tail = findings.error, findings.excerpt
    if not _PLAIN_PATH.match(str(source)):
        error.hint = (f"NetBSD's makefiles do not bear such a path: {source.parents[3]}; "
                      "choose another with `build=FOLDER`")
    if "nknown operation" in findings.error:
        error.hint = "this release's build.sh cannot do it: goldmaster needs `tools` and `kernel=`"
        error.reason = "build-operation"
    if error.command:  # whoever runs it by hand has no pipe to take tokens from
        error.command = re.sub(r" -V 'MAKEFLAGS=-J \d+,\d+'", "", error.command)
    return error
