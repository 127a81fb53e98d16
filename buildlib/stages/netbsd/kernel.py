"""Compiles a kernel with the release's `build.sh kernel=`."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from buildlib.config.kernel_config import SOURCES, placed
from buildlib.engine.stage import OutputRef, Outputs, SourceFile, Stage, StageContext
from buildlib.model.digest import Json, digest_of, sha256
from buildlib.model.errors import StageError, ToolError
from buildlib.model.names import SHIPPED, bare
from buildlib.stages.inputs.source_tree import emptied
from buildlib.stages.netbsd.build_sh import BuildSh
from buildlib.stages.netbsd.toolchain import tools_folder

# `options A,B=1,"C"`. Source: config(1), "options"; a value may be a string
_OPTIONS = re.compile(r"\s*options\s+(.*)")
_STRING = re.compile(r'=\s*"[^"]*"')
_OPTION = re.compile(r'(?:\A|,)\s*"?([A-Za-z_][A-Za-z0-9_]*)')


@dataclass(frozen=True, slots=True)
class _Copy:
    """A file of the configuration, as it lies in a work folder.

    name   what errors call it
    piece  what an `include` calls it
    path   where it is in the work folder
    """

    name: str
    piece: str
    path: str
    text: bytes


@dataclass(frozen=True)
class Kernel(Stage):
    """The kernel of configuration `config`, without debug sections. Output: `kernel`.

    toolchain  the identity of the toolchain; `build` says how to make it again
    epoch      the time in its version string, seconds since 1970
    includes   files of the checkout that the configuration includes, directly or indirectly
    """

    config: SourceFile
    toolchain: OutputRef
    build: BuildSh
    epoch: int
    includes: tuple[SourceFile, ...] = ()

    @property
    def _name(self) -> str:
        """What build.sh calls the kernel: the name that the key has."""
        return bare(self.config.name.rpartition("/")[2])

    def _copies(self) -> tuple[_Copy, ...]:
        """The configuration, then what it includes."""
        home = posixpath.dirname(self.config.name) or "."
        copies = []
        for file in (self.config, *self.includes):
            name = file.name
            piece = name if name.startswith(SHIPPED) else posixpath.relpath(name, home)
            path = self._name if file is self.config else piece
            copies.append(_Copy(name, piece, path, file.path.read_bytes()))
        return tuple(copies)

    def tools(self) -> tuple[str, ...]:
        """The host's programs that affect the toolchain, and through it the kernel."""
        return self.build.host_tools()

    def compilers(self) -> tuple[str, ...]:
        """The host's compilers."""
        return self.build.compilers

    def run(self, context: StageContext) -> Outputs:
        """Compile in a folder named by all inputs, then strip debug sections."""
        tools = tools_folder(context, self.build)
        kernel = context.folder / "netbsd"
        with context.workspaces.held(tools.parent):
            self._compile(context, tools, kernel)
            # debug sections contain paths; the release's own objcopy knows its format
            for objcopy in sorted(tools.glob("bin/*-objcopy")):
                context.runner.run(
                    [objcopy, "--strip-debug", kernel], cwd=context.folder, log=context.log
                )
        _check_paths(context, kernel)
        return {"kernel": context.blobs.adopt(kernel)}

    def _compile(self, context: StageContext, tools: Path, kernel: Path) -> None:
        """Write build.sh's kernel to `kernel`, resuming an interrupted build."""
        name = self._name
        copies = self._copies()
        dated = ("-V", f"MKREPRO_TIMESTAMP={self.epoch}")

        def fill(folder: Path) -> None:
            source = self.build.source(context)
            config = _copied(context, source, copies)
            makefile = _accepted(context, source, tools, config, copies)
            _check_options(context, source, makefile, copies)
            # INCLUDE_CONFIG_FILE embeds the path as it is given: one that is the same everywhere
            operation = f"kernel={os.path.relpath(config / name, source)}"
            self.build.run(
                context,
                operation,
                source=source,
                folder=folder,
                tools=tools,
                what=f"kernel-{name}",
                more=dated,
                reads=[config],
            )

        identity = self.build.identity(context, f"kernel={name}", more=dated)
        folder = context.workspaces.get(
            f"kernel-{name}", digest_of([identity, _digest(copies)]), fill, tell=context.note
        )
        with context.workspaces.held(folder):
            found = sorted(folder.glob(f"obj/sys/arch/*/compile/{name}/netbsd"))
            if len(found) == 1:
                shutil.copyfile(found[0], kernel)
                return
        context.workspaces.drop(folder)
        raise StageError(
            f"build.sh did not make the kernel {name}",
            where=f"stage {context.name}",
            why=f"expected one sys/arch/*/compile/{name}/netbsd in OBJ, found {len(found)}",
            log=context.log,
            reason="no-kernel",
        )


