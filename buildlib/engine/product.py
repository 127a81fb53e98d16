"""Products: outputs of a run that are published under their own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.engine.stage import OutputRef


@dataclass(frozen=True, slots=True)
class Product:
    """Published files in one folder.

    files   file name to output
    all_of  a stage whose outputs are all files of the product, under the outputs' names
    record  file name of the build record, or empty
    labels  the image's labels as JSON, for the record
    """

    name: str
    folder: Path
    files: Mapping[str, OutputRef] = field(default_factory=dict)
    all_of: str = ""
    record: str = ""
    labels: OutputRef | None = None
    doc: str = ""

    def stages(self) -> list[str]:
        """The stages whose outputs are its files."""
        names = [ref.stage for ref in self.files.values()]
        return list(dict.fromkeys([*names, self.all_of] if self.all_of else names))

    def takes(self) -> tuple[OutputRef, ...]:
        """The outputs that it uses by name."""
        return (*self.files.values(), *([self.labels] if self.labels else []))
