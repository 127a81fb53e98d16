"""Dependency resolution: the chosen packages, their order, the reasons, and errors."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.pattern import matches
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.resolution.resolve import Resolution, of_base, resolve
from buildlib.pkgsrc.summary import Summary


def repo(**packages: str) -> Repository:
    """Packages by keyword: `a_1="b>=1 c !d /usr/pkg/lib/x +/usr/pkg/lib/y"`.

    A word is a dependency, `!` a conflict, `/` a library it requires, `+/` one it provides.
    """
    summaries = []
    for name, text in packages.items():
        words = text.split()
        pkgname = name.replace("_", "-", 1).replace("_", ".")
        summaries.append(
            Summary(
                pkgname=pkgname,
                pkgpath="cat/" + pkgname.partition("-")[0],
                depends=tuple(word for word in words if word[0] not in "!/+"),
                conflicts=tuple(word[1:] for word in words if word[0] == "!"),
                requires=tuple(word for word in words if word[0] == "/"),
                provides=tuple(word[1:] for word in words if word[0] == "+"),
            )
        )
    return Repository(summaries, where="repo")


def names(resolution: Resolution) -> str:
    return " ".join(resolution.names)


@pytest.mark.parametrize(
    ("wanted", "packages", "expected"),
    [
        # dependencies first, roots by name
        ("b a", {"a_1": "", "b_1": ""}, "a-1 b-1"),
        ("a", {"a_1": "c b", "b_1": "", "c_1": "b"}, "b-1 c-1 a-1"),
        ("cat/a", {"a_1": "b", "b_1": ""}, "b-1 a-1"),
        ("a-1", {"a_1": "", "a_2": ""}, "a-1"),
        ("a<2", {"a_1": "", "a_2": ""}, "a-1"),
        ("a", {"a_1": "", "a_1_1nb3": "", "a_1_1": ""}, "a-1.1nb3"),
        # a root named by base is only that base, although the pattern `a` also matches a-2b-9
        ("a", {"a_1": "", "a_2b-9": ""}, "a-1"),
        # the best version
        ("a", {"a_1": "b>=1", "b_1": "", "b_2": "", "b_2rc1": ""}, "b-2 a-1"),
        ("a", {"a_1": "b>=1<2", "b_1": "", "b_2": "", "b_2rc1": ""}, "b-2rc1 a-1"),
        # circles
        ("a", {"a_1": "a"}, "a-1"),
        ("a", {"a_1": "b", "b_1": "c", "c_1": "a"}, "c-1 b-1 a-1"),
        # a package in the set is used, even if a better one is not in it
        ("b-1 a", {"a_1": "b>=1", "b_1": "", "b_2": ""}, "b-1 a-1"),
        ("a", {"a_1": "{x,y}-[0-9]* x-[0-9]*", "x_1": "", "y_2": ""}, "x-1 a-1"),
        ("a", {"a_1": "{x,y}-[0-9]*", "x_1": "", "y_2": ""}, "y-2 a-1"),
        ("a", {"a_1": "{x,y}-[0-9]*", "x_1": "", "y_1": ""}, "x-1 a-1"),
        # a version that satisfies both
        ("a", {"a_1": "b c", "b_1": "x>=1", "c_1": "x<2", "x_1": "", "x_2": ""}, "x-1 b-1 c-1 a-1"),
        (
            "a b",
            {"a_1": "x>=2", "b_1": "x<4 y", "y_1": "x>=3", "x_2": "", "x_3": "z", "x_4": "q",
             "z_1": ""},
            "z-1 x-3 a-1 y-1 b-1",
        ),
        ("a a-1", {"a_1": "", "a_2": ""}, "a-1"),
        # not the one whose base is already in the set in another version
        ("x-1 a", {"a_1": "{x>=2,y>=1}", "x_1": "", "x_2": "", "y_1": ""}, "y-1 a-1 x-1"),
        # the same dependency in two patterns
        ("a", {"a_1": "b>=1 b<2 b-[0-9]*", "b_1": ""}, "b-1 a-1"),
    ],
)  # fmt: skip
def test_closure(wanted: str, packages: dict[str, str], expected: str) -> None:
    assert names(resolve(wanted.split(), repo(**packages))) == expected


def test_who_wants_what() -> None:
    resolution = resolve(["a", "cat/b"], repo(a_1="b>=1 c", b_1="c d", c_1="", d_1=""))
    told = {
        one.name: (one.wanted_as, one.wanted_by, one.depends, one.automatic)
        for one in resolution.packages
    }
    assert told == {
        "a-1": (("a",), (), ("b-1", "c-1"), False),
        "b-1": (("cat/b",), ("a-1",), ("c-1", "d-1"), False),
        "c-1": ((), ("a-1", "b-1"), (), True),
        "d-1": ((), ("b-1",), (), True),
    }


@pytest.mark.parametrize(
    ("wanted", "packages", "reason", "texts"),
    [
        ("a", {"a_1": "b", "b_1": "libgcrypt>=2", "libgcrypt_1": ""}, "pkg-missing",
         ["a (recipe) → a-1 → b-1 → libgcrypt>=2", "there is libgcrypt-1"]),
        ("xentool", {"xentools_1": ""}, "pkg-missing", ["xentool (recipe)", "xentools-1"]),
        ("cat/xentool", {"xentools_1": ""}, "pkg-missing", ["there is cat/xentools"]),
        ("", {}, "pkg-missing", []),
        ("a", {"a_1": "b c", "b_1": "x>=2", "c_1": "x<2", "x_1": "", "x_2": ""}, "pkg-versions",
         ["a (recipe) → a-1 → b-1 → x>=2", "a-1 → c-1 → x<2", "there is x-2, x-1"]),
        ("a-1 a-2", {"a_1": "", "a_2": ""}, "pkg-versions", ["a-1 (recipe)", "a-2 (recipe)"]),
        ("a c", {"a_1": "b", "b_1": "", "c_1": "!b-[0-9]*"}, "pkg-conflict",
         ["c-1 conflicts with b-[0-9]*", "a (recipe) → a-1 → b-1", "c (recipe) → c-1"]),
        ("a", {"a_1": "/usr/pkg/lib/libx.so.1", "x_1": "+/usr/pkg/lib/libx.so.1"}, "pkg-library",
         ["libx.so.1", "a (recipe) → a-1", "add x-1, which provides it"]),
        ("a", {"a_1": "{b"}, "pattern", ["DEPENDS of a-1"]),
        ("a", {"a_1": "!{b"}, "pattern", ["CONFLICTS of a-1"]),
        ("{b", {"a_1": ""}, "pattern", ["recipe"]),
    ],
)  # fmt: skip
def test_errors(wanted: str, packages: dict[str, str], reason: str, texts: list[str]) -> None:
    with pytest.raises(SourceError) as caught:
        resolve(wanted.split() or [""], repo(**packages))
    assert caught.value.reason == reason
    for text in texts:
        assert text in str(caught.value)


def test_pkgpath_of_several_packages() -> None:
    repository = Repository(
        Summary(pkgname=name, pkgpath="devel/py-x") for name in ("py312-x-1", "py313-x-1")
    )
    with pytest.raises(SourceError) as caught:
        resolve(["devel/py-x"], repository)
    assert caught.value.reason == "pkg-ambiguous"
    assert "py312-x, py313-x" in str(caught.value)


def test_no_conflict_with_itself() -> None:
    assert names(resolve(["a"], repo(a_1="!a-[0-9]*"))) == "a-1"


def test_libraries() -> None:
    packages = repo(
        a_1="/usr/lib/libc.so.12 /usr/pkg/lib/libx.so.1 x", x_1="+/usr/pkg/lib/libx.so.1"
    )
    assert names(resolve(["a"], packages)) == "x-1 a-1"
    assert names(resolve(["a"], packages, provided_libs={"/usr/lib/libc.so.12"})) == "x-1 a-1"
    with pytest.raises(SourceError) as caught:
        resolve(["a"], packages, provided_libs=())
    assert caught.value.reason == "pkg-library"
    assert "/usr/lib/libc.so.12" in str(caught.value)


@pytest.mark.parametrize(
    "library",
    [
        "/usr/pkg/lib/../lib/libb.so.1",
        "/usr/pkg/lib/./libb.so.1",
        "//usr//pkg/lib/libb.so.1",
        "/usr/lib/../lib/libc.so.12",
        "/usr/pkg/./lib/liba.so.1",
        "/usr/pkg/lib/lua/5.4/lpeg.so",
    ],
)
def test_libraries_as_an_rpath_spells_them(library: str) -> None:
    """And a language module that is linked to is in no PROVIDES."""
    a = Summary(
        pkgname="a-1",
        depends=("b>=1",),
        requires=(library,),
        provides=("/usr/pkg/lib/x/../liba.so.1",),
    )
    b = Summary(pkgname="b-1", provides=("/usr/pkg/lib/./libb.so.1",))
    found = resolve(["a"], Repository([a, b]), provided_libs={"/usr/lib/libc.so.12"})
    assert names(found) == "b-1 a-1"
    assert of_base(found) <= {"/usr/lib/libc.so.12"}


def test_a_library_that_is_nowhere_however_it_is_spelled() -> None:
    a = Summary(pkgname="a-1", requires=("/usr/pkg/lib/../lib/libz.so.1",))
    with pytest.raises(SourceError) as caught:
        resolve(["a"], Repository([a]))
    assert caught.value.what == "nothing provides the shared library /usr/pkg/lib/libz.so.1"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mail/quux", "it is now net/zebra (zebra-2)"),
        ("quux", "it is now net/zebra (zebra-2)"),
        ("quux>=1", "it is now net/zebra (zebra-2)"),
        ("older-2", "it is now net/zebra (zebra-2)"),
        ("net/zebr", "there is net/zebra"),
        ("odd/gone", None),
    ],
)
def test_a_package_that_is_called_otherwise_now(text: str, hint: str | None) -> None:
    zebra = Summary(
        pkgname="zebra-2",
        pkgpath="net/zebra",
        prev_pkgpath="mail/quux",
        supersedes=("{ older<3 quux-[0-9]*", "{a"),
    )
    with pytest.raises(SourceError) as caught:
        resolve([text], Repository([zebra]))
    assert caught.value.hint == hint


def test_deep_chain_and_large_circle() -> None:
    size = 3000
    packages = {f"p{i}_1": f"p{(i + 1) % size}>=1" for i in range(size)}
    resolution = resolve(["p0"], repo(**packages))
    assert len(resolution.packages) == size
    assert resolution.names[0] == f"p{size - 1}-1"


GRAPHS = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(1, 3)),
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(["", ">=2", "<3", "-[0-9]*", ">=1<3"])),
        max_size=3,
    ),
    max_size=14,
)


@pytest.mark.thorough
@settings(max_examples=120, deadline=None)
@given(
    GRAPHS, st.lists(st.integers(0, 6), min_size=1, max_size=3), st.randoms(use_true_random=False)
)
def test_every_result_holds_together(
    graph: dict[tuple[int, int], list[tuple[int, str]]], roots: list[int], rng: random.Random
) -> None:
    summaries = [
        Summary(pkgname=f"p{base}-{version}", depends=tuple(f"p{to}{test}" for to, test in depends))
        for (base, version), depends in graph.items()
    ]
    wanted = [f"p{root}" for root in roots]
    try:
        resolution = resolve(wanted, Repository(summaries))
    except SourceError as error:
        assert error.reason in {"pkg-missing", "pkg-versions"}  # noqa: PT017  either is right
        return
    found = resolution.names
    assert len({name.partition("-")[0] for name in found}) == len(found)
    for root in wanted:
        assert any(matches(root, name) for name in found)
    for chosen in resolution.packages:
        assert chosen.wanted_as or chosen.wanted_by
        assert set(chosen.depends) <= set(found)
        for pattern in chosen.summary.depends:
            assert any(matches(pattern, name) for name in chosen.depends)
    shuffled = rng.sample(summaries, len(summaries))
    assert resolve(wanted[::-1], Repository(shuffled)) == resolution


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(GRAPHS, st.integers(0, 6))
def test_dependencies_come_first_without_circles(
    graph: dict[tuple[int, int], list[tuple[int, str]]], root: int
) -> None:
    repository = Repository(
        Summary(
            pkgname=f"p{base}-{version}", depends=tuple(f"p{to}" for to, _ in depends if to > base)
        )
        for (base, version), depends in graph.items()
    )
    try:
        resolution = resolve([f"p{root}"], repository)
    except SourceError:
        return
    order = {name: place for place, name in enumerate(resolution.names)}
    for chosen in resolution.packages:
        assert all(order[name] < order[chosen.name] for name in chosen.depends)
