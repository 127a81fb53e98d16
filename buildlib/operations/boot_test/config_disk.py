"""The configuration of the server in a boot test: a host without domUs and network."""

from __future__ import annotations

from pathlib import Path

from buildlib.model.tree import Entry, tree_of
from buildlib.operations.fleet.config_tree import LOCAL, MARKER, SHARED, Texts
from buildlib.stages.images.config_partition import write_image

SIZE = 4 << 20  # bytes
_TIME = 946_684_800  # 2000-01-01
_FILES = {
    MARKER: "",
    f"{LOCAL}/host.conf": "memory=1024\ndom0_memory=512\naddress=192.0.2.1\n",
    f"{LOCAL}/etc/myname": "trial.example.net\n",
    f"{SHARED}/hosts": "127.0.0.1\tlocalhost\n",
}


def write_trial_disk(path: Path) -> None:
    """Write the image: only what the CD's /etc/rc looks for. It takes milliseconds."""
    texts = Texts()
    tree = tree_of(
        [
            Entry(name, "file", 0o644, time=_TIME, size=len(text), sha256=texts.keep(text.encode()))
            for name, text in _FILES.items()
        ]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, tree, texts, time=_TIME, size=SIZE)
