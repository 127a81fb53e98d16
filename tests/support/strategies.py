"""Values made by hypothesis: names that mean harm, entries, and trees of them."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from buildlib.words.digest import sha256
from buildlib.words.tree import Entry, Tree, tree_of

# Modest: all tests together must stay quick on a small machine.
few = settings(max_examples=30, deadline=None)
some = settings(max_examples=100, deadline=None)

_ODD = b" #=,\\\"'*?[]{}~-+%:;@!$&()<>|^`\t\n\r\x01\x1b\x7f\x80\xa0\xc3\xff0aZ.\xe6\x97\xa5"


def texts(most: int = 12) -> st.SearchStrategy[str]:
    """What a link target or label may be: any bytes but NUL, as PEP 383 text."""
    odd = st.lists(st.sampled_from([_ODD[at : at + 1] for at in range(len(_ODD))]),
                   min_size=1, max_size=most).map(b"".join)
    raw = st.binary(min_size=1, max_size=most).map(lambda data: data.replace(b"\0", b"0"))
    return (odd | raw).map(lambda data: data.decode(errors="surrogateescape"))


def names(most: int = 12) -> st.SearchStrategy[str]:
    """Names of files: any bytes but `/` and NUL."""
    return texts(most).map(lambda name: name.replace("/", "|")).filter(
        lambda name: name not in {".", ".."})


def paths(depth: int = 3) -> st.SearchStrategy[str]:
    """Paths that meet in few folders, with odd names below them."""
    folder = st.sampled_from(["a", "b", "a b", "\udcff"])
    return st.builds(lambda above, name: "/".join([*above, name]),
                     st.lists(folder, max_size=depth - 1), names())


contents = st.sampled_from([b"", b"x", b"hello\n", bytes(700), bytes(range(256)) * 9])


@st.composite
def entries(draw: st.DrawFn, *, id_limit: int = 1 << 32, time_limit: int = 1 << 35) -> Entry:
    """One entry of any kind; a file's content is one of `contents`."""
    kind = draw(st.sampled_from(["dir", "file", "file", "link", "char", "block", "fifo"]))
    data = draw(contents) if kind == "file" else b""
    return Entry(
        draw(paths()), kind,  # type: ignore[arg-type]  # one of the kinds
        draw(st.integers(0, 0o7777)),
        uid=draw(st.integers(0, id_limit - 1)),
        gid=draw(st.integers(0, id_limit - 1)),
        time=draw(st.integers(0, time_limit - 1)),
        size=len(data),
        sha256=sha256(data) if kind == "file" else "",
        link=draw(texts()) if kind == "link" else "",
        device=(draw(st.integers(0, 4095)), draw(st.integers(0, 0xFFFFF)))
        if kind in {"char", "block"} else None,
        inode=draw(st.sampled_from(["", "", "a,b", "i=1"])) if kind == "file" else "",
        origin=draw(st.sampled_from(["", "base", "an overlay,1"])),
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
