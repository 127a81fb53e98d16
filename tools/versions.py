"""`make test-versions`: the quick tests with the lowest and the newest versions that we allow.

The lowest are the lower bounds in pyproject.toml, to the letter, with the oldest Python that is
here; the newest are what pip finds within the bounds, with every Python that is here (3.11 and
later). Each set gets a virtual environment of its own below build/versions.

    tools/versions.py [lowest|newest] [-- PYTEST-ARGUMENTS]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("tests/unit", "tests/fuzz")
OLDEST, NEWEST = 11, 20  # of Python 3
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<least>[0-9.]+)(?:,<[0-9.]+)?")


def requirements(text: str) -> list[str]:
    """Every requirement of pyproject.toml: those of the library, then those of its tests."""
    project = tomllib.loads(text)["project"]
    extras, own = project["optional-dependencies"], f"{project['name']}["
    tests = [one for one in extras["test"] if not one.startswith(own)]
    named = [one.removeprefix(own).rstrip("]") for one in extras["test"] if one.startswith(own)]
    return [*project["dependencies"], *tests, *(one for name in named for one in extras[name])]


def lowest(requirement: str) -> str:
    """The requirement at its lower bound. Raises ValueError where it has none."""
    found = _REQUIREMENT.fullmatch(requirement)
    if found is None:
        raise ValueError(
            f"pyproject.toml: {requirement}: must be NAME>=VERSION or NAME>=VERSION,<LIMIT"
        )
    return f"{found['name']}=={found['least']}"


def pythons() -> list[str]:
    """The names of all Pythons that are here, the oldest first."""
    return [name for minor in range(OLDEST, NEWEST) if _runs(name := f"python3.{minor}")]


def _runs(name: str) -> bool:
    try:
        return subprocess.run([name, "--version"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def tested(python: str, kind: str, arguments: list[str]) -> bool:
    """Make the environment, and run the tests in it: whether all of them pass."""
    folder = ROOT / "build/versions" / f"{kind}-{python}"
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    own = str(folder / "bin/python")
    pip = [own, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    wanted = requirements((ROOT / "pyproject.toml").read_text())
    subprocess.run([*pip, *(map(lowest, wanted) if kind == "lowest" else wanted)], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", "."], check=True, cwd=ROOT)
    print(f"{kind}, {python}: {_versions(own, wanted)}", flush=True)
    words = [own, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    return subprocess.run([*words, *QUICK, *arguments], check=False, cwd=ROOT).returncode == 0


def _versions(python: str, wanted: list[str]) -> str:
    names = [lowest(requirement).partition("==")[0] for requirement in wanted]
    code = "import sys; from importlib.metadata import version; "
    code += "print(', '.join(f'{name} {version(name)}' for name in sys.argv[1:]))"
    ran = subprocess.run([python, "-c", code, *names], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def main(words: list[str]) -> int:
    """Run them all; 1 where any test fails."""
    at = words.index("--") if "--" in words else len(words)
    kinds, arguments = words[:at] or ["lowest", "newest"], words[at + 1 :]
    here = pythons()
    runs = [(python, kind) for kind in kinds for python in (here[:1] if kind == "lowest" else here)]
    passed = {f"{kind}, {python}": tested(python, kind, arguments) for python, kind in runs}
    for name, is_good in passed.items():
        print(f"{name}: {'passed' if is_good else 'FAILED'}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
