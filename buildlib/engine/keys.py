"""Keys: everything that the output of a stage depends on, in one document.

    {"form": 1, "stage": "FfsImage", "version": 1,
     "code":  {"buildlib.stages.images.ffs": SHA-256, …},
     "fields": {"free": "5%", "root": {"from": "root:base.tree", "sha256": …},
                "consoles": {"class": "Consoles", "names": ["vga"], …}},
     "tools": {"cc": SHA-256}, "programs": {"cc cc1": SHA-256}, "libraries": {}, "host": {},
     "environment": SHA-256}

The key is the SHA-256 of its canonical JSON. It contains outputs of other stages by content: a
stage that runs again and produces the same bytes changes no key that depends on it. Different
values have different documents, because their kind is part of the document.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from posixpath import normpath

from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.stage import HostPackage, OutputRef, SourceFile, SourceTree, Stage, named
from buildlib.host.distribution import LISTS, DistributionPackage, candidate
from buildlib.host.environment import TOOL_ENVIRONMENT, find_tool, tool_candidates
from buildlib.model.digest import digest_of
from buildlib.model.errors import ConfigError, ToolError
from buildlib.model.frozen_values import in_order, no_place
from buildlib.store.null_build import Signature, signature
from buildlib.store.records import Document, Output
from buildlib.store.source_files import fingerprint, walk
from buildlib.store.store import Store

# Increase this if a change of the store or of the way stages are run changes outputs.
FORM = 2

# Debian packages that contain the tools, for hints.
_PACKAGES = {
    "grub-mkimage": "grub-common",
    "cc": "gcc",
    "c++": "g++",
    "as": "binutils",
    "ld": "binutils",
    "apt-get": "apt",
    "apt-cache": "apt",
}
# Programs that a compiler starts; `as` and `ld` are separate tools.
_PROGRAMS = ("cc1", "cc1plus", "collect2", "lto1", "lto-wrapper")
_HEADERS = "include"  # the folder of the compiler's own headers
# Keys that mark a kind of value; such a key of a mapping is written with a quote.
_MARKS = frozenset({"from", "files", "class"})
_FOLDERS = {"i386-pc": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin"}


def package_of(tool: str) -> str:
    """The Debian package that contains a tool."""
    return _PACKAGES.get(tool, tool)


class InputNotBuilt(Exception):  # noqa: N818  not an error: the key is not known yet
    """A key depends on an output that is not made yet."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


