"""Runs a release's build.sh: its arguments, progress, resumption and failures."""

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

# NetBSD's makefiles print `   compile  XEN3_DOM0/foo.o`, GNU's the whole command
_COMPILES = re.compile(r"^#?\s+compile\s+(\S+)|\s-c\s.*\s(\S+\.(?:c|cc|S))\b")
# `    create  XEN3_DOM0/foo.d` of the phase `depend`, which lasts minutes before a kernel compiles:
# NetBSD/src sys/conf/Makefile.kern.inc 1.118.4.2.4.4 of 2014-02-14, share/mk/bsd.dep.mk 1.74.2.3 of
# 2014-08-20, `_MKTARGET_CREATE`
_DEPENDS = re.compile(r"^#?\s+create\s+(\S+\.d)\s*$")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+\Z")


class _Counter:
    """Reports the files that a build.sh compiles, out of those of the last such build.

    Before the first of them, those whose dependencies are listed are counted (`depend`); later,
    they are only named, so that the count does not go back and forth.
    """

    def __init__(self, context: StageContext, what: str, done: int) -> None:
        self._context, self._what = context, what
        self._expected = context.workspaces.expected(what)
        self._listed_before = context.workspaces.expected(f"{what}-depend")
        self._resumed = bool(done)
        self._listed = 0
        self.done = done

    def take(self, line: str) -> None:
        """A line of its output."""
        if match := _COMPILES.search(line):
            self.done += 1
            self._tell(self.done, self._expected, _name(match[1] or match[2]))
        elif match := _DEPENDS.match(line):
            self._listed += 1
            name = f"depend {_name(match[1])}"
            if self.done:
                self._tell(self.done, self._expected, name)
            else:
                self._tell(self._listed, self._listed_before, name)

    def save(self) -> None:
        """Keep the counts for the next build of this kind."""
        self._context.workspaces.set_expected(self._what, self.done)
        if not self._resumed:
            self._context.workspaces.set_expected(f"{self._what}-depend", self._listed)

    def _tell(self, done: int, expected: int, name: str) -> None:
        self._context.tell(done, max(expected, done) if expected else 0, "files", name)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class BuildSh:
    """How to call a release's build.sh, without the folders.

    sets          the source sets
    version       the version that the sources must report
    compilers     of the host, for C and C++
    flags, environment   from the release definition; the caller's environment is not passed on
    host_files    files of the host that flags or environment name
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
        self,
        operation: str,
        *,
        tools: Path,
        obj: Path,
        wrapper: Path | None = None,
        more: Sequence[str] = (),
    ) -> list[str]:
        """The arguments: unprivileged (-U), in the given folders, without cleaning (-u).

        wrapper  separate for each run, so that parallel runs do not overwrite each other's
        more     additional flags for this run
        """
        return [
            "-U",
            "-u",
            "-m",
            self.machine,
            "-a",
            self.machine_arch,
            "-O",
            str(obj),
            "-T",
            str(tools),
            "-D",
            str(obj / "destdir"),
            "-R",
            str(obj / "releasedir"),
            *(("-w", str(wrapper)) if wrapper else ()),
            *self.flags,
            *more,
            operation,
        ]

    def settings(self) -> dict[str, str]:
        """The environment variables added to TOOL_ENVIRONMENT."""
        return {"MAKECONF": "/dev/null", **self.environment}

    def host_tools(self) -> tuple[str, ...]:
        """The host's programs that affect the products."""
        return ("sh", *self.compilers, "as", "ld")

    def identity(self, context: StageContext, operation: str, *, more: Sequence[str] = ()) -> str:
        """Digest of everything that determines the result: sources, command, host tools."""
        files = {file.name: sha256(file.path.read_bytes()) for file in self.host_files}
        return digest_of(
            {
                **({"files": files} if files else {}),
                "sets": [context.inputs[ref].blob.sha256 for ref in self.sets],
                "words": self.words(operation, tools=Path("TOOLS"), obj=Path("OBJ"), more=more),
                "environment": TOOL_ENVIRONMENT | self.settings(),
                "host": dict(context.tool_digests),
            }
        )

    def source(self, context: StageContext) -> Path:
        """The unpacked sources. Raises SourceError if they are of another release."""
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
        """Run it in `source` with its objects in `folder`/obj, resuming an interrupted run.

        tools  made by an earlier run; None: this run makes them, beside the objects
        what   the folder's kind; with the release, the number of its files is recorded under it
        reads  work folders that are read besides the sources and the tools

        If an interrupted run cannot be resumed, it starts again from scratch, once. Raises
        ToolError, and StageError if what it reads was changed meanwhile.
        """
        reads = [source.parents[1], *([tools.parent] if tools else []), *reads]
        with context.workspaces.held(*reads) as inputs:
            self._resume(
                context,
                operation,
                InterruptedBuild(folder, inputs),
                source=source,
                folder=folder,
                tools=tools,
                what=f"{what}-{self.version}-{self.machine_arch}",
                more=more,
            )

    def _resume(
        self,
        context: StageContext,
        operation: str,
        interrupted: InterruptedBuild,
        *,
        source: Path,
        folder: Path,
        tools: Path | None,
        what: str,
        more: Sequence[str],
    ) -> None:
        obj = folder / "obj"
        left = interrupted.sweep()
        words = self.words(
            operation,
            tools=tools or folder / "tools",
            obj=obj,
            wrapper=folder / "nbmake" if tools else None,
            more=more,
        )
        obj.mkdir(exist_ok=True)
        try:
            counter = self._call(context, source, words, interrupted, what=what, done=left or 0)
        except ToolError:
            if left is None or is_nearly_full(folder):
                raise
            context.note("the interrupted build cannot be resumed; starting from the beginning")
            for path in (obj, folder / "tools"):
                shutil.rmtree(path, ignore_errors=True)
            interrupted.sweep()
            obj.mkdir(exist_ok=True)
            counter = self._call(context, source, words, interrupted, what=what, done=0)
        interrupted.forget()
        counter.save()

    def _call(
        self,
        context: StageContext,
        source: Path,
        words: Sequence[str],
        interrupted: InterruptedBuild,
        *,
        what: str,
        done: int,
    ) -> _Counter:
        """Run build.sh and report every file, of which `done` were compiled before."""
        scanner, counter = ErrorScanner(), _Counter(context, what, done)

        def look(line: str) -> None:
            scanner.take(line)
            counter.take(line)

        with context.slots.share() as share:
            jobs = [
                "-j",
                str(context.slots.count),
                "-V",
                f"MAKEFLAGS=-J {share.read},{share.write}",
            ]
            try:
                context.run(
                    "sh",
                    source / "build.sh",
                    *jobs,
                    *words,
                    cwd=source,
                    environment=self.settings(),
                    on_line=look,
                    watch=interrupted.watching,
                    pipe=(share.read, share.write),
                )
            except ToolError as error:
                raise _explained(error, scanner, words[-1], source) from error
        return counter


