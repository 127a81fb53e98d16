"""A C compiler that can be paused and has a child process."""

from __future__ import annotations

from pathlib import Path

from support.checkouts.fault_checkout import Victim, wait_until

_SCRIPT = """\
#!/bin/sh
if [ -e '{folder}/slow' ]; then
    {trap}
    {session} sleep 100000 &
    echo $$ $! >>'{folder}/pids'
    while [ -e '{folder}/slow' ]; do sleep 0.05; done
    kill $!
fi
exec cc "$@"
"""


class SlowCompiler:
    """The compiler of a checkout's builds, set in its release definition.

    kind  stubborn: it and its child ignore SIGTERM; daemon: its child has left the process group
          and session
    """

    def __init__(self, victim: Victim, kind: str = "tame") -> None:
        self._victim = victim
        self._folder = victim.folder.with_name(f"{victim.folder.name}-compiler")
        self._folder.mkdir()
        tool = self._folder / "slow-cc"
        tool.write_text(
            _SCRIPT.format(
                folder=self._folder,
                trap="trap '' TERM" if kind == "stubborn" else ":",
                session="setsid" if kind == "daemon" else "",
            )
        )
        tool.chmod(0o755)
        victim.edit(
            "sets/mini.toml",
            lambda text: text.replace(
                "[build]\n", f"[build]\nenvironment = {{ HOST_CC = '{tool}' }}\n"
            ),
        )

    def stop(self) -> None:
        """Pause it from now on."""
        (self._folder / "pids").unlink(missing_ok=True)
        (self._folder / "slow").touch()

    def go(self) -> None:
        """Let it continue."""
        (self._folder / "slow").unlink()

    def reached(self) -> list[int]:
        """Wait for paused compilers. Return their processes."""
        wait_until(self._pids, "the compiler runs")
        return self._pids()

    def _pids(self) -> list[int]:
        try:
            return [int(word) for word in (self._folder / "pids").read_text().split()]
        except FileNotFoundError:
            return []


def alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
