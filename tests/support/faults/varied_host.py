"""Different build environments: another clock, host, user, order of files, and more.

The differences also affect tools, whose environment is cleaned: a library is preloaded by a file in
a private `/etc`. If the host allows no namespaces, it keeps its name, and only doit itself sees the
other clock and order.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.machines.namespace import unshare

_SOURCE = Path(__file__).with_suffix(".c")
_NOBODY = 65534
_ENTER = """\
mount -t overlay -o "lowerdir=$1:/etc" overlay /etc && hostname "$2" && shift 2 && exec "$@"
"""


@dataclass(frozen=True)
class Elsewhere:
    """A place.

    days    how far its clock is ahead; the release must already be signed
    order   a number that determines the order of names in folders
    locale  its variables
    user    whether the build runs as nobody
    """

    days: int
    zone: str
    locale: tuple[tuple[str, str], ...]
    umask: int
    user: bool
    folder: str
    host: str
    order: int
    seed: int
    jobs: int

    @property
    def environment(self) -> dict[str, str]:
        """Of doit."""
        person = f"builder-{self.order}"
        return {
            "TZ": self.zone,
            **dict(self.locale),
            "PYTHONHASHSEED": str(self.seed),
            "USER": person,
            "LOGNAME": person,
            "HOME": f"/home/{person}",
            "CFLAGS": "-O0",
            "CC": "false",
            "MAKEFLAGS": "-n",
            "GREP_OPTIONS": "-v",
            "POSIXLY_CORRECT": "1",
            "TMPDIR": "/nonexistent",
            "MTOOLSRC": "/nonexistent",
            "HOSTNAME": self.host,
        }

    def before(self, work: Path) -> list[str]:
        """The prefix for a command to run it in this environment; `work` is a folder for files."""
        etc = work / "etc"
        etc.mkdir(parents=True)
        library = work / "elsewhere.so"
        subprocess.run(
            [
                "cc",
                "-shared",
                "-fPIC",
                "-O1",
                f"-DORDER={self.order}u",
                f"-DSHIFT={self.days * 86400}",
                "-o",
                library,
                _SOURCE,
            ],
            check=True,
        )
        (etc / "ld.so.preload").write_text(f"{library}\n")
        if not namespaces():
            own = nobody() if self.user and os.geteuid() == 0 else []
            return ["env", f"LD_PRELOAD={library}", *own]
        own = nobody() if self.user else []
        return [*_unshare(), "sh", "-c", _ENTER, "sh", str(etc), self.host, *own]

    def hand_over(self, *folders: Path) -> None:
        """Let the building user write to these folders and reach them."""
        if self.user:
            hand_over(*folders)


def hand_over(*folders: Path) -> None:
    """Give root's folders to nobody, and make them reachable."""
    if os.geteuid() != 0:
        return
    subprocess.run(["chown", "-R", f"{_NOBODY}:{_NOBODY}", *folders], check=True)
    for folder in {above for path in folders for above in path.parents}:
        status = folder.stat()
        if status.st_uid == 0 and status.st_mode & 0o001 == 0:
            folder.chmod(status.st_mode | 0o011)


def nobody() -> list[str]:
    """The prefix that runs a command as nobody: for root by a change of user, for the root of a
    namespace without other users by another namespace.
    """
    if os.geteuid() == 0:
        return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    return ["unshare", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"]


def without_root() -> list[str]:
    """The prefix that runs a command without root privileges, which it also cannot gain: setuid
    programs (sudo) and capabilities have no effect.
    """
    if os.geteuid() == 0:
        return [*nobody(), "--bounding-set=-all", "--no-new-privs"]
    return ["setpriv", "--no-new-privs"]


def _unshare() -> Sequence[str]:
    return unshare("--mount", "--uts")


@cache
def namespaces() -> bool:
    """Whether the host allows new namespaces."""
    return subprocess.run([*_unshare(), "true"], capture_output=True).returncode == 0


_DAYS = (0, 1, 31, 400, 2000, 5000)
_ZONES = ("UTC", "Asia/Tokyo", "America/St_Johns", "Pacific/Kiritimati", "Nowhere/At_All", "")
LEGACY = (("LC_ALL", "C"), ("PYTHONCOERCECLOCALE", "0"), ("PYTHONUTF8", "0"))
_LOCALES = (
    (("LC_ALL", "C.UTF-8"),),
    (("LANG", "de_DE.UTF-8"), ("LC_ALL", "")),
    (("LC_ALL", "tr_TR.UTF-8"), ("LANGUAGE", "tr")),
    (("LC_ALL", "POSIX"), ("LANG", "")),
    LEGACY,
)
# with the last one Python restarts itself, which may be impossible as nobody
_NOBODY_S = (1, 2)
_UMASKS = (0o022, 0o077, 0o000, 0o027)
_FOLDERS = ("a", "another place, 'quoted' and [so on]", "Größe \udce9:", "long" * 40, "b$HOME~#;%s")


def places(count: int) -> list[Elsewhere]:
    """`count` environments that differ in all unlimited properties; each day, zone … of those above
    occurs in one of them, in random combinations.
    """
    return [
        Elsewhere(
            days=_DAYS[number % 6],
            zone=_ZONES[number * 5 // 6 % 6],
            locale=_LOCALES[number % 5],
            umask=_UMASKS[number % 4],
            user=number % 5 in _NOBODY_S,
            folder=_FOLDERS[number * 2 % 5],
            host=f"host-{number}",
            order=number + 1,
            seed=number * 7919 + 1,
            jobs=number % 5 + 1,
        )
        for number in range(count)
    ]
