"""How Subversion's client is called, and what is made of its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from buildlib.host.process import Runner
from buildlib.model.errors import ConfigError, ToolError
from buildlib.sources import subversion
from buildlib.sources.subversion import Subversion, is_checkout


class Answering(Runner):
    """Notes each call and answers it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.calls: list[list[str]] = []
        self.environments: list[Mapping[str, str]] = []

    def output(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        fetches: bool = False,
    ) -> str:
        assert fetches, "it gets the caller's proxies"
        self.calls.append(list(argv))
        self.environments.append(environment or {})
        return self.text


def client(text: str = "") -> tuple[Subversion, Answering]:
    runner = Answering(text)
    return Subversion(Path("/bin/svn"), runner), runner


INFO = ["/bin/svn", "--non-interactive", "info", "--show-item"]


def test_the_url_of_a_working_copy() -> None:
    svn, runner = client("svn://a.example/site")
    assert svn.url(Path("/site")) == "svn://a.example/site"
    assert runner.calls == [[*INFO, "url", "--no-newline", "/site"]]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("svn://a.example/site", "svn://a.example/site"),
        ("svn+ssh://me@a.example/site", "svn+ssh://me@a.example/site"),
        ("https://a.example/site@2", "https://a.example/site@2@"),
        ("http://a.example/x@y/", "http://a.example/x@y/"),
        ("file:///srv/@", "file:///srv/@@"),
    ],
)
def test_the_latest_revision(url: str, target: str) -> None:
    """An `@` in the last name would begin a peg revision: one more ends the name."""
    svn, runner = client("42")
    assert svn.revision(url) == 42
    assert runner.calls == [[*INFO, "revision", "--no-newline", target]]


def test_a_folder_with_an_at_in_its_name() -> None:
    svn, runner = client("url")
    svn.url(Path("/a@b/c@1"))
    svn.url(Path("/a@b/c"))
    assert [call[-1] for call in runner.calls] == ["/a@b/c@1@", "/a@b/c"]


@pytest.mark.parametrize("text", ["", "r42", "-1", "4 2"])
def test_an_answer_that_is_no_revision(text: str) -> None:
    with pytest.raises(ToolError) as caught:
        client(text)[0].revision("svn://a.example/")
    assert caught.value.reason == "tool-output"


@pytest.mark.parametrize("url", ["", "/srv/svn", "ftp://a.example/", "file://a", "-rHEAD"])
def test_what_is_no_repository(url: str) -> None:
    svn, runner = client("42")
    with pytest.raises(ConfigError, match="is not a repository URL"):
        svn.revision(url)
    assert runner.calls == []


def test_a_password_is_not_passed_on() -> None:
    svn, runner = client("42")
    with pytest.raises(ConfigError, match="contains a password"):
        svn.revision("https://me:secret@a.example/site")
    assert runner.calls == []


def test_a_checkout_is_of_one_revision() -> None:
    svn, runner = client()
    svn.check_out("svn://a.example/x@1", 7, Path("/to@1"))
    words = ["checkout", "--quiet", "--revision", "7", "svn://a.example/x@1@", "/to@1"]
    assert runner.calls == [["/bin/svn", "--non-interactive", *words]]


def test_it_uses_the_caller_s_keys_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "SVN_SSH")
    for name in (*names, "LC_MESSAGES"):
        monkeypatch.setenv(name, f"my {name}")
    svn, runner = client()
    svn.url(Path("/site"))
    assert runner.environments == [{name: f"my {name}" for name in names}]


@pytest.mark.parametrize("tool", [None, Path("/opt/svn")])
def test_a_host_with_and_without_the_client(
    monkeypatch: pytest.MonkeyPatch, tool: Path | None
) -> None:
    monkeypatch.setattr(subversion, "find_tool", {"svn": tool}.__getitem__)
    runner = Runner()
    if tool:
        assert Subversion.found(runner) == Subversion(tool, runner)
    else:
        with pytest.raises(ToolError) as caught:
            Subversion.found(runner)
        assert caught.value.reason == "tool-missing"


def test_what_is_in_a_working_copy(tmp_path: Path) -> None:
    """A folder of it, also by a link; a file named .svn makes none."""
    inner = tmp_path / "copy/a/b"
    inner.mkdir(parents=True)
    assert not is_checkout(inner)
    (tmp_path / "copy/.svn").touch()
    assert not is_checkout(inner)
    (tmp_path / "copy/.svn").unlink()
    (tmp_path / "copy/.svn").mkdir()
    (tmp_path / "link").symlink_to(inner)
    assert is_checkout(tmp_path / "copy")
    assert is_checkout(inner)
    assert is_checkout(tmp_path / "link")
    assert not is_checkout(tmp_path)
