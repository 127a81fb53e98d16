"""What a stage is: a frozen dataclass whose fields are all that its output depends on.

    @dataclass(frozen=True)
    class FfsImage(Stage):
        \"\"\"A read-only root image: FFS version 1.\"\"\"

        LIBRARIES = ()                   # Python packages that shape it; TOOLS: of the host
        root: From                       # another stage's output
        free: str = "5%"                 # a parameter

        def run(self, job: Job) -> Outputs: ...

The key of a stage is made from its fields, so none can be forgotten. Nor can `run` see more of
them than the key holds: a stage has its fields in one form (`model.frozen_values`), mappings in
the order of their keys whatever order they were made in. Where an order means something, a field
is a tuple, or the stage finds the order in the contents. `run` is a pure function of the fields: it
gets a `StageContext`, which hands it the contents they name, a fresh folder and tools with an
environment of their own, and returns blobs and trees by name.
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

    path  a `Pipeline` takes a relative one from the folder of its dodo.py
    name  what key documents and errors call it: the path as it was given, unless it is said
    """

    path: Path
    name: str = ""

    def __init__(self, path: str | Path, name: str = "") -> None:
        object.__setattr__(self, "path", Path(path))
        object.__setattr__(self, "name", name or Path(path).as_posix())


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A folder of the checkout, with the spec of what git cannot hold beside it, if there is one.

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
    """A package of the host's distribution, by a pattern of its name; never installed.

    hint  what to do where the distribution has none; no part of the key
    """

    pattern: str
    hint: str = field(default="", compare=False)


Outputs: TypeAlias = Mapping[str, Blob | StoredTree]

# What a key document holds by the content that it names.
NAMES = (OutputRef, SourceFile, SourceTree, HostPackage)
Service = TypeVar("Service")
Placed = TypeVar("Placed")
Named = TypeVar("Named", OutputRef, SourceFile, SourceTree, HostPackage)


class Stage:
    """The base of all stages.

    VERSION    raised by hand when the same code must make other bytes (a tool's bug, say)
    TOOLS      host tools `run` may start; their content is part of the key
    LIBRARIES  Python packages that shape the output; their version is part of the key
    PINNED     the output is known by a pinned digest: code and tools do not matter
    """

    VERSION: ClassVar[int] = 1
    TOOLS: ClassVar[tuple[str, ...]] = ()
    LIBRARIES: ClassVar[tuple[str, ...]] = ()
    PINNED: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Give the fields the form that the key holds. Raises StageError for what it cannot."""
        for name, value in fixed_fields(self, where=type(self).__name__, leaves=NAMES).items():
            object.__setattr__(self, name, value)

    def run(self, context: StageContext) -> Outputs:
        """Make the outputs. Raises GoldmasterError."""
        raise NotImplementedError

    def tools(self) -> tuple[str, ...]:
        """The host tools this stage starts; TOOLS unless its parameters name others."""
        return self.TOOLS

    def host_folders(self) -> tuple[str, ...]:
        """Folders of the host that the tools read; their content is part of the key."""
        return ()

    def host_files(self) -> tuple[str, ...]:
        """Files of the host that the tools read where they are there; likewise."""
        return ()

    def compilers(self) -> tuple[str, ...]:
        """Those of its tools that are compilers: they start programs which shape the output too."""
        return ()

    def materials(self) -> Mapping[str, str]:
        """What it takes from the world outside by a pinned digest: its name to the digest.

        Build records list them, beside the sources and host packages that the fields name.
        """
        return {}

    def upstream(self) -> tuple[OutputRef, ...]:
        """Every output of other stages that this one takes, in field order."""
        return named(self, OutputRef)


def named(stage: Stage, kind: type[Named]) -> tuple[Named, ...]:
    """All of one kind that a stage's fields name, wherever in them, in the order of the fields."""
    return tuple(dict.fromkeys(item for item in _leaves(stage) if isinstance(item, kind)))


def placed(value: Placed, root: Path) -> Placed:
    """A stage, or a value of its fields, whose files and folders are taken from the folder `root`.

    Paths that are absolute already stay as they are.
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
        return replace(value, **{part.name: _placed(getattr(value, part.name), root)
                                 for part in fields(value)})
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
    """What `run` works with.

    name        the stage's name, for errors and progress
    folder      fresh and empty; gone when the stage has ended
    log         where tools' output goes
    inputs      the outputs of other stages that the fields name
    tools       tool name to absolute path; tool_digests: to SHA-256, and of what compilers start
    host_packages  what the distribution has for the fields that name its packages
    slots       how much of a stage's work may go on at once; never part of an output
    services    by their class, what stages of a kind ask of the world outside: mirrors, say
    partial     a folder for downloads that are not finished
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
        """The run's service of that class. No key holds it: what it gives must be pinned.

        Raises StageError where the run has none.
        """
        found = self.services.get(kind)
        if not isinstance(found, kind):
            raise StageError(f"this run has no {kind.__name__}", where=f"stage {self.name}",
                             hint="give the engine one: services={…}", reason="service")
        return found

    def path(self, ref: OutputRef | SourceFile | SourceTree) -> Path:
        """Where the content of a file output, or a source, lies, to be read only."""
        if isinstance(ref, OutputRef):
            return self.blobs.path(self.inputs[ref].blob)
        return ref.path

    def read(self, ref: OutputRef | SourceFile) -> bytes:
        """The content of a small file."""
        if isinstance(ref, OutputRef):
            return self.blobs.read(self.inputs[ref].blob.sha256)
        return ref.path.read_bytes()

    def keep(self, content: bytes | Path) -> Blob:
        """An output: bytes, or a finished file below `folder`, which moves into the store."""
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
        """Tell something that people should know and that is no failure."""
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


