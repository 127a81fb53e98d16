"""Packages of the distribution, unpacked but never installed: Xen's own tools.

`unpacked` returns a folder with all files of some packages, which are downloaded once. `Xl` runs
the real xl on configurations, on a host that is not a dom0, with `xl -N create`, which reads and
checks everything and prints the parsed configuration.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from buildlib.host.distribution import LISTS, DistributionPackage, candidate
from buildlib.model.digest import sha256
from support.checkouts.scratch import PROJECT
from support.machines.namespace import Namespace

CACHE = PROJECT / "build" / "test-packages"
# Packages that `xl` needs, besides the libraries of every host.
XL = (
    "xen-utils-*",
    "libxenmisc*",
    "libxencall1",
    "libxendevicemodel1",
    "libxenevtchn1",
    "libxenforeignmemory1",
    "libxengnttab1",
    "libxenhypfs1",
    "libxenstore4",
    "libxentoollog1",
    "libxentoolcore1",
    "libyajl2",
)
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LIMIT_SECONDS = 240

# Starts argv[1:] with one change to the kernel: the hypercall of /dev/xen/privcmd, here /dev/zero,
# does nothing and succeeds. So xl finds a hypervisor that answers 0 to everything.
_LAUNCH = """
import ctypes, os, struct, sys
IOCTL, HYPERCALL, ALLOW, RETURN_0 = 16, 0x305000, 0x7fff0000, 0x00050000
program = b"".join(struct.pack("HBBI", *item) for item in (
    (0x20, 0, 0, 0), (0x15, 0, 3, IOCTL),         # number of the system call
    (0x20, 0, 0, 24), (0x15, 0, 1, HYPERCALL),    # its second argument
    (0x06, 0, 0, RETURN_0), (0x06, 0, 0, ALLOW)))
text = ctypes.create_string_buffer(program)
filter = ctypes.create_string_buffer(
    struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text)))
libc = ctypes.CDLL(None, use_errno=True)
for words in ((38, 1, 0, 0, 0), (22, 2, filter, 0, 0)):
    if libc.prctl(*words):
        sys.exit(os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
"""


def _run(argv: Sequence[str], folder: Path | None = None) -> str:
    return subprocess.run(
        argv, cwd=folder, check=True, capture_output=True, text=True, timeout=600
    ).stdout


def unpacked(
    *patterns: str, cache: Path = CACHE, run: Callable[[Sequence[str], Path | None], str] = _run
) -> Path:
    """A folder with the files of the packages, laid out as below /.

    patterns  names, with `*` for digits and dots; the newest matching package is used
    """
    key = sha256(repr((patterns, _lists())).encode())[:16]
    made = cache / key
    if made.exists():
        return made
    packages = [candidate(pattern, lambda argv: run(argv, None)) for pattern in patterns]
    fresh = cache / f"{key}.{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    for name in ("debs", "root"):
        (fresh / name).mkdir(parents=True)
    run(
        ["apt-get", "-q", "download", *(f"{item.name}={item.version}" for item in packages)],
        fresh / "debs",
    )
    debs = sorted((fresh / "debs").iterdir())
    assert len(debs) == len(packages)
    for deb in debs:
        check(deb, packages)
        run(["dpkg-deb", "-x", str(deb), str(fresh / "root")], None)
    with contextlib.suppress(OSError):  # another test was faster
        (fresh / "root").rename(made)
    shutil.rmtree(fresh)
    return made


def _lists() -> list[tuple[str, int]]:
    """A value that changes when the distribution's index is updated; running apt takes seconds."""
    return sorted((path.name, path.stat().st_mtime_ns) for path in Path(LISTS).iterdir())


def check(deb: Path, packages: Sequence[DistributionPackage]) -> None:
    """Check that a downloaded package is the one in the signed index."""
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    assert digest in {item.sha256 for item in packages}, f"{deb.name} is not the index's: {digest}"


class Xl:
    """The real xl, on a host without Xen. Use it as a context manager.

    In a private mount namespace it finds Xen's devices, which do nothing, and a silent socket of
    xenstored. It needs no more to read configurations.
    """

    def __init__(self, folder: Path) -> None:
        root = unpacked(*XL)
        (self._program,) = root.glob("usr/lib/xen-*/bin/xl")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._xenstored = socket.socket(socket.AF_UNIX)
        self._xenstored.bind(str(folder / "xenstored"))
        self._xenstored.listen(100)
        self._namespace = Namespace(folder)
        (folder / "dev").mkdir()
        self._namespace.run(
            "sh",
            "-ec",
            """
            mount -t tmpfs tmpfs dev
            mkdir dev/xen
            for name in null zero urandom xen/privcmd xen/hypercall; do : >dev/$name; done
            for name in null zero urandom; do mount --bind /dev/$name dev/$name; done
            for name in privcmd hypercall; do mount --bind /dev/zero dev/xen/$name; done
            mount --rbind dev /dev
        """,
        )
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "LD_LIBRARY_PATH": str(root / LIBRARIES),
            "XENSTORED_PATH": str(folder / "xenstored"),
        }

    def __enter__(self) -> Xl:
        return self

    def __exit__(self, *_: object) -> None:
        self._namespace.__exit__()
        self._xenstored.close()

    def create(self, config: Path) -> subprocess.CompletedProcess[str]:
        """Run `xl -N create FILE`, which checks it and starts nothing. Return the parsed JSON."""
        return subprocess.run(
            [
                *self._namespace.wrap,
                sys.executable,
                "-I",
                "-S",
                "-c",
                _LAUNCH,
                str(self._program),
                "-N",
                "create",
                str(config),
            ],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )

    def understood(self, config: Path) -> dict[str, Any]:
        """The JSON that xl prints for a configuration that it must accept."""
        done = self.create(config)
        assert done.returncode == 0, (config.read_text(), done.stderr)
        found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
        return found