def _copied(context: StageContext, source: Path, copies: Sequence[_Copy]) -> Path:
    """A work folder with the configuration and what it includes, named by their content.

    build.sh takes the name of the kernel from that of the file. config(1) looks for what is
    included in the sources, so there it gets the way from these to the work folder.
    """

    def fill(folder: Path) -> None:
        emptied(folder)
        way = os.path.relpath(folder, source / SOURCES)
        places = {copy.piece: f"{way}/{copy.path}" for copy in copies}
        for copy in copies:
            path = folder / copy.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(placed(copy.text, copy.piece, places))

    return context.workspaces.get("config", _digest(copies), fill, tell=context.note)


def _digest(copies: Sequence[_Copy]) -> str:
    """Digest of a configuration and what it includes."""
    digests: dict[str, Json] = {copy.name: sha256(copy.text) for copy in copies}
    return digest_of(digests) if len(digests) > 1 else str(*digests.values())


def _accepted(
    context: StageContext, source: Path, tools: Path, config: Path, copies: Sequence[_Copy]
) -> Path:
    """The Makefile that config(1) makes of the configuration. Raises StageError.

    config  the folder with the copies, of which the first is the configuration
    """
    folder = context.folder / "config"
    folder.mkdir()
    lines: list[str] = []
    main = config / copies[0].path
    words = [tools / "bin" / "nbconfig", "-b", folder, "-s", source / SOURCES, main]
    try:
        context.runner.run(list(map(str, words)), cwd=source, log=context.log, on_line=lines.append)
    except ToolError as error:
        way = os.path.relpath(config, source / SOURCES)
        told = "\n".join(line for line in lines if line and line != "*** Stop.")
        for copy in copies:
            for place in (f"{source / SOURCES}/{way}/{copy.path}:", f"{config / copy.path}:"):
                told = told.replace(place, f"{copy.name}:")
        error.why = told or error.what
        error.what = "the kernel configuration is not accepted"
        error.hint = "see config(1) and options(4); nothing was compiled"
        error.reason = "kernel-config"
        raise
    return folder / "Makefile"


def _check_options(
    context: StageContext, source: Path, makefile: Path, copies: Sequence[_Copy]
) -> None:
    """Look for options that nothing knows. Raises StageError.

    config(1) takes an option it does not know for a definition that some source file looks at.
    """
    unknown = [
        f"{copy.name}:{number}: {option}"
        for copy in copies
        for number, option in _unknown_options(
            source, makefile, copy.text.decode(errors="replace").splitlines()
        )
    ]
    if unknown:
        raise StageError(
            "the kernel configuration has options that no source file uses",
            where=f"stage {context.name}",
            why="\n".join(unknown),
            hint="see options(4); nothing was compiled",
            reason="kernel-config",
        )


def _unknown_options(source: Path, makefile: Path, lines: Sequence[str]) -> list[tuple[int, str]]:
    """(line, option) of options that only became definitions and that no source file names."""
    text = makefile.read_text(errors="replace") if makefile.exists() else ""
    unknown = []
    for number, line in enumerate(lines, 1):
        match = _OPTIONS.match(line)
        options = _STRING.sub("", match[1]).partition("#")[0] if match else ""
        for option in _OPTION.findall(options):
            defined = re.search(rf"^\s+-D{option}\b", text, re.MULTILINE)
            if defined and not _is_named(option, source / "sys", source / "common"):
                unknown.append((number, option))
    return unknown


def _is_named(option: str, *folders: Path) -> bool:
    """Whether a source file contains the option; a known one is found early."""
    word = re.compile(rb"\b" + option.encode() + rb"\b")
    return any(
        word.search(path.read_bytes())
        for folder in folders
        for path in folder.rglob("*.[chS]")
        if path.is_file()
    )


def _check_paths(context: StageContext, kernel: Path) -> None:
    """Refuse a kernel that contains the path of its build folder: it would differ elsewhere."""
    place = os.fsencode(context.workspaces.folder.resolve())
    data = kernel.read_bytes()
    at = data.find(place)
    if at >= 0:
        text = data[at : at + 200].split(b"\0")[0].decode(errors="replace")
        raise StageError(
            "the kernel contains a path of this machine",
            where=f"stage {context.name}",
            why=text,
            hint="add `-V MKREPRO=yes` to build.flags to keep such paths out (releases from 8 on); "
            "an option that embeds them, or a release without MKREPRO, cannot be used",
            reason="kernel-path",
        )
