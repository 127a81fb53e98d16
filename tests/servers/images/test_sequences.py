"""goldmaster-images on dom0: any sequence of commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.machines.image_fleet import BASE, KERNEL
from support.servers.image_server import KERNELS, Shelf, image
from support.servers.mirror import Mirror
from support.simulator.imagehost import STORE, ImageHost


@dataclass
class Model:
    """What the commands should come to, told another way."""

    current: tuple[str, str] = ("cd", "")
    pins: dict[str, tuple[str, str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)  # the last installed first
    attached: dict[int, str] = field(default_factory=dict)

    def use(self, version: str) -> None:
        if version != self.current[0]:
            self.current = version, self.current[0]

    def pin(self, domu: str, version: str) -> None:
        now = self.pins.get(domu, ("", ""))[0]
        if now != version:
            self.pins[domu] = version, now

    def prune(self, keep: int) -> None:
        named = {version for slot in (self.current, *self.pins.values()) for version in slot}
        self.order = [
            version
            for at, version in enumerate(self.order)
            if at < keep or version in named or version in self.attached.values()
        ]


class Choices(RuleBasedStateMachine):
    """Commands in any order, beside the model."""

    folder: Path  # set by the test
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        place = self.folder / str(type(self).runs)
        self.shelf = Shelf(place / "shelf")
        self.mirror = Mirror(self.shelf.folder).__enter__()
        self.host = ImageHost(place / "host")
        self.host.start(self.mirror.url)
        self.host.host_conf(image_url=self.mirror.url, image_keep="2")
        for domu in ("nfs", "sql"):
            self.host.domu(domu)
        self.model = Model()
        self.number = 0

    def teardown(self) -> None:
        self.host.__exit__()
        self.mirror.__exit__(None, None, None)

    def known(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(["cd", *self.model.order]))

    @rule(follow=st.booleans())
    def fetch(self, follow: bool) -> None:
        self.number += 1
        version = f"v{self.number}"
        self.shelf.add(version, {BASE: image(version, 5000), KERNEL: b"k"}, number=self.number)
        self.host.images("fetch", *([] if follow else ["-n"]))
        self.model.order.insert(0, version)
        if follow:
            self.model.use(version)
        self.model.prune(2)

    @rule(data=st.data())
    def use(self, data: st.DataObject) -> None:
        version = self.known(data)
        self.host.images("use", version)
        self.model.use(version)

    @rule(data=st.data(), domu=st.sampled_from(["nfs", "sql"]))
    def pin(self, data: st.DataObject, domu: str) -> None:
        version = self.known(data)
        self.host.images("pin", domu, version)
        self.model.pin(domu, version)

    @rule(domu=st.sampled_from(["nfs", "sql"]))
    def unpin(self, domu: str) -> None:
        self.host.images("unpin", domu, status=0 if domu in self.model.pins else 1)
        self.model.pins.pop(domu, None)

    @rule()
    def rollback(self) -> None:
        before = self.model.current[1]
        self.host.images("rollback", status=0 if before else 1)
        if before:
            self.model.use(before)

    @rule(domu=st.sampled_from(["nfs", "sql"]))
    def rollback_domu(self, domu: str) -> None:
        pinned = domu in self.model.pins
        before = (self.model.pins[domu] if pinned else self.model.current)[1]
        self.host.images("rollback", domu, status=0 if before or pinned else 1)
        if before:
            self.model.pin(domu, before)
        else:
            self.model.pins.pop(domu, None)

    @precondition(lambda self: self.model.order)
    @rule(data=st.data(), unit=st.integers(0, 1))
    def attach(self, data: st.DataObject, unit: int) -> None:
        version = data.draw(st.sampled_from(self.model.order))
        self.host.attach(unit, f"{STORE}/{version}/{BASE}", ("nfs", "sql")[unit])
        self.model.attached[unit] = version

    @precondition(lambda self: self.model.attached)
    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from(sorted(self.model.attached)))
        self.host.detach(unit, ("nfs", "sql")[unit])
        del self.model.attached[unit]

    @rule()
    def prune(self) -> None:
        self.host.images("prune")
        self.model.prune(2)

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        assert self.host.versions() == set(self.model.order)
        now, before = (self.host.slot() or ["cd", "-"])[:2]
        assert (now, before.strip("-")) == self.model.current
        pins = {
            path.name: self.host.slot(f"pins/{path.name}")
            for path in self.host.store.glob("pins/*")
        }
        assert {
            name: (now, before.strip("-")) for name, (now, before) in pins.items()
        } == self.model.pins


def test_any_sequence_of_commands(tmp_path: Path) -> None:
    machine = type("Machine", (Choices,), {"folder": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_kernels_of_the_list_are_those_of_the_images() -> None:
    """The material of these tests is as the contract says."""
    assert KERNELS.split() == [BASE.encode(), KERNEL.encode()]
