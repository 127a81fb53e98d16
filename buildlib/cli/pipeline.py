"""Pipelines of other projects, from a dodo.py of a few lines:

    pipeline = Pipeline(__file__)
    words = pipeline.stage("words", Words(SourceFile("words.txt")))
    pipeline.product("report", {"report.txt": words.text})

    DOIT_CONFIG = pipeline.doit_config()
    task_pipeline = pipeline.doit_tasks

`Project` is a pipeline with a release, its lock and its recipes, which builds boot media.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildlib.cli.tasks import DoitTask, Tasks
from buildlib.cli.variables import command_line
from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef, Stage, placed
from buildlib.model.errors import ConfigError
from buildlib.model.events import Sink, silent
from buildlib.model.schema import nearest

if TYPE_CHECKING:
    from buildlib.cli.session import Session
    from buildlib.engine.graph import Graph


@dataclass(frozen=True, slots=True)
class StageHandle:
    """A stage of a pipeline. `handle.NAME`, or `handle["NAME"]`, is its output NAME."""

    name: str

    def __getitem__(self, output: str) -> OutputRef:
        return OutputRef(self.name, output)

    def __getattr__(self, output: str) -> OutputRef:
        if output.startswith("_") or output == "create_doit_tasks":  # doit looks it up everywhere
            raise AttributeError(output)
        return OutputRef(self.name, output)


@dataclass(frozen=True, slots=True)
class ProductHandle:
    """A product of a pipeline: `path` of its first file, `paths` of all files by name."""

    name: str
    paths: Mapping[str, Path]

    @property
    def path(self) -> Path:
        """The path of its first file."""
        return next(iter(self.paths.values()))


class Pipeline:
    """Stages and products of the project in the folder of `file`, its dodo.py.

    build, dist  folders of the store and of products, unless settings override them
    """

    default: Sequence[str] | None = None  # tasks that run if none is named; None: all
    given: Collection[OutputRef] = ()  # outputs that exist before any stage is added

    def __init__(self, file: str | Path, *, build: str = "build", dist: str = "dist") -> None:
        self.root = Path(file).resolve().parent
        self._folders = {"build": build, "dist": dist}
        self._stages: dict[str, Stage] = {}
        self._docs: dict[str, str] = {}
        self._after: dict[str, tuple[str, ...]] = {}
        self._products: dict[str, Product] = {}
        self._services: dict[type[object], object] = {}
        self._tasks: Tasks | None = None
        self._problems: list[str] = []

    def stage(
        self, name: str, stage: Stage, *, doc: str = "", after: Sequence[str] = ()
    ) -> StageHandle:
        """Add a stage.

        name   of its task; GROUP:NAME makes it one of a group
        doc    description for `doit list`; default: the first line of the stage's docstring
        after  names of tasks that must finish first, although it uses none of their outputs

        A name already in use, or an input that no stage makes, is a problem of the pipeline. All
        problems are reported together when the pipeline is used.
        """
        self._check(name, stage.upstream())
        self._stages[name] = placed(stage, self.root)
        self._docs[name] = doc or (type(stage).__doc__ or name).strip().splitlines()[0]
        if after:
            self._after[name] = tuple(after)
        return StageHandle(name)

    def product(
        self,
        name: str,
        files: Mapping[str, OutputRef],
        *,
        folder: str = "",
        record: bool = True,
        doc: str = "",
    ) -> ProductHandle:
        """Add a product: files that the build publishes.

        files   file name to the output with its content
        folder  where they appear, relative to dodo.py; default: `dist`
        record  whether to write a build record, NAME.json, beside them

        Problems are reported like those of stages.
        """
        self._check(name, files.values())
        place = self.root / (folder or self._dist())
        self._products[name] = Product(
            name,
            place,
            dict(files),
            doc=doc or f"make {name}",
            record=f"{name}.json" if record else "",
        )
        return ProductHandle(name, {file: place / file for file in files})

    def service(self, service: object) -> None:
        """Provide an object to stages, which get it by its class: `context.service(CLASS)`."""
        self._services[type(service)] = service

    def doit_config(self) -> dict[str, Any]:
        """DOIT_CONFIG for dodo.py; call it after adding all stages and products."""
        return self._open().config()

    def doit_tasks(self) -> Iterator[DoitTask]:
        """The tasks, for `task_NAME = pipeline.doit_tasks` in dodo.py."""
        yield from self._open().tasks()

    def build(self, *names: str, tell: Sink = silent) -> dict[str, Path]:
        """Make products without doit, one after the other; all products if none is named.

        tell  receives every event of the run

        Returns file name to path. Raises GoldmasterError.
        """
        session = self.session({}, tell)
        session.store.begin(waiting=lambda _text: None)
        try:
            wanted = names or tuple(session.products)
            for name in wanted:
                if name not in session.products:
                    raise ConfigError(
                        f"there is no product {name}{nearest(name, session.products)}",
                        reason="unknown-product",
                    )
                session.publisher.publish(session.products[name])
            return {
                file: session.products[name].folder / file
                for name in wanted
                for file in session.products[name].files
            }
        finally:
            session.store.seen.save()
            session.store.end()

    def session(self, variables: Mapping[str, str], sink: Sink) -> Session:
        """Open a session for a run of this pipeline. Raises GoldmasterError."""
        from buildlib.cli.session import Session, engine_over, open_store
        from buildlib.config.settings import read_settings
        from buildlib.engine.publish import Publisher

        self._raise_problems()
        settings = read_settings(self.root, variables, usual=self._folders)
        store = open_store(self.root / settings.build, noted=[self.root / "dodo.py"])
        graph = self._graph()
        engine = engine_over(graph, store, settings, sink, services=self._services, scope="")
        return Session(
            self.root, settings, self._products, store, engine, Publisher(engine, sink, facts={})
        )

    def _graph(self) -> Graph:
        from buildlib.engine.graph import Graph

        return Graph(
            self._stages,
            self._after,
            self._docs,
            {product.name: tuple(product.files.values()) for product in self._products.values()},
        )

    def _open(self) -> Tasks:
        if self._tasks is None:
            variables = command_line()
            self._tasks = Tasks(
                self.root,
                variables,
                default=self.default,
                opener=lambda _root, given, sink: self.session(given, sink),
                mark=f"{zlib.crc32(repr(self._parts()).encode()):08x}",
                folders=self._folders or None,
            )
        return self._tasks

    def _parts(self) -> object:
        """Everything that dodo.py has added, field by field, independent of classes' own `repr`."""
        stages = {
            name: (stage.VERSION, stage.LIBRARIES, stage.tools(), _shown(stage))
            for name, stage in self._stages.items()
        }
        return stages, self._after, _shown(self._products)

    def _dist(self) -> str:
        """The folder of products; the session reports a wrong setting."""
        from buildlib.host.environment import setting

        return command_line().get("dist") or setting("dist") or self._folders["dist"]

    def _check(self, name: str, refs: Iterable[OutputRef]) -> None:
        """Record problems of a task, with the line of dodo.py that adds it."""
        line = _line()
        if self._tasks is not None:
            self._problems.append(f"{line}: {name} is added too late: add it before doit_config()")
        if name in self._stages or name in self._products:
            self._problems.append(f"{line}: there are two tasks named {name}")
        for ref in refs:
            if ref.stage not in self._stages and ref not in self.given:
                self._problems.append(
                    f"{line}: {name} uses the output {ref.output} of {ref.stage}, which is not a "
                    f"stage of this pipeline{nearest(ref.stage, self._stages)}"
                )

    def _raise_problems(self) -> None:
        if self._problems:
            raise ConfigError(
                "this pipeline has problems",
                where=self.root,
                problems=tuple(dict.fromkeys(self._problems)),
                reason="pipeline",
            )


