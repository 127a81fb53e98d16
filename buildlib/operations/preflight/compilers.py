"""Checks that the build host's compilers can build a release's tools, before hours of work."""

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

_C = '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n'
_CXX = "#include <string>\nint main() { return static_cast<int>(std::string().size()); }\n"
_HEADERS = {"zlib.h": "zlib1g-dev"}


def compiler_problems(compiler: Compiler, runner: Runner, scratch: Path) -> list[str]:
    """Problems of the compilers and of the headers that they must find.

    scratch  a folder that is created, and removed afterwards
    """
    problems: list[str] = []
    working: list[Sequence[str | Path]] = []
    scratch.mkdir()
    try:
        trial = _Trial(runner, scratch)
        for setting, command, flags, text in (
            ("c", compiler.c, compiler.c_flags, _C),
            ("cxx", compiler.cxx, compiler.cxx_flags, _CXX),
        ):
            path = find_tool(command)
            if path is None:
                problems.append(
                    f"the compiler {command} is not installed: "
                    f"apt-get install {package_of(command)}, or set "
                    f"build.compiler.{setting} in the release definition"
                )
                continue
            problems += trial.age(path, command, setting, compiler.newest)
            wrong = trial.program(path, command, flags, text, suffix=setting)
            problems += wrong
            if not wrong:
                working.append((path, *flags))
        if working:  # one of them suffices: both search the same folders
            problems += trial.headers(working[0], compiler.headers)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return problems


class _Trial:
    """Compiles small programs."""

    def __init__(self, runner: Runner, folder: Path) -> None:
        self._runner = runner
        self._folder = folder

    def age(self, path: Path, command: str, setting: str, newest: int) -> list[str]:
        """Whether the compiler is newer than the newest known to compile the release."""
        if not newest:
            return []
        try:
            version = self._runner.output([str(path), "-dumpversion"]).strip()
        except ToolError as error:
            return [f"{command} does not report its version: {_reason(error)}"]
        major = version.partition(".")[0]
        number = number_or_none(major)
        if number is None or number <= newest:
            return []
        fit = f"{'gcc' if setting == 'c' else 'g++'}-{newest}"
        problem = (
            f"{command} is version {version}, but the newest known to compile the sources is "
            f'{newest}: apt-get install {fit} and set build.compiler.{setting} = "{fit}" in '
            "the release definition, or raise build.compiler.newest there"
        )
        return [problem]

    def program(
        self, path: Path, command: str, flags: Sequence[str], text: str, *, suffix: str
    ) -> list[str]:
        """Whether the compiler can build a program that needs only its own library."""
        error = self._compile([path, *flags, "-o", "program"], text, suffix)
        if error is None:
            return []
        problem = (
            f"{' '.join((command, *flags))} does not compile a small program: "
            f"{_reason(error)}; install what it needs with `apt-get install build-essential`"
        )
        return [problem]

    def headers(self, words: Sequence[str | Path], headers: Sequence[str]) -> list[str]:
        """Whether the compiler called by `words` finds each header."""
        problems = []
        for header in headers:
            if self._compile([*words, "-fsyntax-only"], f"#include <{header}>\n", "c"):
                package = _HEADERS.get(header)
                do = f"apt-get install {package}" if package else "install its package"
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
    """The compiler's own error message, or how it ended."""
    complaints = [line for line in error.tail if "error" in line.lower()]
    return (complaints or [error.why or error.what])[0].strip()
