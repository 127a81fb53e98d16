"""Pipelines of other projects: examples/minimal, and what can go wrong in a dodo.py."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, surroundings

EXAMPLE = PROJECT / "examples/minimal"
OTHER = '''

def task_copied():
    """An ordinary task."""
    return {"file_dep": [report.path], "targets": ["copied"], "verbosity": 0,
            "actions": ["cp -f %(dependencies)s %(targets)s && echo x >> ran"]}
'''


class Checkout:
    """A project of its own, with goldmaster on Python's path as a package would be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(EXAMPLE, root)

    def doit(
        self, *words: str, status: int = 0, environment: Mapping[str, str] | None = None
    ) -> str:
        ran = subprocess.run(
            [
                sys.executable,
                "-c",
                "from buildlib.cli.main import main; raise SystemExit(main())",
                *words,
            ],
            cwd=self.root,
            capture_output=True,
            text=True,
            env=surroundings({"PYTHONPATH": str(PROJECT), **(environment or {})}),
        )
        text = ran.stdout + ran.stderr
        assert ran.returncode == status, text
        assert "Traceback" not in text, text
        return text

    def events(self, *words: str, status: int = 0) -> dict[str, str]:
        """Task to how it ended."""
        lines = self.doit(*words, "progress=json", status=status).splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return {event["stage"]: event["outcome"] for event in found if event["event"] == "finished"}

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert text.count(old) == 1
        (self.root / name).write_text(text.replace(old, new))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_the_example_is_built_changed_and_built_again(checkout: Checkout) -> None:
    assert checkout.events() == {"sorted": "built", "loud": "built", "report": "built"}
    assert (checkout.root / "dist/report.txt").read_text() == "GOLD\nMASTER\n"
    assert checkout.doit() == ""
    (checkout.root / "words.txt").write_text("zinc\n")
    assert "file words.txt changed" in checkout.doit("why")
    assert checkout.events() == {"sorted": "built", "loud": "built", "report": "built"}
    assert (checkout.root / "dist/report.txt").read_text() == "ZINC\n"
    (checkout.root / "words.txt").write_text("gold\nmaster\n")
    assert checkout.events() == {"sorted": "restored", "loud": "restored", "report": "built"}


def test_the_record_has_what_stages_took_from_outside(checkout: Checkout) -> None:
    """A mapping of a stage's own that is named as one of ours is no source."""
    checkout.edit(
        "dodo.py",
        "    words: SourceFile\n",
        '    words: SourceFile\n    files: tuple[tuple[str, str], ...] = (("x", "y"),)\n'
        '    pinned: str = "a"\n\n    def materials(self):\n'
        '        return {"parts.tgz": f"sha512 {self.pinned}"}\n',
    )
    checkout.doit()
    record = json.loads((checkout.root / "dist/report.json").read_text())
    words = hashlib.sha256((checkout.root / "words.txt").read_bytes()).hexdigest()
    assert record["inputs"] == {"words.txt": words, "parts.tgz": "sha512 a"}


def test_the_example_is_short() -> None:
    assert len((EXAMPLE / "dodo.py").read_text().splitlines()) <= 40


@pytest.mark.parametrize(
    ("old", "new", "ran"),
    [
        ("A text in capitals.", "A loud text.", False),
        ("    text: OutputRef", "    # why\n    text: OutputRef", False),
        (".upper()", ".title()", True),
    ],
    ids=["docstring", "comment", "code"],
)
def test_code_in_dodo_is_part_of_the_key(
    checkout: Checkout, old: str, new: str, *, ran: bool
) -> None:
    checkout.doit()
    checkout.edit("dodo.py", old, new)
    assert ("loud" in checkout.events()) is ran


def test_a_module_beside_dodo_is_part_of_the_key(checkout: Checkout) -> None:
    (checkout.root / "voice.py").write_text("def loud(text):\n    return text.upper()\n")
    checkout.edit(
        "dodo.py", "context.read(self.text).upper()", "voice.loud(context.read(self.text))"
    )
    checkout.edit("dodo.py", "from buildlib import", "import voice\n\nfrom buildlib import")
    checkout.doit()
    (checkout.root / "unrelated.py").write_text("X = 1\n")
    assert checkout.events() == {}
    (checkout.root / "voice.py").write_text("def loud(text):\n    return text.title()\n")
    assert "code of voice changed" in checkout.doit("why")
    checkout.doit()
    assert (checkout.root / "dist/report.txt").read_text() == "Gold\nMaster\n"


def test_what_a_stage_is_given_may_come_from_anywhere(checkout: Checkout) -> None:
    """A file that only dodo.py reads: nothing else tells a run that its stages are others."""
    (checkout.root / "name.txt").write_text("words.txt")
    (checkout.root / "more.txt").write_text("tin\n")
    checkout.edit("dodo.py", 'SourceFile("words.txt")', 'SourceFile(open("name.txt").read())')
    checkout.doit()
    (checkout.root / "name.txt").write_text("more.txt")
    checkout.doit()
    assert (checkout.root / "dist/report.txt").read_text() == "TIN\n"


