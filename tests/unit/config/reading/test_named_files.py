"""The files that a release and recipes name: found, or told with the key that names them."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT

from buildlib.config.configuration import Place
from buildlib.config.external_program import Hypervisor
from buildlib.config.reading.named_files import NamedFiles
from buildlib.config.reading.places import Places
from buildlib.config.recipe import Recipe
from buildlib.config.release import PackageSource, Release
from buildlib.model.schema import load
from buildlib.store.stat_cache import StatCache

MINI = tomllib.loads((PROJECT / "sets/mini.toml").read_text())
RELEASE = load(Release, MINI, where="mini.toml")
SHA256 = "a" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path in ("sets/keys", "sets/mini", "recipes/a/overlay/etc", "recipes/domu"):
        (root / path).mkdir(parents=True)
    (root / "kernel-configs").mkdir()
    for path in ("sets/keys/mini.asc", "kernel-configs/K", "recipes/dom0.toml"):
        (root / path).touch()
    return root


def named(root: Path) -> NamedFiles:
    return NamedFiles(Places(root, StatCache(root.parent / "seen"), lambda: PROJECT))


def told(found: NamedFiles) -> list[tuple[str, str, str]]:
    return [(error.what, str(error.where), error.reason) for error in found.missing]


def of_release(root: Path, *, source: str = "mini", **packages: object) -> NamedFiles:
    changed = replace(RELEASE.packages, **packages)  # type: ignore[arg-type]  # of any key
    assert isinstance(changed, PackageSource)
    release = replace(RELEASE, mirror_source=source, mirrors=("m",), packages=changed)
    found = named(root)
    found.of_release(release, Place(root / "sets/mini.toml", "sets/mini.toml"))
    return found


def of_recipe(root: Path, **keys: object) -> NamedFiles:
    found = named(root)
    recipe = replace(Recipe(("base",), "K"), **keys)  # type: ignore[arg-type]  # of any key
    found.of_recipe("dom0", recipe)
    return found


def test_a_release_s_files(root: Path) -> None:
    found = of_release(root)
    assert {name: place.path for name, place in found.beside.items()} == {
        "keys/mini.asc": root / "sets/keys/mini.asc",
        "mini": root / "sets/mini",
    }
    assert found.has_key
    assert told(found) == []


def test_a_key_may_be_missing(root: Path) -> None:
    """The lock's check tells it."""
    (root / "sets/keys/mini.asc").unlink()
    found = of_release(root)
    assert not found.has_key
    assert told(found) == []


def test_a_release_s_folder_that_is_missing(root: Path) -> None:
    (root / "sets/fleet").touch()
    where = "sets/mini.toml: mirror_source"
    assert told(of_release(root, source="mni")) == [
        ("there is no folder mni; did you mean mini?", where, "no-folder")
    ]
    assert told(of_release(root, source="fleet")) == [
        ("there is no folder fleet", where, "no-folder")
    ]
    assert told(of_release(root, source="")) == []


@pytest.mark.parametrize(("key", "digits"), [("key", 40), ("certificate", 64)])
def test_a_signer_that_is_missing(root: Path, key: str, digits: int) -> None:
    packages = {key: "signer", "fingerprint": "a" * digits}
    found = of_release(root, **packages)
    assert told(found) == [("there is no file signer", f"sets/mini.toml: packages.{key}", "no-key")]
    (root / "sets/signer").touch()
    found = of_release(root, **packages)
    assert told(found) == []
    assert found.beside["signer"].path == root / "sets/signer"


def test_a_release_s_hypervisor(root: Path) -> None:
    found = of_release(root, hypervisor=Hypervisor(file="xen.gz", sha256=SHA256))
    where = "sets/mini.toml: packages.hypervisor.file"
    assert told(found) == [("there is no file xen.gz", where, "no-file")]
    assert found.files == {"xen.gz": Place(root / "xen.gz", "xen.gz")}
    assert of_release(root, hypervisor=Hypervisor(distribution="xen-*")).files == {}


