"""Whether the build host's compilers can make a release's tools: asked before hours of work."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from buildlib.config.build_sh import Compiler
from buildlib.engine.keys import package_of
from buildlib.host.environment import find_tool
from buildlib.host.process import Runner
from buildlib.model.errors import ToolError
from buildlib.model.numbers import number_or_none

_C = "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n"
_CXX = "#include <string>\nint main() { return static_cast<int>(std::string().size()); }\n"
_HEADERS = {"zlib.h": "zlib1g-dev"}


def compiler_problems(compiler: Compiler, runner: Runner, scratch: Path) -> list[str]:
    """What is wrong with the compilers and the headers they must find.

    scratch  a folder that may be made; it is removed
    """
    problems: list[str] = []
    able: list[Sequence[str | Path]] = []
    scratch.mkdir()
    try:
        trial = _Trial(runner, scratch)
        for setting, command, flags, text in (
            ("c", compiler.c, compiler.c_flags, _C),
            ("cxx", compiler.cxx, compiler.cxx_flags, _CXX),
        ):
            path = find_tool(command)
            if path is None:
                problems.append(f"the compiler {command} is not installed: "
                                f"apt-get install {package_of(command)}, or set "
                                f"build.compiler.{setting} in the release definition")
                continue
            problems += trial.age(path, command, setting, compiler.newest)
            wrong = trial.program(path, command, flags, text, suffix=setting)
            problems += wrong
            if not wrong:
                able.append((path, *flags))
        if able:  # the C compiler, or where it fails the other: both look in the same places
            problems += trial.headers(able[0], compiler.headers)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return problems


class _Trial:
    """Small programs to compile."""

    def __init__(self, runner: Runner, folder: Path) -> None:
        self._runner = runner
        self._folder = folder

    def age(self, path: Path, command: str, setting: str, newest: int) -> list[str]:
        """Whether the compiler is newer than what the release is known to compile with."""
        if not newest:
            return []
        try:
            version = self._runner.output([str(path), "-dumpversion"]).strip()
        except ToolError as error:
            return [f"{command} does not tell its version: {_reason(error)}"]
        major = version.partition(".")[0]
        number = number_or_none(major)
        if number is None or number <= newest:
            return []
        fit = f"{'gcc' if setting == 'c' else 'g++'}-{newest}"
        problem = (
            f"{command} is version {version}, the sources are known to compile with {newest} at "
            f"the newest: apt-get install {fit} and set build.compiler.{setting} = \"{fit}\" in "
            "the release definition, or raise build.compiler.newest there")
        return [problem]

    def program(
        self, path: Path, command: str, flags: Sequence[str], text: str, *, suffix: str
    ) -> list[str]:
        """Whether the compiler makes a program that needs nothing but its own library."""
        error = self._compile([path, *flags, "-o", "program"], text, suffix)
        if error is None:
            return []
        problem = (f"{' '.join((command, *flags))} does not compile a small program: "
                   f"{_reason(error)}; `apt-get install build-essential` has what it needs")
        return [problem]

    def headers(self, words: Sequence[str | Path], headers: Sequence[str]) -> list[str]:
        """Whether the compiler that `words` call finds each header."""
        problems = []
        for header in headers:
            if self._compile([*words, "-fsyntax-only"], f"#include <{header}>\n", "c"):
                package = _HEADERS.get(header)
                do = f"apt-get install {package}" if package else "install the package that has it"
                problems.append(f"the compiler does not find the header {header}: {do}")
        return problems

    def _compile(self, words: Sequence[str | Path], text: str, suffix: str) -> ToolError | None:
        source = self._folder / f"trial.{suffix}"
        source.write_text(text)
        try:
            self._runner.run([*words, source], cwd=self._folder, log=self._folder / "log")
        except ToolError as error:
            return error
        return None


def _reason(error: ToolError) -> str:
    """The compiler's own complaint, or how it ended."""
    complaints = [line for line in error.tail if "error" in line.lower()]
    return (complaints or [error.why or error.what])[0].strip()
