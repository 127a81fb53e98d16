"""Packages for tests, the stage that uses them, and the root into which they are installed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from buildlib.config.accounts import Accounts
from buildlib.engine.stage import OutputRef
from buildlib.model.events import Event, Note
from buildlib.model.tree import Tree
from buildlib.stages.system.package_install import Installing
from buildlib.stages.system.packages import Packages
from buildlib.stages.system.root import Root
from support.readers.archives import gz
from support.readers.trees import TIME, Contents, file, folder
from support.stages.stage_bench import Bench, Input

SETS, PACKAGES = OutputRef("sets", "tree"), OutputRef("packages", "tree")
TABLE = Accounts({"www": 500}, {"www": 500})
BUILD_INFO = "OPSYS=NetBSD\nMACHINE_ARCH=x86_64\nOS_VERSION=10.0\n"
EXAMPLE = "share/examples/a.conf"
INSTALL = """\
#!/bin/sh
exit 0
# GROUP: www
# USER: www:www
# FILE: etc/a.conf c share/examples/a.conf 0640 www www
# DIR: /var/db/a mo 0700 www
# PERMS: bin/a 2555 root www
# SHELL: bin/a
"""
ETC: Contents = {
    **folder("etc"),
    **file("etc/shells", b"/bin/sh\n"),
    **file("etc/master.passwd", b"root:*:0:0::0:0::/root:/bin/sh\n", 0o600),
    **file("etc/passwd", b"root:*:0:0::/root:/bin/sh\n"),
    **file("etc/group", b"wheel:*:0:root\n"),
    **file("etc/pwd.db", b"db", time=TIME + 500),
}


def archive(
    name: str,
    lines: str = "",
    files: Mapping[str, str] | None = None,
    *,
    install: str = "",
    info: str = BUILD_INFO,
    links: Mapping[str, str] | None = None,
    cwd: str = "/usr/pkg",
) -> bytes:
    """A package. `files`: path to content; `links`: path to the file that it is a hard link to."""
    members = {
        "+CONTENTS": f"@name {name}\n@cwd {cwd}\n{lines}",
        "+COMMENT": "x\n",
        "+DESC": "x\n",
        **({"+INSTALL": install} if install else {}),
        "+BUILD_INFO": info,
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, text in {**members, **(files or {})}.items():
            member = tarfile.TarInfo(path)
            member.size, member.mtime = len(text.encode()), TIME
            tar.addfile(member, io.BytesIO(text.encode()))
        for path, target in (links or {}).items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.LNKTYPE, target
            tar.addfile(member)
    return gz(made.getvalue())


class Staged:
    """A bench, and the notes of its stages."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.notes: list[str] = []
        self.output: Input = b""
        self.more: dict[OutputRef, Input] = {}

    def hear(self, event: Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event.text)

    def packages(
        self,
        archives: Mapping[str, bytes],
        *,
        outside: tuple[str, ...] = ("var",),
        database: str = "usr/pkg/pkgdb",
    ) -> Tree:
        refs = {name: OutputRef(name, "file") for name in archives}
        stage = Packages(refs, (), database, "x86_64", "10.1", TIME, "usr/pkg", outside)
        inputs: dict[OutputRef, Input] = {refs[name]: data for name, data in archives.items()}
        self.output = output = self.bench.run_stage(stage, inputs, sink=self.hear)["tree"]
        return self.bench.tree(output)

    def root(self, base: Contents = ETC, **fields: Any) -> Tree:
        installing = Installing("usr/pkg/pkgdb", "usr/pkg", ("var",), TABLE)
        stage = replace(
            Root(layers=(SETS, PACKAGES), overlays=(), time=TIME + 99, packages=installing),
            **fields,
        )
        inputs: dict[OutputRef, Input] = {
            SETS: self.bench.stored(base),
            PACKAGES: self.output,
            **self.more,
        }
        self.made = self.bench.run_stage(stage, inputs, sink=self.hear)["tree"]
        return self.bench.tree(self.made)

    def text(self, tree: Tree, path: str) -> str:
        entry = tree.by_path[path]
        return self.bench.contents(self.made)[entry.sha256].decode()
