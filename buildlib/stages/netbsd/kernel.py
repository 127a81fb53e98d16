"""A kernel, compiled by the release's `build.sh kernel=`."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildlib.engine.stage import OutputRef, Outputs, SourceFile, Stage, StageContext
from buildlib.model.digest import Json, digest_of, sha256
from buildlib.model.errors import StageError, ToolError
from buildlib.sources.kernel_config import SOURCES, placed
from buildlib.stages.inputs.source_tree import emptied
from buildlib.stages.netbsd.build_sh import BuildSh
from buildlib.stages.netbsd.toolchain import tools_folder

# `options A,B=1,"C"`. Source: config(1), "options"; a value may be a string
_OPTIONS = re.compile(r"\s*options\s+(.*)")
_STRING = re.compile(r'=\s*"[^"]*"')
_OPTION = re.compile(r'(?:\A|,)\s*"?([A-Za-z_][A-Za-z0-9_]*)')


@dataclass(frozen=True)
class Kernel(Stage):
    """The kernel of configuration `config`, without debug sections. Output: `kernel`.

    toolchain  the identity of the toolchain; `build` says how it is made again
    epoch      the time its version string may carry, seconds since 1970
    includes   files of the checkout that the configuration includes, directly or not
    """

    config: SourceFile
    toolchain: OutputRef
    build: BuildSh
    epoch: int
    includes: tuple[SourceFile, ...] = ()

    @property
    def _name(self) -> str:
        """What build.sh calls the kernel: the name that the key has."""
        return self.config.name.rpartition("/")[2]

    def tools(self) -> tuple[str, ...]:
        """What of the host shapes the toolchain, and with it the kernel."""
        return self.build.host_tools()

    def compilers(self) -> tuple[str, ...]:
        """Those of the host."""
        return self.build.compilers

    def run(self, context: StageContext) -> Outputs:
        """Compile in a folder named by all that goes in; then drop debug sections."""
        tools = tools_folder(context, self.build)
        kernel = context.folder / "netbsd"
        with context.workspaces.held(tools.parent):
            self._compile(context, tools, kernel)
            # debug sections hold paths; the release's own tool knows its own format
            for objcopy in sorted(tools.glob("bin/*-objcopy")):
                context.runner.run(
                    [objcopy, "--strip-debug", kernel], cwd=context.folder, log=context.log
                )
        _check_paths(context, kernel)
        return {"kernel": context.blobs.adopt(kernel)}

    def _compile(self, context: StageContext, tools: Path, kernel: Path) -> None:
        """Let `kernel` be what build.sh makes; an interrupted build is gone on with."""
        name = self._name
        texts = {file: file.path.read_bytes() for file in (self.config, *self.includes)}
        dated = ("-V", f"MKREPRO_TIMESTAMP={self.epoch}")

        def fill(folder: Path) -> None:
            source = self.build.source(context)
            config = self._copied(context, source, texts)
            _check_config(context, source, tools, config, texts)
            # INCLUDE_CONFIG_FILE embeds the path as it is given: one that is the same everywhere
            operation = f"kernel={os.path.relpath(config / name, source)}"
            self.build.run(context, operation, source=source, folder=folder, tools=tools,
                           what=f"kernel-{name}", more=dated, reads=[config])

        identity = self.build.identity(context, f"kernel={name}", more=dated)
        folder = context.workspaces.get(
            f"kernel-{name}", digest_of([identity, _digest(texts)]), fill, tell=context.note
        )
        with context.workspaces.held(folder):
            found = sorted(folder.glob(f"obj/sys/arch/*/compile/{name}/netbsd"))
            if len(found) == 1:
                shutil.copyfile(found[0], kernel)
                return
        context.workspaces.drop(folder)
        raise StageError(
            f"build.sh made no kernel of {name}", where=f"stage {context.name}",
            why=f"expected one sys/arch/*/compile/{name}/netbsd in OBJ, found {len(found)}",
            log=context.log, reason="no-kernel",
        )

    def _copied(
        self, context: StageContext, source: Path, texts: Mapping[SourceFile, bytes]
    ) -> Path:
        """A work folder with the configuration and what it includes, named by their content.

        build.sh takes the name of the kernel from that of the file. config(1) looks for what is
        included in the sources, so there it gets the way from these to the work folder.
        """
        home = posixpath.dirname(self.config.name)
        paths = {file: posixpath.relpath(file.name, home or ".") for file in texts}

        def fill(folder: Path) -> None:
            emptied(folder)
            way = os.path.relpath(folder, source / SOURCES)
            places = {path: f"{way}/{path}" for path in paths.values()}
            for file, text in texts.items():
                path = folder / paths[file]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(placed(text, posixpath.dirname(paths[file]), places))

        return context.workspaces.get("config", _digest(texts), fill, tell=context.note)


def _digest(texts: Mapping[SourceFile, bytes]) -> str:
    """Digest of a configuration and what it includes."""
    digests: dict[str, Json] = {file.name: sha256(text) for file, text in texts.items()}
    return digest_of(digests) if len(digests) > 1 else str(*digests.values())


def _check_config(
    context: StageContext,
    source: Path,
    tools: Path,
    config: Path,
    texts: Mapping[SourceFile, bytes],
) -> None:
    """Let config(1) read the configuration, and look for options nothing knows. StageError.

    config   the folder with the copies of `texts`, of which the first is the configuration
    config(1) takes an option it does not know for a definition that some source file looks at.
    """
    folder = context.folder / "config"
    folder.mkdir()
    lines: list[str] = []
    main, *_ = texts
    home = posixpath.dirname(main.name)
    words = [tools / "bin" / "nbconfig", "-b", folder, "-s", source / SOURCES,
             config / posixpath.basename(main.name)]
    try:
        context.runner.run(list(map(str, words)), cwd=source, log=context.log, on_line=lines.append)
    except ToolError as error:
        way, here = os.path.relpath(config, source / SOURCES), f"{home}/" if home else ""
        told = [line.replace(f"{source / SOURCES}/{way}/", here).replace(f"{config}/", here)
                for line in lines]
        error.why = "\n".join(line for line in told if line and line != "*** Stop.") or error.what
        error.what = "the kernel configuration is not accepted"
        error.hint = "see config(1) and options(4); nothing was compiled"
        error.reason = "kernel-config"
        raise
    unknown = [f"{file.name}:{number}: {option}" for file, text in texts.items()
               for number, option in _unknown_options(
                   source, folder / "Makefile", text.decode(errors="replace").splitlines())]
    if unknown:
        raise StageError(
            "the kernel configuration has options that nothing in the sources knows",
            where=f"stage {context.name}", why="\n".join(unknown),
            hint="see options(4); nothing was compiled", reason="kernel-config",
        )


def _unknown_options(
    source: Path, makefile: Path, lines: Sequence[str]
) -> list[tuple[int, str]]:
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
    """Whether a source file names it. Those that are known are found soon."""
    word = re.compile(rb"\b" + option.encode() + rb"\b")
    return any(
        word.search(path.read_bytes())
        for folder in folders for path in folder.rglob("*.[chS]") if path.is_file()
    )


def _check_paths(context: StageContext, kernel: Path) -> None:
    """Refuse a kernel that names the folder it was built in: elsewhere it would be another."""
    place = os.fsencode(context.workspaces.folder.resolve())
    data = kernel.read_bytes()
    at = data.find(place)
    if at >= 0:
        text = data[at : at + 200].split(b"\0")[0].decode(errors="replace")
        raise StageError(
            "the kernel holds a path of this machine", where=f"stage {context.name}", why=text,
            hint="`-V MKREPRO=yes` among build.flags keeps such paths out (releases from 8 on); "
            "an option that embeds them, or a release without MKREPRO, cannot be used",
            reason="kernel-path",
        )
