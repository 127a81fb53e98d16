"""Stages: frozen dataclasses whose fields determine their output.

    @dataclass(frozen=True)
    class FfsImage(Stage):
        \"\"\"A read-only root image: FFS version 1.\"\"\"

        LIBRARIES = ()                   # Python packages that affect it; TOOLS: host tools
        root: From                       # another stage's output
        free: str = "5%"                 # a parameter

        def run(self, job: Job) -> Outputs: ...

The key of a stage is made from its fields, so none can be forgotten. Nor can `run` see more than
the key contains: a stage has its fields in normal form (`model.frozen_values`), with mappings
sorted by key. If the order matters, use a tuple, or derive the order from the contents. `run` is a
pure function of the fields: it gets a `StageContext`, which provides the contents that they name, a
fresh folder and tools with their own environment, and returns blobs and trees by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, TypeVar, cast

from buildlib.host.distribution import DistributionPackage
from buildlib.host.jobserver import Slots
from buildlib.host.process import Line, Runner, Watch
from buildlib.model.digest import Blob
from buildlib.model.errors import GoldmasterError, StageError
from buildlib.model.events import Note, Progress, Sink
from buildlib.model.frozen_values import fixed_fields
from buildlib.store.blobs import Blobs
from buildlib.store.packs import Packs, StoredTree
from buildlib.store.records import Output
from buildlib.store.trees import Trees
from buildlib.store.workspace import Workspaces


@dataclass(frozen=True, slots=True)
class OutputRef:
    """The output `output` of stage `stage`."""

    stage: str
    output: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the checkout.

    path  in a `Pipeline`, a relative path is relative to the folder of its dodo.py
    name  its name in key documents and errors; by default the path as given
    """

    path: Path
    name: str = ""

    def __init__(self, path: str | Path, name: str = "") -> None:
        object.__setattr__(self, "path", Path(path))
        object.__setattr__(self, "name", name or Path(path).as_posix())


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A folder of the checkout, with an optional spec for attributes that git cannot store.

    The spec of folder `overlay` is the file `overlay.mtree`; `path` and `name` as in `SourceFile`.
    """

    path: Path
    name: str = ""

    def __init__(self, path: str | Path, name: str = "") -> None:
        object.__setattr__(self, "path", Path(path))
        object.__setattr__(self, "name", name or Path(path).as_posix())

    @property
    def spec(self) -> Path:
        """The path of the spec, present or not."""
        return self.path.with_name(self.path.name + ".mtree")


@dataclass(frozen=True, slots=True)
class HostPackage:
    """A package of the host's distribution, given by a pattern of its name; never installed.

    hint  what to do if the distribution has none; not part of the key
    """

    pattern: str
    hint: str = field(default="", compare=False)


Outputs: TypeAlias = Mapping[str, Blob | StoredTree]

# Values that a key document represents by their content.
NAMES = (OutputRef, SourceFile, SourceTree, HostPackage)
Service = TypeVar("Service")
Placed = TypeVar("Placed")
Named = TypeVar("Named", OutputRef, SourceFile, SourceTree, HostPackage)


class Stage:
    """The base class of all stages.

    VERSION    increase it if the same code must produce other bytes (after a tool's bug, say)
    TOOLS      host tools that `run` may start; their content is part of the key
    LIBRARIES  Python packages that affect the output; their version is part of the key
    PINNED     the output has a pinned digest, so code and tools do not matter
    """

    VERSION: ClassVar[int] = 1
    TOOLS: ClassVar[tuple[str, ...]] = ()
    LIBRARIES: ClassVar[tuple[str, ...]] = ()
    PINNED: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Bring the fields into normal form. Raises StageError for a value that has none."""
        for name, value in fixed_fields(self, where=type(self).__name__, leaves=NAMES).items():
            object.__setattr__(self, name, value)

    def run(self, context: StageContext) -> Outputs:
        """Make the outputs. Raises GoldmasterError."""
        raise NotImplementedError

    def tools(self) -> tuple[str, ...]:
        """The host tools that this stage starts; TOOLS unless its parameters name others."""
        return self.TOOLS

    def host_folders(self) -> tuple[str, ...]:
        """Folders of the host that the tools read; their content is part of the key."""
        return ()

    def host_files(self) -> tuple[str, ...]:
        """Files of the host that the tools read if they exist; likewise."""
        return ()

    def compilers(self) -> tuple[str, ...]:
        """The tools that are compilers; the programs that they start are part of the key too."""
        return ()

    def materials(self) -> Mapping[str, str]:
        """External inputs with a pinned digest: name to digest.

        Build records list them, in addition to the sources and host packages in the fields.
        """
        return {}

    def upstream(self) -> tuple[OutputRef, ...]:
        """Every output of other stages that this one uses, in field order."""
        return named(self, OutputRef)


def named(stage: Stage, kind: type[Named]) -> tuple[Named, ...]:
    """All values of one kind in a stage's fields, at any depth, in the order of the fields."""
    return tuple(dict.fromkeys(item for item in _leaves(stage) if isinstance(item, kind)))


def placed(value: Placed, root: Path) -> Placed:
    """A stage, or a value of a field, with relative paths of files and folders below `root`.

    Absolute paths stay unchanged.
    """
    return cast("Placed", _placed(value, root))


def _placed(value: object, root: Path) -> object:
    if isinstance(value, SourceFile | SourceTree):
        return replace(value, path=root / value.path)
    if isinstance(value, tuple):
        return tuple(_placed(item, root) for item in value)
    if isinstance(value, Mapping):
        return {key: _placed(item, root) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type | OutputRef | HostPackage):
        return replace(
            value, **{part.name: _placed(getattr(value, part.name), root) for part in fields(value)}
        )
    return value


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, NAMES):
        yield value
    elif is_dataclass(value):
        for part in fields(value):
            yield from _leaves(getattr(value, part.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _leaves(item)


@dataclass(frozen=True, slots=True)
class StageContext:
    """The environment of `run`.

    name        the stage's name, for errors and progress
    folder      a fresh, empty folder that is deleted after the stage
    log         file for the output of tools
    inputs      the outputs of other stages that the fields name
    tools       tool name to absolute path
    tool_digests   tool name to SHA-256, including the programs that compilers start
    host_packages  the distribution's packages for the fields that name them
    slots       the job server, which limits parallel work; it must not affect the output
    services    by class, objects through which stages access external data, such as mirrors
    partial     a folder for unfinished downloads
    """

    name: str
    folder: Path
    log: Path
    inputs: Mapping[OutputRef, Output]
    blobs: Blobs
    packs: Packs
    trees: Trees
    runner: Runner
    workspaces: Workspaces
    tools: Mapping[str, Path]
    tool_digests: Mapping[str, str]
    host_packages: Mapping[HostPackage, DistributionPackage]
    sink: Sink
    slots: Slots
    services: Mapping[type[object], object]
    partial: Path

    def service(self, kind: type[Service]) -> Service:
        """The run's service of a class. It is not part of any key, so its data must be pinned.

        Raises StageError if the run has none.
        """
        found = self.services.get(kind)
        if not isinstance(found, kind):
            raise StageError(
                f"this run has no {kind.__name__}",
                where=f"stage {self.name}",
                hint="pass one to the engine: services={…}",
                reason="service",
            )
        return found

    def path(self, ref: OutputRef | SourceFile | SourceTree) -> Path:
        """The path of a file output or source, for reading only."""
        if isinstance(ref, OutputRef):
            return self.blobs.path(self.inputs[ref].blob)
        return ref.path

    def read(self, ref: OutputRef | SourceFile) -> bytes:
        """The content of a small file."""
        if isinstance(ref, OutputRef):
            return self.blobs.read(self.inputs[ref].blob.sha256)
        return ref.path.read_bytes()

    def keep(self, content: bytes | Path) -> Blob:
        """Store an output: bytes, or a finished file below `folder`, which is moved."""
        if isinstance(content, Path):
            return self.blobs.adopt(content)
        return self.blobs.put(content)

    def tree(self, ref: OutputRef) -> StoredTree:
        """A tree output."""
        output = self.inputs[ref]
        tree = self.trees.read(output.blob, where=f"{ref.stage}.{ref.output}")
        return StoredTree(tree, output.packs, output.files)

    def tell(
        self, done: int, total: int, unit: Literal["bytes", "files", "lines"], what: str = ""
    ) -> None:
        """Report progress."""
        self.sink(Progress(self.name, done, total, unit, what))

    def note(self, text: str) -> None:
        """Report something that users should know but that is not a failure."""
        self.sink(Note(text, self.name))

    def run(
        self,
        tool: str,
        *arguments: str | Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        on_line: Line | None = None,
        pipe: Sequence[int] = (),
        watch: Watch | None = None,
        fetches: bool = False,
    ) -> None:
        """Run one of the stage's tools, as `Runner.run` does. Raises ToolError."""
        try:
            self.runner.run(
                [self.tools[tool], *arguments],
                cwd=cwd or self.folder,
                log=self.log,
                environment=environment,
                on_line=on_line,
                pipe=pipe,
                watch=watch,
                fetches=fetches,
            )
        except GoldmasterError as error:
            error.where = error.where or f"stage {self.name}"
            raise