class Keys:
    """Makes key documents. Properties of the host are read once per run."""

    def __init__(self, store: Store, code: CodeDigests) -> None:
        self._store = store
        self._code = code
        self._tools: dict[str, tuple[Path, str]] = {}
        self._programs: dict[str, dict[str, str]] = {}
        self._environment = digest_of(TOOL_ENVIRONMENT)

    def document(self, stage: Stage, outputs: Mapping[OutputRef, Output]) -> Document:
        """The key document. Raises InputNotBuilt, or GoldmasterError if an input is missing."""
        kind = type(stage)
        if not hasattr(kind, "__dataclass_fields__"):
            raise no_place(stage, kind.__name__)
        parts = self._fields(stage, outputs)
        document: Document = {
            "form": FORM,
            "stage": kind.__name__,
            "version": kind.VERSION,
            "fields": parts,
        }
        if not kind.PINNED:
            document |= {
                "code": self._code.of(kind.__module__),
                "tools": {name: self.tool(name)[1] for name in stage.tools()},
                "programs": self.programs(stage),
                "libraries": {name: self._library(name) for name in kind.LIBRARIES},
                "host": {path: self._folder(path) for path in stage.host_folders()}
                | {path: self._host_file(path) for path in stage.host_files()},
                "environment": self._environment,
            }
        return document

    def inputs(self, stage: Stage) -> dict[str, str]:
        """All inputs of the stage from outside of the pipeline: name to digest.

        These are sources, packages of the host, and files that the stage itself has pinned.
        """
        found = dict(stage.materials())
        for file in named(stage, SourceFile):
            found |= self._files(file)
        for tree in named(stage, SourceTree):
            found |= self._files(tree)
        for package in map(self.host_package, named(stage, HostPackage)):
            found[f"{package.name} {package.version}"] = package.sha256
        return found

    def marks(self, stage: Stage) -> dict[str, Signature]:
        """The stat signature of every path of the checkout that the stage reads."""
        marks: dict[str, Signature] = {}
        for file in named(stage, SourceFile):
            marks[file.name] = signature(str(file.path))
        for tree in named(stage, SourceTree):
            marks[tree.spec.name] = signature(str(tree.spec))
            marks |= {
                f"{tree.name}/{path}": signature(child.path, follow=False)
                for path, child in walk(str(tree.path))
            }
        return marks

    def tool(self, name: str) -> tuple[Path, str]:
        """Path and SHA-256 of a host tool. Raises ToolError."""
        if name not in self._tools:
            for place in tool_candidates(name):
                self._store.seen.note(place)
            path = find_tool(name)
            if path is None:
                raise ToolError(
                    f"the tool {name} is not installed",
                    hint=f"apt-get install {package_of(name)}",
                    reason="tool-missing",
                )
            self._tools[name] = path, self._store.seen.sha256(str(path))
        return self._tools[name]

    def programs(self, stage: Stage) -> dict[str, str]:
        """SHA-256 of the programs that the stage's compilers start; `cc` is only a driver."""
        return {
            f"{compiler} {name}": digest
            for compiler in stage.compilers()
            for name, digest in self._programs_of(compiler).items()
        }

    def _programs_of(self, compiler: str) -> dict[str, str]:
        if compiler not in self._programs:
            listed = self._store.seen.memo(
                str(self.tool(compiler)[0]), self._list_programs, kind="programs"
            )
            places = dict(line.split(" ", 1) for line in listed.splitlines())
            self._programs[compiler] = {
                name: self._folder(path) if name == _HEADERS else self._store.seen.sha256(path)
                for name, path in places.items()
            }
        return self._programs[compiler]

    def _list_programs(self, compiler: str) -> str:
        """Lines NAME PATH from GCC or Clang; empty for a compiler that does not print them."""
        lines = []
        for name in (*_PROGRAMS, _HEADERS):
            kind = "file" if name == _HEADERS else "prog"
            answer = self._store.runner.answer([compiler, f"-print-{kind}-name={name}"])
            if answer is None:
                return ""
            path = Path(answer := answer.strip())
            if (
                answer.startswith("/")
                and len(answer.splitlines()) == 1
                and (path.is_dir() if name == _HEADERS else path.is_file())
            ):
                lines.append(f"{name} {answer}\n")
        return "".join(lines)

    def missing(self, stage: Stage) -> tuple[ToolError, ...]:
        """Errors for the tools, folders and libraries that the stage needs and the host lacks."""
        tools = list(stage.tools())
        if named(stage, HostPackage):
            tools.append("apt-cache")
        found = []
        for look, names in (
            (self.tool, tools),
            (self._folder, stage.host_folders()),
            (self._library, type(stage).LIBRARIES),
        ):
            for name in names:
                try:
                    look(name)
                except ToolError as error:
                    found.append(error)
        return tuple(found)

    def host_package(self, package: HostPackage) -> DistributionPackage:
        """The distribution's package for a pattern, cached until the package lists change."""
        if Path(LISTS).is_dir():
            text = self._store.seen.memo(
                LISTS, lambda _path: self._candidate(package), kind=f"apt {package.pattern}"
            )
        else:
            text = self._candidate(package)
        return DistributionPackage(*text.split())

    def _candidate(self, package: HostPackage) -> str:
        self.tool("apt-cache")
        found = candidate(package.pattern, self._store.runner.output, hint=package.hint)
        return f"{found.name} {found.version} {found.sha256}"

    def _folder(self, path: str) -> str:
        folder = Path(path)
        if not folder.is_dir():
            package = _FOLDERS.get(folder.name, folder.name)
            raise ToolError(
                f"{path} is missing", hint=f"apt-get install {package}", reason="tool-missing"
            )
        return digest_of(fingerprint(folder, folder / ".none", self._store.seen))

    def _host_file(self, path: str) -> str:
        """The digest of a file of the host, or an empty text if it is missing."""
        self._store.seen.note(path)
        return self._store.seen.sha256(path) if Path(path).is_file() else ""

    def _library(self, name: str) -> str:
        """The version of an installed Python package from its metadata, without importing it."""
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ToolError(
                f"the Python package {name} is not installed",
                hint="make venv",
                reason="tool-missing",
            )
        site = Path(spec.origin).parent.parent
        for path in site.glob(f"{name}-*.dist-info"):
            self._store.seen.note(path)
            return path.name.removeprefix(f"{name}-").removesuffix(".dist-info")
        return "unknown"

    def _value(self, value: object, outputs: Mapping[OutputRef, Output]) -> object:
        """A field's value for the document."""
        if isinstance(value, OutputRef):
            if value not in outputs:
                raise InputNotBuilt(value.stage)
            return {"from": f"{value.stage}.{value.output}", "sha256": outputs[value].blob.sha256}
        if isinstance(value, SourceFile | SourceTree | HostPackage):
            return self._source(value)
        if is_dataclass(value) and not isinstance(value, type):
            return {"class": type(value).__name__, **self._fields(value, outputs)}
        if isinstance(value, Mapping) and in_order(value):
            return {_quoted(key): self._value(item, outputs) for key, item in value.items()}
        if type(value) is tuple:
            return [self._value(item, outputs) for item in value]
        if value is None or type(value) in {bool, int, str}:
            return value
        raise no_place(value, "a key document")

    def _fields(self, value: object, outputs: Mapping[OutputRef, Output]) -> dict[str, object]:
        parts = fields(value)  # type: ignore[arg-type]  # it is a dataclass
        return {part.name: self._value(getattr(value, part.name), outputs) for part in parts}

    def _source(self, value: SourceFile | SourceTree | HostPackage) -> object:
        if isinstance(value, SourceFile | SourceTree):
            return {"files": self._files(value)}
        found = self.host_package(value)
        return {
            "class": "HostPackage",
            "name": found.name,
            "version": found.version,
            "sha256": found.sha256,
        }

    def _files(self, source: SourceFile | SourceTree) -> dict[str, str]:
        """Path to digest or kind, of a source."""
        if isinstance(source, SourceFile):
            return {source.name: self._file(source)}
        prints = fingerprint(source.path, source.spec, self._store.seen)
        paths = {normpath(f"{source.name}/{path}"): mark for path, mark in prints.items()}
        return {normpath(source.name): "dir", **paths}

    def _file(self, file: SourceFile) -> str:
        try:
            return self._store.seen.sha256(str(file.path))
        except OSError as error:
            raise ConfigError(
                f"{file.name} cannot be read", where=file.path, why=error.strerror, reason="file"
            ) from error


def _quoted(key: str) -> str:
    """A mapping's key, escaped so that a mapping cannot look like a value of another kind."""
    return f"{key}'" if key.rstrip("'") in _MARKS else key