def test_a_recipe_s_files(root: Path) -> None:
    (root / "xen.gz").touch()
    found = of_recipe(
        root, overlays=("a/overlay",), hypervisor=Hypervisor(file="xen.gz", sha256=SHA256)
    )
    assert told(found) == []
    assert found.kernels == {"K": (Place(root / "kernel-configs/K", "kernel-configs/K"),)}
    assert found.files == {"xen.gz": Place(root / "xen.gz", "xen.gz")}
    overlay = found.overlays["a/overlay"]
    assert overlay.place == Place(root / "recipes/a/overlay", "recipes/a/overlay")
    assert overlay.spec == root / "recipes/a/overlay.mtree"
    assert overlay.said == {}


def test_each_kernel_and_overlay_is_looked_at_once(root: Path) -> None:
    found = named(root)
    recipe = Recipe(("base",), "K", overlays=("a/overlay",))
    found.of_recipe("dom0", recipe)
    overlay = found.overlays["a/overlay"]
    found.of_recipe("domu/x", replace(recipe, overlays=("a/overlay", "none")))
    assert found.overlays["a/overlay"] is overlay
    assert [where for _, where, _ in told(found)] == ["recipes/domu/x.toml: overlays[1]"]


def test_what_a_recipe_names_and_is_not_there(root: Path) -> None:
    found = of_recipe(
        root,
        kernel="L",
        overlays=("a/ovrlay",),
        hypervisor=Hypervisor(file="xen.gz", sha256=SHA256),
    )
    (kernel, _, reason), file, (overlay, *where) = told(found)
    assert (kernel, reason) == ("there is no kernel L", "unknown-kernel")
    assert found.missing[0].hint == "it is named in recipes/dom0.toml: kernel"
    assert file == ("there is no file xen.gz", "recipes/dom0.toml: hypervisor.file", "no-file")
    assert overlay == "there is no folder a/ovrlay; did you mean a/overlay?"
    assert where == ["recipes/dom0.toml: overlays[0]", "no-overlay"]
    assert (found.kernels, found.overlays) == ({}, {})


def test_a_kernel_that_cannot_be_used(root: Path) -> None:
    (root / "kernel-configs/K").write_text('include "/x"\n')
    found = of_recipe(root)
    assert [reason for _, _, reason in told(found)] == ["kernel-config-path"]
    assert found.kernels == {}


def test_what_a_spec_says(root: Path) -> None:
    spec = root / "recipes/a/overlay.mtree"
    spec.write_text("./etc mode=0700\n")
    assert of_recipe(root, overlays=("a/overlay",)).overlays["a/overlay"].said["etc"].line == 1
    spec.write_text("./etc mdoe=0700\n")
    found = of_recipe(root, overlays=("a/overlay",))
    assert len(found.missing) == 1
    assert found.overlays == {}
    spec.unlink()
    spec.mkdir()
    assert [error.what for error in of_recipe(root, overlays=("a/overlay",)).missing] == [
        "the spec is not a file"
    ]


@pytest.mark.parametrize("name", ["out", "domu"])
def test_folders_that_are_no_overlays(root: Path, name: str) -> None:
    """A link out of the recipes; the folder of the domUs' recipes. Their specs are not read."""
    (root.parent / "secret").mkdir()
    (root / "recipes/out").symlink_to(root.parent / "secret")
    (root / "recipes/domu/x.toml").touch()
    (root / f"recipes/{name}.mtree").write_text("./etc mdoe=1\n")
    found = of_recipe(root, overlays=(name,))
    reason = {"out": "overlay-link", "domu": "overlay-recipes"}[name]
    assert [(where, why) for _, where, why in told(found)] == [
        ("recipes/dom0.toml: overlays[0]", reason)
    ]
    assert found.overlays[name].said == {}


def test_an_overlay_may_have_toml_files(root: Path) -> None:
    """And the folder of the domUs' recipes may be an overlay as long as it has none."""
    (root / "recipes/a/overlay/x.toml").touch()
    assert told(of_recipe(root, overlays=("a/overlay", "domu"))) == []