def test_a_field_that_is_not_shown_counts(checkout: Checkout) -> None:
    """Told from outside of dodo.py, which stays as it is."""
    checkout.edit(
        "dodo.py",
        "    text: OutputRef\n",
        '    text: OutputRef\n    end: str = field(default="", repr=False)\n',
    )
    checkout.edit("dodo.py", "import dataclass\n", "import dataclass, field\n")
    checkout.edit("dodo.py", "Loud(words.text)", 'Loud(words.text, open("end.txt").read())')
    checkout.edit("dodo.py", ".upper())", ".upper() + self.end.encode())")
    (checkout.root / "end.txt").write_text("!")
    checkout.doit()
    (checkout.root / "end.txt").write_text("?")
    checkout.doit()
    assert (checkout.root / "dist/report.txt").read_text() == "GOLD\nMASTER\n?"


def test_an_ordinary_task_keeps_doit_s_rules(checkout: Checkout) -> None:
    checkout.edit("dodo.py", "pipeline.product(", "report = pipeline.product(")
    with (checkout.root / "dodo.py").open("a") as file:
        file.write(OTHER)
    assert checkout.events() == {
        "sorted": "built",
        "loud": "built",
        "report": "built",
        "copied": "built",
    }
    assert checkout.events() == {}
    (checkout.root / "copied").unlink()
    assert checkout.events() == {"copied": "built"}
    (checkout.root / "words.txt").write_text("zinc\n")
    assert checkout.events("copied").get("copied") == "built"
    assert (checkout.root / "copied").read_text() == "ZINC\n"
    (checkout.root / "build/doit.json").write_text("{")
    assert checkout.events() == {"copied": "built"}
    assert len((checkout.root / "ran").read_text().splitlines()) == 4


def test_all_problems_are_told_at_once_with_their_lines(checkout: Checkout) -> None:
    checkout.edit("dodo.py", "Loud(words.text)", 'Loud(OutputRef("sortd", "text"))')
    checkout.edit("dodo.py", 'product("report"', 'product("sorted"')
    text = checkout.doit(status=3)
    assert "this pipeline has problems" in text
    assert (
        "dodo.py:34: loud uses the output text of sortd, which is not a stage of this pipeline; "
        "did you mean"
    ) in text
    assert "dodo.py:35: there are two tasks named sorted" in text


def test_an_error_of_one_s_own_is_none_of_goldmaster_s(checkout: Checkout) -> None:
    checkout.edit("dodo.py", ".upper()", ".uper()")
    text = checkout.doit(status=1)
    assert "'bytes' object has no attribute 'uper'" in text
    assert "dodo.py:29" in text
    assert "bug in goldmaster" not in text


def test_a_field_that_no_key_can_hold(checkout: Checkout) -> None:
    checkout.edit(
        "dodo.py",
        "    words: SourceFile\n",
        "    words: SourceFile\n    odd: object = frozenset()\n",
    )
    text = checkout.doit(status=3)
    assert "a field of type frozenset cannot be part of a key" in text
    assert "where: Sorted.odd" in text


def test_without_doit(checkout: Checkout) -> None:
    script = "import dodo; print(*dodo.pipeline.build('report').values())"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=checkout.root,
        capture_output=True,
        text=True,
        env=surroundings({"PYTHONPATH": str(PROJECT)}),
    )
    assert (ran.stdout.strip(), ran.stderr) == (str(checkout.root / "dist/report.txt"), "")
    assert (checkout.root / "dist/report.txt").read_text() == "GOLD\nMASTER\n"


def test_settings_are_those_that_have_an_effect(checkout: Checkout) -> None:
    assert "release: no such setting" in checkout.doit("release=x", status=3)
    checkout.doit("build=b", "dist=d")
    assert sorted(path.name for path in (checkout.root / "d").iterdir()) == [
        "report.json",
        "report.txt",
    ]
    assert not (checkout.root / "build").exists()
    assert "GOLDMASTER_JOBS: must be a whole number" in checkout.doit(
        status=3, environment={"GOLDMASTER_JOBS": "x"}
    )
    checkout.doit(environment={"GOLDMASTER_RELEASE": "mini", "GOLDMASTER_BUILD": "e"})
    assert (checkout.root / "e/store").is_dir()


@pytest.mark.parametrize(
    "words", [("why",), ("gc",), ("burn-check", "/dev/null")], ids=lambda words: words[0]
)
def test_a_folder_without_a_pipeline(checkout: Checkout, words: tuple[str, ...]) -> None:
    (checkout.root / "dodo.py").write_text("def task_x():\n    return {'actions': None}\n")
    assert "dodo.py defines no goldmaster pipeline" in checkout.doit(*words, status=3)
    (checkout.root / "dodo.py").unlink()
    assert "there is no dodo.py here" in checkout.doit(*words, status=3)


def test_a_command_for_boot_media(checkout: Checkout) -> None:
    assert "is for boot media, but this pipeline builds none" in checkout.doit(
        "packages-report", status=3
    )


def test_a_dodo_without_a_pipeline_keeps_doit_s_memory(checkout: Checkout) -> None:
    (checkout.root / "dodo.py").write_text(
        "def task_x():\n    return {'actions': ['echo ran >>ran'], 'file_dep': ['words.txt']}\n"
    )
    checkout.doit()
    checkout.doit()
    assert (checkout.root / "ran").read_text() == "ran\n"
