"""QEMU's command line for each kind of computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildlib.config.boot_test import Medium
from buildlib.model.errors import ToolError
from buildlib.operations.boot_test import qemu as module
from buildlib.operations.boot_test.qemu import Computer, qemu_words

CD = "format=raw,file=/cd.iso,media=cdrom,readonly=on"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the firmware; QEMU is installed."""
    monkeypatch.setattr(module, "find_tool", lambda name: Path("/usr/bin") / name)
    monkeypatch.setattr(module, "OVMF", tmp_path)
    return tmp_path


def words_for(computer: Computer, image: str = "/cd.iso") -> list[str]:
    return qemu_words(Path(image), computer)


def values(words: list[str], option: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == option]


def test_the_whole_command() -> None:
    assert words_for(Computer(("-M", "q35"), 512)) == [
        "/usr/bin/qemu-system-x86_64",
        *("-M", "q35"),
        *("-m", "512"),
        *("-drive", CD),
        *("-boot", "order=d,strict=on,reboot-timeout=1"),
        *("-nic", "none"),
        *("-display", "none"),
        *("-serial", "stdio"),
        *("-monitor", "none"),
        "-no-reboot",
    ]


def test_a_path_with_a_comma_and_a_disk() -> None:
    words = words_for(Computer((), 1, medium="disk"), "/a,b/c d")
    assert values(words, "-drive") == ["format=raw,file=/a,,b/c d,media=disk,snapshot=on"]


def test_a_relative_path() -> None:
    (drive,) = values(words_for(Computer((), 1), "cd.iso"), "-drive")
    assert f"file={Path.cwd()}/cd.iso," in drive


def test_a_stick() -> None:
    words = words_for(Computer((), 1, medium="usb"))
    assert values(words, "-drive") == [
        "format=raw,file=/cd.iso,if=none,id=stick,media=disk,snapshot=on"
    ]
    assert values(words, "-device") == [
        "usb-ehci,id=ehci",
        "usb-storage,bus=ehci.0,drive=stick,removable=on,bootindex=0",
    ]


def test_a_disk_with_a_configuration_comes_after_the_cd() -> None:
    words = words_for(Computer((), 1, config=Path("/a,b.ffs")))
    assert values(words, "-drive") == [
        CD,
        "format=raw,file=/a,,b.ffs,if=ide,media=disk,snapshot=on",
    ]


@pytest.mark.parametrize(("medium", "order"), [("cd", "d"), ("disk", "c"), ("usb", "c")])
def test_what_is_booted_first(medium: Medium, order: str) -> None:
    (boot,) = values(words_for(Computer((), 1, medium=medium)), "-boot")
    assert boot.startswith(f"order={order},")


def test_the_second_serial_line() -> None:
    assert values(words_for(Computer((), 1, port="com1")), "-serial") == ["stdio"]
    assert values(words_for(Computer((), 1, port="com2")), "-serial") == ["null", "stdio"]


def firmware(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).touch()
    return values(words_for(Computer((), 1, firmware="efi")), "-drive")[1:]


def test_uefi(installed: Path) -> None:
    """The larger kind is preferred; its variables are not written to."""
    drives = "if=pflash,unit=0,format=raw,readonly=on,file={0}/OVMF_CODE{1}.fd"
    stored = "if=pflash,unit=1,format=raw,snapshot=on,file={0}/OVMF_VARS{1}.fd"
    small = [drives.format(installed, ""), stored.format(installed, "")]
    large = [drives.format(installed, "_4M"), stored.format(installed, "_4M")]
    assert firmware(installed, "OVMF_CODE.fd", "OVMF_VARS.fd") == small
    assert firmware(installed, "OVMF_CODE_4M.fd") == small
    assert firmware(installed, "OVMF_VARS_4M.fd") == large


def test_missing_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolError, match="UEFI's firmware is not installed") as error:
        words_for(Computer((), 1, firmware="efi"))
    assert (error.value.hint, error.value.reason) == ("apt-get install ovmf", "tool-missing")
    monkeypatch.setattr(module, "find_tool", lambda _name: None)
    with pytest.raises(ToolError) as error:
        words_for(Computer((), 1))
    assert error.value.hint == "apt-get install qemu-system-x86"
