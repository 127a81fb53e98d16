"""A fleet's own project: recipes that name what ships with goldmaster, and a signed CD."""

from __future__ import annotations

from dataclasses import dataclass

from buildlib import OutputRef, Outputs, Project, SourceFile, Stage, StageContext


@dataclass(frozen=True)
class Signature(Stage):
    """A detached signature of an image (RSA, SHA-256)."""

    TOOLS = ("openssl",)
    image: OutputRef
    key: SourceFile

    def run(self, context: StageContext) -> Outputs:
        signature = context.folder / "image.sig"
        context.run(
            "openssl",
            "dgst",
            "-sha256",
            "-sign",
            context.path(self.key),
            "-out",
            signature,
            context.path(self.image),
        )
        return {"sig": context.keep(signature)}


project = Project(__file__)
signature = project.stage("signature-of-cd", Signature(project.iso, SourceFile("key.pem")))
signed = project.product("signed-iso", {"cd.iso.sig": signature.sig}, record=False)

DOIT_CONFIG = project.doit_config()
task_goldmaster = project.doit_tasks


def task_publish() -> dict[str, object]:
    """An ordinary doit task that uses the product."""
    return {
        "file_dep": [signed.path],
        "targets": ["published"],
        "actions": ["cp -f %(dependencies)s %(targets)s"],
    }
