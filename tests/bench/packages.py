"""Repositories for benchmarks, made once: 30,000 packages, 20,000 files, 300 to be locked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from buildlib.pkgsrc.summary import format_summary, parse
from buildlib.sources.archive.compress import chunks
from buildlib.testing.repositories import (
    Shape,
    base_of,
    package_sources,
    summaries,
    write_repository,
)

_PATH = re.compile(r'^path = "(pkgsrc/.*)"', re.MULTILINE)
_PACKAGES = re.compile(r"^packages = \[", re.MULTILINE)


def gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """`pieces` as a quarter's packages are packed."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def summary(target: Path) -> tuple[Path, list[str]]:
    """A summary of 30,000 packages, 74 MB unpacked; and 300 packages that a recipe could name."""
    roots = target.with_name(f"{target.name}.roots")
    if not roots.exists():
        _elsewhere("summary", target, roots)
    return target, roots.read_text().split()


def make_summary(target: Path, roots: Path) -> None:
    """Write the summary, and the bases of 300 of its packages."""
    made = list(summaries(Shape(packages=28_600, description=26)))
    target.write_bytes(b"".join(gzip([format_summary(made)])))
    bases = sorted({base_of(item) for item in made})
    roots.write_text("\n".join(bases[number * len(bases) // 300] for number in range(300)))


def repository(folder: Path) -> Path:
    """200 packages with 20,000 files, 300 MB in all."""
    if not folder.exists():
        scratch = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(scratch, ignore_errors=True)
        _elsewhere("repository", scratch)
        scratch.rename(folder)
    return folder


def make_repository(folder: Path) -> None:
    """Write the archives."""
    shape = Shape(packages=200, older=0, files=100, size=300_000_000)
    write_repository(folder, package_sources(shape), pack=gzip)


def _elsewhere(*words: str | Path) -> None:
    """Make it in a process of its own: the peak memory of who starts another counts as its, too."""
    subprocess.run([sys.executable, __file__, *words], check=True)


def release(project: Path, folder: Path) -> list[str]:
    """Settings that choose mini with 300 packages more, all of which the CD has.

    project  a checkout in which mini has been built, so that its mirror is pressed
    """
    definition, mirror = folder / "many.toml", folder / "mirror"
    settings = [f"release={definition}", f"mirror={mirror}"]
    text = (project / "sets" / "mini.toml").read_text()
    found = _PATH.search(text)
    assert found is not None
    sources = list(
        package_sources(Shape(packages=300, older=0, size=3_000_000, system=(), os_version="1.0"))
    )
    recipe = project / "recipes" / "dom0.toml"
    names = "".join(f'"{source.pkgpath}", ' for source in sources)
    recipe.write_text(_PACKAGES.sub(f"packages = [{names}", recipe.read_text(), count=1))
    if not (folder / "many.lock").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(project / "build" / "mirror" / "mini", mirror)
        listed = mirror / found[1] / "pkg_summary.gz"
        known = list(parse(chunks(listed, where=listed.name)))
        known += write_repository(listed.parent, sources)
        listed.write_bytes(b"".join(gzip([format_summary(known)])))
        (folder / "keys").mkdir()
        shutil.copy2(project / "sets" / "keys" / "mini.asc", folder / "keys")
        text = re.sub(r"^pressed_\w+ = .*\n", "", text, flags=re.MULTILINE)
        text = text.replace("mirrors = []", 'mirrors = ["https://mirror.invalid"]')  # none is asked
        definition.write_text(text.replace('name = "mini"', 'name = "many"'))
    subprocess.run(
        [sys.executable, "-m", "doit", "lock", *settings],
        cwd=project,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return settings


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["summary", *paths]:
            make_summary(*map(Path, paths))
        case ["repository", place]:
            make_repository(Path(place))
