"""The session of a project that presses boot media: a release, its lock, and recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from buildlib.cli.session import Check, Session, engine_over, open_store
from buildlib.cli.settings import FILE, read_epoch, read_settings
from buildlib.config.project import Project
from buildlib.engine.publish import Publisher
from buildlib.model.events import Sink
from buildlib.plan.plan import Plan, make_plan
from buildlib.sources.mirrors import Mirrors

# What `doit list` says of tasks whose names begin so.
GROUPS = {
    "checksums": "checksums of images and products",
    "domu-images": "press the read-only root images of all domUs",
    "fetch": "fetch pinned files from the mirror",
    "grub": "make GRUB's boot images",
    "image": "write the images",
    "kernel": "compile the kernels",
    "packages": "stage binary packages into trees",
    "root": "compose the root trees",
    "signed": "check who signed the packages",
    "tree": "compose the tree of the CD",
    "unpack": "unpack the binary sets",
}


@dataclass(frozen=True, slots=True)
class BootMediaSession(Session):
    """One run of a command in such a project."""

    project: Project
    plan: Plan

    def groups(self) -> Mapping[str, str]:
        """What `doit list` says of groups of tasks."""
        return GROUPS

    def checks(self) -> list[Check]:
        """Every task that is neither stage nor product."""
        from buildlib.cli import checks

        served = dict.fromkeys(ref.stage for ref in self.plan.version.values())
        repository = dict.fromkeys(ref.stage for ref in self.plan.repository.values())
        return [
            Check("verify", "check all that was fetched, the whole store and the products", [],
                  lambda _sink: checks.verify(self)),
            Check("boot-test", "boot the image in QEMU, as every medium on every firmware", ["iso"],
                  partial(checks.boot_test, self)),
            Check("image-server",
                  "put a signed version of the domU images where hosts fetch them", list(served),
                  partial(checks.image_server, self), partial(checks.image_signer, self)),
            Check("package-repo", "put the locked packages where servers install them from",
                  list(repository), partial(checks.package_repo, self),
                  partial(checks.repo_signer, self)),
        ]

    def look_ahead(self, selected: Sequence[str]) -> None:
        """Look for what would make a long build fail. Raises ConfigError, and no task begins."""
        from buildlib.operations.preflight.preflight import check

        check(self.engine, self.plan, selected)
        Session.look_ahead(self, selected)


def open_session(root: Path, variables: Mapping[str, str], sink: Sink) -> BootMediaSession:
    """The session of the checkout at `root`. Raises GoldmasterError."""
    settings = read_settings(root, variables)
    build, dist = root / settings.build, root / settings.dist
    store = open_store(build, noted=[root / "dodo.py", root / FILE])
    project = Project(root, store.seen)
    epoch = read_epoch()
    plan = make_plan(
        project, settings.release, build=build, dist=dist, mirror=settings.mirror,
        offline=settings.offline, epoch=epoch)
    engine = engine_over(plan.graph, store, settings, sink, scope=plan.release.name,
                         services={Mirrors: plan.mirrors})
    facts: dict[str, str | int] = {
        "release": plan.release.name,
        "version": plan.release.version,
        "epoch": plan.lock.epoch if epoch is None else epoch,
    }
    return BootMediaSession(root, settings, plan.products, store, engine,
                            Publisher(engine, sink, facts=facts), project, plan)
