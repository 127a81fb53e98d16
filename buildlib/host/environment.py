"""The clock and the environment of the build host, read here and nowhere else.

No output may depend on them; a test keeps every other module from asking.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

# Tools are looked for where a distribution puts them, whatever the caller's PATH says.
TOOL_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

# All that a tool started by a stage finds in its environment.
TOOL_ENVIRONMENT = {
    "PATH": TOOL_PATH,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "TZ": "UTC",
}


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def monotonic() -> float:
    """Seconds of a clock that only measures spans."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Wait. A signal that ends the run ends this too."""
    time.sleep(seconds)


def setting(name: str) -> str | None:
    """The environment variable of the setting `name`: `GOLDMASTER_NAME`."""
    return os.environ.get(f"GOLDMASTER_{name.upper()}") or None


def all_settings() -> dict[str, str]:
    """Every GOLDMASTER_ variable by its setting's name, and SOURCE_DATE_EPOCH."""
    prefix = "GOLDMASTER_"
    found = {name.removeprefix(prefix).lower(): value for name, value in os.environ.items()
             if name.startswith(prefix) and value}
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        found["SOURCE_DATE_EPOCH"] = epoch
    return found


def source_date_epoch() -> str | None:
    """SOURCE_DATE_EPOCH as the caller set it (reproducible-builds.org), unchecked."""
    return os.environ.get("SOURCE_DATE_EPOCH") or None


def caller_environment(*names: str) -> dict[str, str]:
    """Those of the caller's environment variables that are set: for a tool that acts for them."""
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def can_move_lines() -> bool:
    """Whether the terminal, by its name, can write a line anew."""
    return os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def proxies() -> dict[str, str]:
    """How the caller reaches the network: the variable of a tool to that of the caller's which has
    its value.

    Tools agree on the small letters only, so what is set in capitals is handed on in both; not all
    know `all_proxy`.
    """
    found: dict[str, str] = {}
    for name in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"):
        for source in (name, name.upper()):
            if os.environ.get(source):
                found.setdefault(name, source)
                found[source] = source
    if every := found.get("all_proxy"):
        for name in ("http_proxy", "https_proxy"):
            found.setdefault(name, every)
    return found


def boot_id() -> str:
    """What names the time since the machine was last started; empty where nothing tells."""
    return _told("/proc/sys/kernel/random/boot_id")


def machine_id() -> str:
    """What names the machine; empty where nothing tells."""
    return _told("/etc/machine-id")


def _told(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


def tool_candidates(name: str) -> list[str]:
    """Where the host tool `name` may be, the first that is there counts."""
    return [f"{folder}/{name}" for folder in TOOL_PATH.split(":")]


def find_tool(name: str) -> Path | None:
    """The absolute path of the host tool `name`, links resolved; None where there is none."""
    for path in tool_candidates(name):
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return Path(path).resolve()
    return None


def free_bytes(folder: Path) -> int:
    """Bytes an ordinary user can still write below `folder`."""
    return shutil.disk_usage(folder).free


def free_files(folder: Path) -> int | None:
    """How many files can still be made below `folder`; None where there is no limit."""
    status = os.statvfs(folder)
    return status.f_favail if status.f_files else None


def forbids_programs(folder: Path) -> bool:
    """Whether no program can be started that lies below `folder`: its file system is noexec."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def forbids_files(folder: Path, names: Iterable[str]) -> str:
    """Why files cannot be put into `folder`, which need not be there; empty where they can, or
    where all of them are there.
    """
    if all(os.path.exists(folder / name) for name in names):
        return ""
    try:
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            return f"{folder} is no folder"
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return "its file system is read-only"
        return "" if os.access(folder, os.W_OK | os.X_OK) else os.strerror(errno.EACCES)
    except OSError as error:
        return str(error.strerror)
