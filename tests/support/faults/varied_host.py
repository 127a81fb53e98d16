"""Other places to build in: another clock, host, user, order of files, and all else that differs.

What a place has reaches the tools too, whose environment is cleaned: a library is preloaded by a
file in an `/etc` of the place's own. Where the host allows no namespaces, it keeps its name, and
only doit itself sees the clock and the order.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")
_NOBODY = 65534
_ENTER = """\
mount -t overlay -o "lowerdir=$1:/etc" overlay /etc && hostname "$2" && shift 2 && exec "$@"
"""


@dataclass(frozen=True)
class Elsewhere:
    """A place.

    days    how far its clock is ahead: the release must have been signed already
    order   a number that makes the order of the names in folders
    locale  variables for it
    user    whether it is nobody who builds
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
            "TZ": self.zone, **dict(self.locale), "PYTHONHASHSEED": str(self.seed),
            "USER": person, "LOGNAME": person, "HOME": f"/home/{person}", "CFLAGS": "-O0",
            "CC": "false", "MAKEFLAGS": "-n", "GREP_OPTIONS": "-v", "POSIXLY_CORRECT": "1",
            "TMPDIR": "/nonexistent", "MTOOLSRC": "/nonexistent", "HOSTNAME": self.host,
        }

    def before(self, work: Path) -> list[str]:
        """What is put before a command, so that it runs in this place; `work`: for its files."""
        etc = work / "etc"
        etc.mkdir(parents=True)
        library = work / "elsewhere.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"-DORDER={self.order}u",
                        f"-DSHIFT={self.days * 86400}", "-o", library, _SOURCE], check=True)
        (etc / "ld.so.preload").write_text(f"{library}\n")
        user = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        own = user if self.user and os.geteuid() == 0 else []
        if not namespaces():
            return ["env", f"LD_PRELOAD={library}", *own]
        return [*_unshare(), "sh", "-c", _ENTER, "sh", str(etc), self.host, *own]

    def hand_over(self, *folders: Path) -> None:
        """See that who builds here can write to these folders, and come to them."""
        if not (self.user and os.geteuid() == 0):
            return
        subprocess.run(["chown", "-R", f"{_NOBODY}:{_NOBODY}", *folders], check=True)
        for folder in {above for path in folders for above in path.parents}:
            status = folder.stat()
            if status.st_uid == 0 and status.st_mode & 0o001 == 0:
                folder.chmod(status.st_mode | 0o011)


def _unshare() -> Sequence[str]:
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--mount", "--uts"]


@cache
def namespaces() -> bool:
    """Whether the host allows namespaces of one's own."""
    return subprocess.run([*_unshare(), "true"], capture_output=True).returncode == 0


_DAYS = (0, 1, 31, 400, 2000, 5000)
_ZONES = ("UTC", "Asia/Tokyo", "America/St_Johns", "Pacific/Kiritimati", "Nowhere/At_All", "")
LEGACY = (("LC_ALL", "C"), ("PYTHONCOERCECLOCALE", "0"), ("PYTHONUTF8", "0"))
_LOCALES = (
    (("LC_ALL", "C.UTF-8"),), (("LANG", "de_DE.UTF-8"), ("LC_ALL", "")),
    (("LC_ALL", "tr_TR.UTF-8"), ("LANGUAGE", "tr")), (("LC_ALL", "POSIX"), ("LANG", "")),
    LEGACY,
)
# the last makes Python start itself again, which nobody may not be able to
_NOBODY_S = (1, 2)
_UMASKS = (0o022, 0o077, 0o000, 0o027)
_FOLDERS = ("a", "another place, 'quoted' and [so on]", "Größe \udce9:", "long" * 40,
            "b$HOME~#;%s")


def places(count: int) -> list[Elsewhere]:
    """So many places, no two of them alike in anything that has no end; each day, zone … of those
    above is in one of them, and meets others every time.
    """
    return [
        Elsewhere(
            days=_DAYS[number % 6], zone=_ZONES[number * 5 // 6 % 6],
            locale=_LOCALES[number % 5], umask=_UMASKS[number % 4], user=number % 5 in _NOBODY_S,
            folder=_FOLDERS[number * 2 % 5], host=f"host-{number}", order=number + 1,
            seed=number * 7919 + 1, jobs=number % 5 + 1)
        for number in range(count)
    ]
