"""`doit image-server`, and a host that fetches what it made."""

from __future__ import annotations

from pathlib import Path

from support.checkouts.scratch import Scratch
from support.servers.image_server import private_key
from support.servers.mirror import Mirror
from support.simulator.imagehost import STORE, ImageHost

MOTD = "recipes/domu/pkgrepo/overlay/etc/motd"


def serve(scratch: Scratch, *words: str) -> str:
    """The version that `doit image-server` says it has put there; empty where nothing changed."""
    ran = scratch.build("image-server", f"key={private_key()}", *words)
    details = [
        event["detail"]
        for event in ran.events
        if event.get("stage") == "image-server" and event["outcome"] == "built"
    ]
    return str(details[0]).partition(" ")[0] if details else ""


def test_from_recipes_to_a_host(scratch: Scratch, tmp_path: Path) -> None:
    """Two versions, fetched and checked by the real scripts; the second takes what has changed."""
    served = tmp_path / "served"
    first = serve(scratch, f"images={served}")
    assert first.startswith("mini-")
    images = {path.name for path in (served / first).iterdir()}
    assert images == {
        "base.ffs",
        "pkgrepo.ffs",
        "XEN3_DOMU_RO",
        "KERNELS",
        "VERSION",
        "SHA256",
        "SHA256.sig",
    }
    assert (served / first / "base.ffs").read_bytes() == scratch.product(
        "mini-base.ffs"
    ).read_bytes()
    assert serve(scratch, f"images={served}") == "", "the same again"
    with Mirror(served) as mirror, ImageHost(tmp_path / "host") as host:
        host.start(mirror.url)
        for image in ("base.ffs", "pkgrepo.ffs"):
            host.domu(image.removesuffix(".ffs"), image)
        host.images("fetch")
        assert host.images("verify").text == f"goldmaster: {first} is whole.\n"
        scratch.append(MOTD, "again\n")
        second = serve(scratch, f"images={served}")
        assert second not in {"", first}
        mirror.requests.clear()
        host.images("fetch")
        assert [path for path, _ in mirror.requests if path.endswith((".ffs", "XEN3_DOMU_RO"))] == [
            f"{second}/pkgrepo.ffs"
        ]
        assert host.slot()[:2] == [second, first]
        assert host.images("verify").status == 0
        said = host.run(
            "/bin/sh",
            "-c",
            f". /libexec/goldmaster/images.sh; image_dir=/images "
            f"image_store={STORE}; image_folder nfs; kernel_of $folder base.ffs",
        )
        assert said.stdout == "XEN3_DOMU_RO\n"
        scratch.edit(MOTD, "again\n", "")
        assert serve(scratch, f"images={served}") == first, "back"
        host.images("fetch")
        assert host.slot()[:2] == [first, second]


def test_the_key_stays_where_it_is(scratch: Scratch) -> None:
    """Neither the key nor its place is kept with what is built."""
    serve(scratch)
    assert (scratch.path("dist/images") / "LATEST").is_file()
    secret = [line for line in private_key().read_bytes().splitlines() if len(line) > 40]
    assert secret
    for path in scratch.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [line for line in secret if line in data], path
            assert str(private_key()).encode() not in data, path


def test_what_is_wrong_is_told_before_anything_is_built(bare: Scratch) -> None:
    ran = bare.build("image-server", status=3)
    assert [event["what"] for event in ran.errors] == ["no signing key is set"]
    assert "openssl genrsa" in ran.errors[0]["hint"]
    ran = bare.build("image-server", "key=none", status=3)
    assert [event["reason"] for event in ran.errors] == ["signing-key"]
    assert not ran.built
