"""Two stages and a product. Run `doit`, change words.txt, then run `doit why` and `doit`."""

from __future__ import annotations

from dataclasses import dataclass

from buildlib import OutputRef, Outputs, Pipeline, SourceFile, Stage, StageContext


@dataclass(frozen=True)
class Sorted(Stage):
    """The words of a file, sorted."""

    TOOLS = ("sort",)  # the program's content is part of the key
    words: SourceFile

    def run(self, context: StageContext) -> Outputs:
        context.run("sort", "-o", context.folder / "sorted", context.path(self.words))
        return {"text": context.keep(context.folder / "sorted")}


@dataclass(frozen=True)
class Loud(Stage):
    """A text in capitals."""

    text: OutputRef

    def run(self, context: StageContext) -> Outputs:
        return {"text": context.keep(context.read(self.text).upper())}


pipeline = Pipeline(__file__)
words = pipeline.stage("sorted", Sorted(SourceFile("words.txt")))
loud = pipeline.stage("loud", Loud(words.text))
pipeline.product("report", {"report.txt": loud.text})
DOIT_CONFIG = pipeline.doit_config()
task_pipeline = pipeline.doit_tasks
