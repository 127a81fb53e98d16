"""Repositories with circular and worse DEPENDS: a result or an error, but always an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.pattern import matches
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.resolution.resolve import resolve
from buildlib.pkgsrc.summary import Summary, format_summary, parse
from buildlib.testing.repositories import Shape, base_of, summaries

REASONS = {
    "pkg-missing",
    "pkg-versions",
    "pkg-conflict",
    "pkg-library",
    "pattern",
    "pkg-ambiguous",
    "version",
}
BASES = st.sampled_from("abcdef")
PATTERNS = st.builds(
    lambda base, other, form: form.format(b=base, o=other, l="{", r="}"),
    BASES,
    BASES,
    st.sampled_from(
        [
            "{b}",
            "{b}>=1",
            "{b}>=2<3",
            "{b}<2",
            "{b}-[0-9]*",
            "{l}{b},{o}{r}-[0-9]*",
            "{l}{b}>=2,{o}<2{r}",
            "{b}-1",
            "*",
            "{b}*",
            "?-[12]",
            "{l}{b}",
            "{b}>9",
            "",
            "[",
            "{b}>=" + "9" * 2000,
        ]
    ),
)
PACKAGES = st.builds(
    Summary,
    pkgname=st.builds("{}-{}".format, BASES, st.sampled_from(["1", "2", "2nb1", "3rc1"])),
    pkgpath=st.builds("cat/{}".format, BASES),
    depends=st.lists(PATTERNS, max_size=4).map(tuple),
    conflicts=st.lists(PATTERNS, max_size=1).map(tuple),
    provides=st.sampled_from([(), ("/usr/pkg/lib/x",)]),
    requires=st.sampled_from([(), (), ("/usr/pkg/lib/x",)]),
)


@pytest.mark.thorough
@some
@given(st.lists(PACKAGES, max_size=14), st.lists(PATTERNS | BASES.map("cat/{}".format), max_size=3))
def test_an_answer_or_an_error(packages: list[Summary], wanted: list[str]) -> None:
    repository = Repository(packages)
    try:
        resolution = resolve(wanted, repository)
    except SourceError as error:
        assert error.reason in REASONS  # noqa: PT017  either is right
        return
    names = resolution.names
    assert len({name.rpartition("-")[0] for name in names}) == len(names)
    for chosen in resolution.packages:
        for pattern in chosen.summary.depends:
            assert any(matches(pattern, name) for name in names)
        for pattern in chosen.summary.conflicts:
            assert not any(matches(pattern, name) for name in names if name != chosen.name)
    assert resolve(wanted[::-1], Repository(packages)) == resolution


def ring(count: int, depends: str) -> list[Summary]:
    return [
        Summary(
            pkgname=f"p{number}-{version}",
            depends=tuple(
                depends.format(next=(number + 1) % count, last=(number - 1) % count).split()
            ),
        )
        for number in range(count)
        for version in (1, 2)
    ]


@pytest.mark.parametrize(
    "depends",
    [
        "p{next}",
        "p{next}>=1 p{last}>=1",
        "p{next}-[0-9]*",
        "{{p{next},p{last}}}-[0-9]*",
        "p{next}>=1<2",
        "p{next}<2 p{last}",
    ],
)
def test_rings(depends: str) -> None:
    """A repository of packages in two versions, each of which needs its neighbours."""
    found = resolve(["p0"], Repository(ring(60, depends)))
    assert 1 < len(found.packages) <= 60


def test_a_ring_that_no_version_suits() -> None:
    packages = [*ring(40, "p{next}>=2"), Summary(pkgname="root-1", depends=("p0", "p7<2"))]
    with pytest.raises(SourceError) as caught:
        resolve(["root"], Repository(packages))
    assert caught.value.reason == "pkg-versions"


def test_every_version_taken_back() -> None:
    """Each of many packages is first chosen too new, so the resolution often starts over."""
    count = 60
    packages = [
        Summary(
            pkgname="root-1",
            depends=tuple(text for number in range(count) for text in (f"a{number}", f"b{number}")),
        )
    ]
    for number in range(count):
        packages += [
            Summary(pkgname=f"a{number}-1", depends=(f"x{number}",)),
            Summary(pkgname=f"b{number}-1", depends=(f"x{number}<2",)),
            Summary(pkgname=f"x{number}-1"),
            Summary(pkgname=f"x{number}-2"),
        ]
    names = resolve(["root"], Repository(packages)).names
    assert len(names) == 3 * count + 1
    assert not any(name.endswith("-2") for name in names)


@pytest.mark.thorough
def test_circles_of_a_whole_repository() -> None:
    shape = Shape(packages=600, circles=200, depends=6, system=())
    repository = Repository(parse([format_summary(summaries(shape))]))
    roots = sorted({base_of(item) for item in summaries(shape)})
    assert len(resolve(roots, repository).packages) == 600


def test_a_package_that_needs_itself_in_another_version() -> None:
    with pytest.raises(SourceError) as caught:
        resolve(
            ["a"],
            Repository(
                [
                    Summary(pkgname="a-2", depends=("a<2",)),
                    Summary(pkgname="a-1", depends=("a>=2",)),
                ]
            ),
        )
    assert caught.value.reason in {"pkg-versions", "pkg-missing"}


def hostile(wanted: str, *packages: Summary) -> SourceError:
    with pytest.raises(SourceError) as caught:
        resolve([wanted], Repository(packages))
    return caught.value


def test_one_pattern_for_all_names_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildlib.pkgsrc.repository.TRIES_MAX", 1000)
    error = hostile("{*a,*b,*c}", *(Summary(pkgname=f"p{n}-1") for n in range(400)))
    assert (error.reason, error.what) == ("pattern", "'{*a,*b,*c}' is not a usable pattern")
    assert "1,000 comparisons" in str(error.why)


def test_versions_that_contradict_each_other_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildlib.pkgsrc.resolution.closure.STEPS_MAX", 1000)
    users = [Summary(pkgname=f"a{n}-1", depends=(f"x<{50 - n}",)) for n in range(50)]
    root = Summary(pkgname="root-1", depends=("x>=0", *(user.pkgname for user in users)))
    error = hostile("root", root, *users, *(Summary(pkgname=f"x-{n}") for n in range(51)))
    assert (error.reason, error.what) == ("pkg-versions", "no set of packages can be chosen")


def test_errors_of_a_deep_chain_stay_short() -> None:
    libraries = tuple(f"/usr/pkg/lib/lib{n}.so" for n in range(1000))
    chain = [
        Summary(pkgname=f"p{n}-1", depends=(f"p{n + 1}-1",), conflicts=("p*",) * (n < 9))
        for n in range(3000)
    ]
    end = "p3000-1"
    for last in (Summary(pkgname=end, requires=libraries), Summary(pkgname=end)):
        packages = (
            chain
            if not last.requires
            else [Summary(pkgname=one.pkgname, depends=one.depends) for one in chain]
        )
        assert len(str(hostile("p0", *packages, last))) < 20_000
