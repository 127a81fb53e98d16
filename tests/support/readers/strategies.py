"""Values made by hypothesis: names that mean harm, entries, and trees of them."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from buildlib.model.digest import sha256
from buildlib.model.tree import Entry, Tree, tree_of

# Modest, and the same on every run: a test that fails for one must fail for all.
few = settings(max_examples=30, deadline=None, derandomize=True)
some = settings(few, max_examples=100)

_ODD = [
    *(bytes([number]) for number in b" #=,\\\"'*?[]{}~-+%:;@!$&()<>|^`\t\n\r\v\f\x01\x1b\xff"),
    b"-rf", b" a", b"a ", b"a b", b"\\040", b"\\", b"a=b,c=d", b"#mtree", b"...", b".a", b"a.",
    b"a~", b"\xc3", b"\xc3\xa9", b"\xe6\x97\xa5", b"\xf0\x9f\x98\x80", b"\xe2\x80\xa8", b"/set",
    b"a\nb", b"aux", b"A", b"n" * 99, b"n" * 101, b"\xc3\xa9" * 60, b"\xff" * 120,
]


def texts() -> st.SearchStrategy[str]:
    """What a link target or label may be: any bytes but NUL, as PEP 383 text."""
    raw = st.binary(min_size=1, max_size=8).map(lambda data: data.replace(b"\0", b"0"))
    return (st.sampled_from(_ODD) | raw).map(lambda data: data.decode(errors="surrogateescape"))


def names() -> st.SearchStrategy[str]:
    """Names of files: any bytes but `/` and NUL."""
    return texts().map(lambda name: name.replace("/", "|")).filter(
        lambda name: name not in {".", ".."})


def paths() -> st.SearchStrategy[str]:
    """Paths that meet in few folders, with odd names below them."""
    folders = ["", "a/", "a/b/", "a b/", "a/\udcff/", "a/b/c/"]
    return st.builds(str.__add__, st.sampled_from(folders), names())


CONTENTS = (b"", b"hello\n", bytes(700), bytes(range(256)) * 9)



def entries(*, id_limit: int = 1 << 32, time_limit: int = 1 << 35) -> st.SearchStrategy[Entry]:
    """Entries of any kind; a file's content is one of `CONTENTS`."""
    common = {
        "path": paths(), "mode": st.sampled_from([0o644, 0o755, 0o4555, 0o1777, 0, 0o7777]),
        "uid": st.sampled_from([0, 1, 1000, 0o7777777, id_limit - 1]),
        "gid": st.sampled_from([0, 0o10000000 % id_limit, id_limit - 1]),
        "time": st.sampled_from([0, 1, 1_700_000_000, time_limit - 1]),
        "origin": st.sampled_from(["", "base", "an overlay,1"]),
    }
    files = (
        st.builds(Entry, kind=st.just("file"), size=st.just(len(data)),
                  sha256=st.just(sha256(data)), inode=st.sampled_from(["", "a,b", "i=1"]), **common)
        for data in CONTENTS
    )
    return st.one_of(
        st.builds(Entry, kind=st.sampled_from(["dir", "fifo"]), **common),
        st.builds(Entry, kind=st.just("link"), link=texts(), **common),
        st.builds(Entry, kind=st.sampled_from(["char", "block"]),
                  device=st.tuples(st.integers(0, 4095), st.integers(0, 0xFFFFF)), **common),
        *files,
    )


def _apart(found: list[Entry]) -> list[Entry]:
    """Those of `found` that can be in one tree: no path twice, contents in folders only."""
    kept: dict[str, Entry] = {}
    for entry in found:
        above = entry.path
        while "/" in above:
            above = above.rpartition("/")[0]
            if above in kept and kept[above].kind != "dir":
                break
        else:
            below = any(path.startswith(f"{entry.path}/") for path in kept)
            if entry.path not in kept and (entry.kind == "dir" or not below):
                kept[entry.path] = entry
    return list(kept.values())


def entry_lists(
    size: int = 8, *, id_limit: int = 1 << 32, time_limit: int = 1 << 35
) -> st.SearchStrategy[list[Entry]]:
    """Entries of one tree, in any order, missing folders missing."""
    made = entries(id_limit=id_limit, time_limit=time_limit)
    return st.lists(made, max_size=size).map(_apart)


def trees(size: int = 8) -> st.SearchStrategy[Tree]:
    """Trees."""
    return entry_lists(size).map(tree_of)