def files_named(flags: Sequence[str], environment: Mapping[str, str]) -> tuple[SourceFile, ...]:
    """The host's files that flags and variables name, such as a compiler wrapper."""
    words = {
        word
        for text in (*flags, *environment.values())
        for word in re.split(r"[\s=]+", text)
        if word.startswith("/")
    }
    return tuple(SourceFile(Path(word), word) for word in sorted(words) if Path(word).is_file())


def _explained(error: ToolError, scanner: ErrorScanner, operation: str, source: Path) -> ToolError:
    """build.sh's failure, with the first real error instead of the last lines."""
    verb, is_path, path = operation.rpartition("=")
    error.what = f"build.sh {verb}{is_path}{path.rpartition('/')[2]} failed"
    if scanner.excerpt:
        error.why, error.tail = scanner.error, scanner.excerpt
    if not _PLAIN_PATH.match(str(source)):
        error.hint = (
            f"NetBSD's makefiles cannot handle special characters in a path: {source.parents[3]}; "
            "choose another folder with `build=FOLDER`"
        )
    if "nknown operation" in scanner.error:
        error.hint = "goldmaster needs a build.sh with the operations `tools` and `kernel=`"
        error.reason = "build-operation"
    if error.command:  # by hand there is no pipe to take tokens from
        error.command = re.sub(r" -V 'MAKEFLAGS=-J \d+,\d+'", "", error.command)
    return error
