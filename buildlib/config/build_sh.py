"""How to call a release's own `build.sh`, and what the host needs for it.

These are tables of a release definition, see `release`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from buildlib.model import names


@dataclass(frozen=True, slots=True)
class Compiler:
    """What compiles a release's tools on the build host.

    c          command of the C compiler
    cxx        command of the C++ compiler
    c_flags    arguments that every call of the C compiler gets
    cxx_flags  arguments that every call of the C++ compiler gets
    newest     the newest major version the sources are known to compile with; 0: any
    headers    headers that the tools include and the host must have
    """

    c: str = "cc"
    cxx: str = "c++"
    c_flags: tuple[str, ...] = ()
    cxx_flags: tuple[str, ...] = ()
    newest: int = 0
    headers: tuple[str, ...] = ("zlib.h",)

    def __post_init__(self) -> None:
        with names.fields() as check:
            check.one("c", self.c, names.name)
            check.one("cxx", self.cxx, names.name)
            check.all("c_flags", self.c_flags, names.line)
            check.all("cxx_flags", self.cxx_flags, names.line)
            check.number("newest", self.newest, 0, 1 << 16)
            check.all("headers", self.headers, names.path)

    def settings(self) -> dict[str, str]:
        """The environment variables for NetBSD's build: HOST_CC and HOST_CXX."""
        return {
            "HOST_CC": " ".join((self.c, *self.c_flags)),
            "HOST_CXX": " ".join((self.cxx, *self.cxx_flags)),
        }


@dataclass(frozen=True, slots=True)
class Space:
    """What a build takes on the disk, in MB (10^6 bytes); checked before it begins.

    sources    MB for the unpacked source sets
    toolchain  MB for the toolchain with its objects
    kernel     MB for each kernel
    files      number of inodes for all of it

    A tree of 2015 took 2,100, 350 and 100, and 230,000 inodes; compilers have grown since.
    """

    sources: int = 2500
    toolchain: int = 2000
    kernel: int = 250
    files: int = 300_000

    def __post_init__(self) -> None:
        with names.fields() as check:
            for key in ("sources", "toolchain", "kernel", "files"):
                check.number(key, getattr(self, key), 0, 1 << 40)


@dataclass(frozen=True, slots=True)
class Build:
    """How `build.sh` is called.

    version      what sys/conf/osrelease.sh of the sources prints; empty: the release's version
    flags        further flags of `build.sh`
    environment  variables that its tools find; the caller's environment is not passed on
    compiler     what compiles the tools on the build host
    space        disk space that is checked before a build; 0 in every key: no check
    """

    version: str = ""
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    compiler: Compiler = Compiler()
    space: Space = Space()

    def __post_init__(self) -> None:
        with names.fields() as check:
            check.one("version", self.version, names.name, empty=True)
            check.all("flags", self.flags, names.sentence)
            check.keys("environment", self.environment, names.variable)
            for key, value in self.environment.items():
                check.one(f"environment.{key}", value, names.sentence, empty=True)
