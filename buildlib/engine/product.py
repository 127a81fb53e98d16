"""What people take out of a run: outputs under names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.engine.stage import OutputRef


@dataclass(frozen=True, slots=True)
class Product:
    """Files for people, beside each other in one folder.

    files   file name to the output that it is
    all_of  a stage all of whose outputs are files of the product, named by the outputs' names
    record  file name of the build record, or empty
    labels  what the image says of itself, as JSON, for the record
    """

    name: str
    folder: Path
    files: Mapping[str, OutputRef] = field(default_factory=dict)
    all_of: str = ""
    record: str = ""
    labels: OutputRef | None = None
    doc: str = ""

    def stages(self) -> list[str]:
        """The stages that its files are outputs of."""
        names = [ref.stage for ref in self.files.values()]
        return list(dict.fromkeys([*names, self.all_of] if self.all_of else names))

    def takes(self) -> tuple[OutputRef, ...]:
        """The outputs that it takes by name."""
        return (*self.files.values(), *([self.labels] if self.labels else []))
