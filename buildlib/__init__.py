"""goldmaster builds the boot media of a NetBSD/Xen server fleet reproducibly.

The library has ten layers. Each imports only layers below it, and no two modules import each other.

 1. `model`       values: digests, trees, mtree specs, errors, events; no I/O
 2. `host`        processes, environment and clock, job server, locks, files
 3. `store`       contents, packs, records, trees, work folders
 4. `config`      configuration files: releases, recipes, locks, settings, sites
    `formats`     file formats of media: ISO 9660, FFS, partition tables
 5. `sources`     external inputs: downloads, checksum lists, signatures, archives
 6. `engine`      stages, their keys, whether and why they run; products
    `pkgsrc`      reading of binary packages without their tools
 7. `stages`      one module per stage, each a pure function from content to content
 8. `plan`        from a configuration to stages and products, without reading files
 9. `operations`  everything else that users request: locks, checks, boot tests
10. `cli`         doit tasks and commands, the terminal

`model`, `host`, `store` and `engine` are the core, a library for any reproducible pipeline; they
import no other layer. `testing` has material for tests and benchmarks.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from buildlib.cli.pipeline import Pipeline, ProductHandle, Project, StageHandle
    from buildlib.engine.engine import Decision, Engine
    from buildlib.engine.graph import Graph
    from buildlib.engine.keys import Keys
    from buildlib.engine.product import Product
    from buildlib.engine.publish import Publisher
    from buildlib.engine.stage import (
        HostPackage,
        OutputRef,
        Outputs,
        SourceFile,
        SourceTree,
        Stage,
        StageContext,
    )
    from buildlib.model.digest import Blob
    from buildlib.model.errors import (
        ConfigError,
        GoldmasterError,
        SourceError,
        StageError,
        StoreError,
        ToolError,
    )
    from buildlib.model.events import Event, Finished, Note, Progress, Started
    from buildlib.model.tree import Entry, Tree
    from buildlib.store.packs import StoredTree
    from buildlib.store.store import Store

# The module of each public name. Names are imported on first use (PEP 562).
_PLACES = {
    "Pipeline": "cli.pipeline",
    "Project": "cli.pipeline",
    "StageHandle": "cli.pipeline",
    "ProductHandle": "cli.pipeline",
    "Stage": "engine.stage",
    "StageContext": "engine.stage",
    "Outputs": "engine.stage",
    "OutputRef": "engine.stage",
    "SourceFile": "engine.stage",
    "SourceTree": "engine.stage",
    "HostPackage": "engine.stage",
    "Engine": "engine.engine",
    "Graph": "engine.graph",
    "Decision": "engine.engine",
    "Keys": "engine.keys",
    "Product": "engine.product",
    "Publisher": "engine.publish",
    "Store": "store.store",
    "StoredTree": "store.packs",
    "Blob": "model.digest",
    "Tree": "model.tree",
    "Entry": "model.tree",
    "Event": "model.events",
    "Started": "model.events",
    "Progress": "model.events",
    "Finished": "model.events",
    "Note": "model.events",
    "GoldmasterError": "model.errors",
    "ConfigError": "model.errors",
    "SourceError": "model.errors",
    "StageError": "model.errors",
    "StoreError": "model.errors",
    "ToolError": "model.errors",
}
__all__ = [
    "Blob",
    "ConfigError",
    "Decision",
    "Engine",
    "Entry",
    "Event",
    "Finished",
    "GoldmasterError",
    "Graph",
    "HostPackage",
    "Keys",
    "Note",
    "OutputRef",
    "Outputs",
    "Pipeline",
    "Product",
    "ProductHandle",
    "Progress",
    "Project",
    "Publisher",
    "SourceError",
    "SourceFile",
    "SourceTree",
    "Stage",
    "StageContext",
    "StageError",
    "StageHandle",
    "Started",
    "Store",
    "StoreError",
    "StoredTree",
    "ToolError",
    "Tree",
]


def __getattr__(name: str) -> object:
    """A public name, from its module."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"buildlib.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
