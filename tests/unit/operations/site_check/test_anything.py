"""Checks of a site finish, whatever its files contain."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.machines.sites import (
    ALPHA,
    BETA,
    NFS,
    STORAGE,
    check,
    link,
    write,
)

from buildlib.config.site.example import write_example

KEYS = (
    "memory",
    "dom0_memory",
    "address",
    "mac",
    "bridges",
    "image",
    "disk1",
    "hostname",
    "volume1",
    "volume2",
    "mount",
    "raid",
    "autostart",
    "nonsense",
)
TEXTS = st.text("0123456789.:/,-abr ", max_size=20) | st.sampled_from(
    [
        "storage-a",
        "beta x",
        "fe80::1%wm0",
        "::/129",
        "10.0.0.1/",
        ":",
        "/",
        "/..",
        "0",
        "999999999",
        "yes",
        "bridge0 bridge0",
        "x:0 t",
        "a\tb",
    ]
)
FILES = (f"{ALPHA}/host.conf", f"{ALPHA}/domUs/nfs", f"{BETA}/domUs/nfs", NFS, STORAGE)
LINKS = st.lists(
    st.sampled_from(["..", ".", "/config", "global", "local", "etc", "hosts", "a", "b", "/"]),
    min_size=1,
    max_size=5,
).map("/".join)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.tuples(st.sampled_from(FILES), st.sampled_from(KEYS)), TEXTS, max_size=6),
    st.lists(
        st.tuples(
            st.sampled_from(["global/a", "global/b", f"{ALPHA}/etc/a", f"{ALPHA}/etc/b"]), LINKS
        ),
        max_size=4,
    ),
)
def test_whatever_is_written_is_checked_to_the_end(
    shared_site: Path, values: dict[tuple[str, str], str], links: list[tuple[str, str]]
) -> None:
    """No value and no link stops the check, or hides the problem of another line."""
    for file in FILES:
        write(
            shared_site,
            file,
            "".join(
                f"{key}='{value}'\n" for (place, key), value in values.items() if place == file
            ),
        )
    for file in ("global/a", "global/b", f"{ALPHA}/etc/a", f"{ALPHA}/etc/b"):
        (shared_site / file).unlink(missing_ok=True)
    for file, target in links:
        link(shared_site, file, target)
    unknown = {
        item.file
        for item in check(shared_site)
        if item.reason == "unknown-key" and item.what.startswith("nonsense:")
    }
    assert unknown == {file for file, key in values if key == "nonsense"}


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared") / "site"
    write_example(folder)
    return folder
