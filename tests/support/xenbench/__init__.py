"""Xen with Debian's kernel as dom0, in QEMU: the real toolstack for our domUs.

Nothing is installed and there is no disk: dom0 runs from an initramfs of unpacked packages. `run`
boots it once, with a test's files and script, and returns the console output. The boot's parts are
cached beside the packages, so only the first run creates them.
"""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

from buildlib.model.digest import sha256
from support.checkouts.scratch import once
from support.machines.xen_tools import XL, unpacked

HERE = Path(__file__).parent
PACKAGES = (
    "xen-hypervisor-*-amd64",
    "linux-image-*-*-amd64",
    "busybox-static",
    "xenstore-utils",
    *XL,
    "libc6",
    "libgcc-s1",
    "liblzma5",
    "libuuid1",
    "libzstd1",
    "zlib1g",
)
# In the order of their dependencies.
MODULES = ("xen-privcmd", "xenfs", "xen-evtchn", "xen-gntdev", "xen-blkback", "xen-netback", "loop")
PROGRAMS = (
    "bin/busybox",
    *(f"usr/bin/xenstore-{verb}" for verb in ("list", "read", "write")),
    *(f"usr/lib/xen-*/bin/{name}" for name in ("xl", "xen-init-dom0", "xenstored", "xenconsoled")),
)
FOLDERS = (
    "dev",
    "proc",
    "run/xen",
    "run/xenstored",
    "sys",
    "tmp",
    "var/lib/xen",
    "var/lib/xenstored",
    "var/log/xen/console",
)
LINKS = {"var/run": "/run", "usr/sbin/xl": "/xen/xl"}

# A processor with random numbers, for which xl would wait otherwise, and PVH's requirements;
# without features that only take time here.
MACHINE = ("-M", "pc", "-cpu", "qemu64,+rdrand,+npt", "-m", "640")
XEN_WORDS = (
    "console=com1 com1=115200,8n1 loglvl=error guest_loglvl=error dom0_mem=256M,max:256M "
    "dom0_max_vcpus=1 sched=credit xpti=no spec-ctrl=no"
)
LINUX_WORDS = (
    "console=hvc0 loglevel=3 rdinit=/init mitigations=off cryptomgr.notests rodata=off "
    "apparmor=0 audit=0"
)


@dataclass(frozen=True)
class Parts:
    """Files for QEMU: Xen and Linux as ELF files, and dom0's files."""

    xen: Path
    linux: Path
    files: Path


def parts() -> Parts:
    """The parts, created on first use."""
    root = unpacked(*PACKAGES)
    own = sha256(b"".join(path.read_bytes() for path in sorted(HERE.glob("*.*"))))[:16]
    folder = once(root.with_name(f"{root.name}-{own}"), lambda made: _make(root, made))
    return Parts(folder / "xen", folder / "linux", folder / "files")


def _make(root: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "xen").write_bytes(gzip.decompress(_only(root, "boot/xen-*-amd64.gz").read_bytes()))
    (folder / "linux").write_bytes(_kernel(_only(root, "boot/vmlinuz-*").read_bytes()))
    files: dict[str, bytes | Path] = {
        "init": HERE / "init.sh",
        "etc/xen/xl.conf": b"",
        **{f"etc/xen/scripts/{name}": HERE / "hotplug.sh" for name in ("block", "vif-bridge")},
        **{f"xen/{path.name}": path for path in (_only(root, name) for name in PROGRAMS)},
        **{
            f"modules/{number}-{name}.ko": _only(root, f"lib/modules/*/kernel/**/{name}.ko")
            for number, name in enumerate(MODULES)
        },
        **{
            f"lib/x86_64-linux-gnu/{path.name}": path
            for folder in ("lib", "usr/lib")
            for path in root.glob(f"{folder}/x86_64-linux-gnu/lib*.so*")
        },
        "lib64/ld-linux-x86-64.so.2": _only(root, "**/lib/*/ld-linux-x86-64.so.2"),
    }
    with (folder / "files").open("wb") as out:
        out.writelines(_archive(files, folders=FOLDERS, links=LINKS))


def _only(root: Path, pattern: str) -> Path:
    found = {path.resolve() for path in root.glob(pattern)}
    assert len(found) == 1, (pattern, found)
    return found.pop()


def _kernel(image: bytes) -> bytes:
    """The ELF file in a bzImage, because Xen would take longer to unpack it.

    Source: Linux, Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length.
    """
    sectors, (offset, size) = image[0x1F1], unpack_from("<2I", image, 0x248)
    payload = image[(sectors + 1) * 512 + offset :][:size]
    return lzma.LZMADecompressor().decompress(payload)


def _archive(
    files: Mapping[str, bytes | Path],
    *,
    folders: tuple[str, ...] = (),
    links: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """A cpio archive in the new ASCII format; all files are executable."""
    links = links or {}
    above = {str(path) for name in (*files, *folders, *links) for path in Path(name).parents}
    for folder in sorted((above | set(folders)) - {"."}):
        yield _member(folder, stat.S_IFDIR | 0o755, b"")
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.read_bytes()
        yield _member(name, stat.S_IFREG | 0o755, data)
    for name, target in links.items():
        yield _member(name, stat.S_IFLNK | 0o777, target.encode())
    yield _member("TRAILER!!!", 0, b"")


def _member(name: str, mode: int, data: bytes) -> bytes:
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    return header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)


def run(script: str, files: Mapping[str, bytes | Path], *, folder: Path, seconds: float) -> str:
    """Console output while dom0 runs `script` (sh, with the functions of init.sh).

    files    additional files of dom0, by paths without the leading /
    folder   folder for the console's log, `console.log`
    seconds  the time limit
    """
    boot = parts()
    own, log = folder / "own", folder / "console.log"
    for path in (boot.xen, boot.linux):  # QEMU splits a path in -initrd at spaces and commas
        (folder / path.name).unlink(missing_ok=True)
        (folder / path.name).symlink_to(path)
    with own.open("wb") as out, boot.files.open("rb") as common:
        shutil.copyfileobj(common, out)
        out.writelines(_archive({**files, "job": script.encode()}))
    words = [
        "qemu-system-x86_64",
        *MACHINE,
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
        "-serial",
        "stdio",
        "-kernel",
        boot.xen.name,
        "-append",
        XEN_WORDS,
        "-initrd",
        f"{boot.linux.name} {LINUX_WORDS},{own.name}",
    ]
    try:
        with log.open("wb") as out:
            subprocess.run(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise AssertionError(
            f"dom0 took more than {seconds} s; its console said\n{_text(log)}"
        ) from None
    text = _text(log)
    assert re.search(r"^dom0: the end$", text, re.MULTILINE), text
    return text


def _text(log: Path) -> str:
    return log.read_bytes().decode(errors="replace").replace("\r", "")
