"""The clock and the environment of the build host, which are read only here.

No output may depend on them; a test checks that no other module reads them.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

# Tools are searched for where a distribution installs them, whatever the caller's PATH.
TOOL_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

# The complete environment of a tool started by a stage.
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
    """Seconds of a clock that is only good for measuring intervals."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Sleep. A signal that ends the run also ends the sleep."""
    time.sleep(seconds)


def setting(name: str) -> str | None:
    """The environment variable for the setting `name`: `GOLDMASTER_NAME`."""
    return os.environ.get(f"GOLDMASTER_{name.upper()}") or None


def all_settings() -> dict[str, str]:
    """Every GOLDMASTER_ variable by the name of its setting, and SOURCE_DATE_EPOCH."""
    prefix = "GOLDMASTER_"
    found = {
        name.removeprefix(prefix).lower(): value
        for name, value in os.environ.items()
        if name.startswith(prefix) and value
    }
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        found["SOURCE_DATE_EPOCH"] = epoch
    return found


def source_date_epoch() -> str | None:
    """SOURCE_DATE_EPOCH as the caller set it (reproducible-builds.org), unchecked."""
    return os.environ.get("SOURCE_DATE_EPOCH") or None


def caller_environment(*names: str) -> dict[str, str]:
    """Those of the caller's environment variables that are set, for a tool that needs them."""
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def can_move_lines() -> bool:
    """Whether the terminal, judged by TERM, can overwrite lines."""
    return os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def proxies() -> dict[str, str]:
    """The proxy settings for tools: name of a tool's variable to the caller's variable that has its
    value.

    Tools agree only on lower-case names, so an upper-case variable is passed on under both names.
    Not all tools know `all_proxy`.
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
    """The identifier of the current boot, or an empty text if it is unknown."""
    return _read("/proc/sys/kernel/random/boot_id")


def machine_id() -> str:
    """The identifier of the machine, or an empty text if it is unknown."""
    return _read("/etc/machine-id")


def has_no_other_users() -> bool:
    """Whether programs cannot change their user, because this user namespace has only root.

    Source: user_namespaces(7).
    """
    return _read("/proc/self/setgroups") == "deny"


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def tool_candidates(name: str) -> list[str]:
    """Possible paths of the host tool `name`; the first one that exists is used."""
    return [f"{folder}/{name}" for folder in TOOL_PATH.split(":")]


def find_tool(name: str) -> Path | None:
    """The absolute path of the host tool `name`, links resolved, or None if it is missing."""
    for path in tool_candidates(name):
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return Path(path).resolve()
    return None


def free_bytes(folder: Path) -> int:
    """Bytes that an ordinary user can still write below `folder`."""
    return shutil.disk_usage(folder).free


def free_files(folder: Path) -> int | None:
    """How many files can still be created below `folder`, or None if there is no limit."""
    status = os.statvfs(folder)
    return status.f_favail if status.f_files else None


def forbids_programs(folder: Path) -> bool:
    """Whether `folder` is on a file system mounted noexec, so no program in it can be started."""
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def forbids_files(folder: Path, names: Iterable[str]) -> str:
    """Why files cannot be created in `folder`, which need not exist; empty if they can, or if all
    of them already exist.
    """
    if all(os.path.exists(folder / name) for name in names):
        return ""
    try:
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            return f"{folder} is not a folder"
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return "its file system is read-only"
        return "" if os.access(folder, os.W_OK | os.X_OK) else os.strerror(errno.EACCES)
    except OSError as error:
        return str(error.strerror)