class Project(Pipeline):
    """A project that builds boot media, and may add its own stages after them.

    `file` is its dodo.py, in the folder with recipes, sets and kernel-configs. Settings are those
    of docs/settings.md. Its own stages can use `iso`, the image of the boot CD, and the outputs
    `spec` and `labels` of the same stage, `image:cd`.
    """

    default = ("iso",)
    iso = OutputRef("image:cd", "iso")
    given = frozenset({iso, OutputRef("image:cd", "spec"), OutputRef("image:cd", "labels")})

    def __init__(self, file: str | Path) -> None:
        super().__init__(file)
        self._folders = {}  # these come from settings, including recipes/settings.toml

    def session(self, variables: Mapping[str, str], sink: Sink) -> Session:
        """Open a session for a run. Raises GoldmasterError."""
        from buildlib.cli.boot_media.open import open_session

        self._raise_problems()
        return open_session(
            self.root,
            variables,
            sink,
            services=self._services,
            graph=self._graph(),
            products=self._products,
        )

    def _dist(self) -> str:
        from buildlib.config.settings import read_settings

        try:
            return read_settings(self.root, command_line()).dist
        except ConfigError:
            return "dist"


def _shown(value: object) -> object:
    """A value whose `repr` has every field of every dataclass in it."""
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        return (
            kind.__module__,
            kind.__qualname__,
            [(field.name, _shown(getattr(value, field.name))) for field in fields(value)],
        )
    if isinstance(value, Mapping):
        return [(key, _shown(part)) for key, part in value.items()]
    return [_shown(part) for part in value] if isinstance(value, tuple) else value


def _line() -> str:
    """FILE:LINE of the code outside this module that called it."""
    frame = sys._getframe()  # noqa: SLF001  `inspect` uses it too, but takes long to import
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
