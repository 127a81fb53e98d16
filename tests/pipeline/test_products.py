"""What is in dist, judged by tools that are not ours."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from struct import unpack_from
from typing import TypeAlias

import pytest
from support.checkouts.scratch import Scratch
from support.readers.ffs_readers import sleuthkit, sleuthkit_links, sleuthkit_reads
from support.readers.format_readers import Found, differences, tool
from support.readers.iso_readers import ISO_JUDGES, bsdtar, bsdtar_contents

from buildlib.model.mtree import parse
from buildlib.model.tree import ROOT, Tree
from buildlib.stages.system.manifest import LIST

ISO = "mini-dom0.iso"
IMAGES = ("base", "pkgrepo")
SIDES = ("", ".json", ".mtree", ".sha256", ".sha512")
BASES = (ISO, *(f"mini-{name}.ffs" for name in IMAGES))


def spec(template: Scratch, base: str) -> Tree:
    return parse(template.product(f"{base}.mtree").read_bytes())


def test_dist_holds_each_product_and_what_tells_of_it(template: Scratch) -> None:
    assert set(template.products()) == {f"{base}{side}" for base in BASES for side in SIDES}


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_checksums_are_in_bsd_form_and_right(template: Scratch, name: str) -> None:
    for base in BASES:
        (line,) = template.product(f"{base}.{name}").read_text().splitlines()
        value = hashlib.new(name, template.product(base).read_bytes()).hexdigest()
        assert line == f"{name.upper()} ({base}) = {value}"
        tool(f"{name}sum", "-c", f"{base}.{name}", cwd=template.product(base).parent)


@pytest.mark.parametrize("base", BASES)
def test_mtree_reads_the_spec(template: Scratch, base: str) -> None:
    """It prints back the entries it was given."""
    text = tool("mtree", "-C", "-f", template.product(f"{base}.mtree"))
    assert len(text.splitlines()) == len(spec(template, base))


@pytest.mark.parametrize("base", BASES)
def test_a_medium_has_a_list_of_itself(template: Scratch, base: str, tmp_path: Path) -> None:
    """It says what the spec beside the product says, but for what was not known then."""
    product = template.product(base)
    if base == ISO:
        text = bsdtar_contents(product)[0][LIST]
    else:
        padded = tmp_path / base  # as below
        padded.write_bytes(product.read_bytes() + bytes(1 << 20))
        text = sleuthkit_reads(padded, sleuthkit(padded)[1][LIST])
    wanted = {
        line.split()[0]: re.sub(rb" tags=\S+$", b"", line)
        for line in template.product(f"{base}.mtree").read_bytes().splitlines()
    }
    found = {line.split()[0]: line for line in text.splitlines()}
    assert found.keys() == wanted.keys()
    differ = {path.decode() for path, line in found.items() if line != wanted[path]}
    added = {"boot/grub/boot.cat", "boot/grub/bios.img", "boot/grub/efi.img"}
    assert differ == {f"./{name}" for name in {LIST} | (added if base == ISO else set())}
    for name in differ:
        words = found[name.encode()].split()
        assert set(words) <= set(wanted[name.encode()].split())
        assert [word.partition(b"=")[0] for word in words[1:]] == [
            b"type",
            b"uid",
            b"gid",
            b"mode",
            b"time",
        ]
    (tmp_path / "list").write_bytes(text)
    read = tool("mtree", "-C", "-f", tmp_path / "list")
    assert len(read.splitlines()) == len(found) - 1, "#mtree is no entry"


# the CD


@pytest.mark.parametrize("judge", ISO_JUDGES)
def test_the_disc_is_what_its_spec_says(template: Scratch, judge: str) -> None:
    assert differences(spec(template, ISO), ISO_JUDGES[judge](template.product())) == []


def on_disc(template: Scratch, path: str) -> bytes:
    return tool("bsdtar", "-xOf", template.product(), path)


def test_the_disc_boots_what_was_built(template: Scratch) -> None:
    tree = spec(template, ISO).by_path
    assert tree["netbsd"].sha256 == template.outputs("kernel:XEN3_DOM0_CD")["kernel"]
    assert tree["boot/xen.gz"].sha256 == template.outputs("hypervisor")["xen"]
    assert b"root on cd0a" in on_disc(template, "netbsd")
    assert tree["netbsd.stick"].sha256 == template.outputs("kernel:XEN3_DOM0_STICK")["kernel"]
    menu = on_disc(template, "boot/grub/grub.cfg").decode()
    assert re.search(r"\n\tmultiboot2 /boot/xen\.gz console=com1,vga .*pv-linear-pt=true\n", menu)
    assert re.findall(r"\n\tmodule2 (.*)", menu) == [
        f"/{words}{more}"
        for words in ("netbsd bootdev=cd0a", "netbsd.stick bootdev=sd0d")
        for more in ("", " -4", " -s", " -v")
    ]
    report = tool("xorriso", "-indev", template.product(), "-report_el_torito", "plain").decode()
    assert re.search(r"^El Torito boot img :.* BIOS  y   none", report, re.MULTILINE)
    assert re.search(r"^El Torito boot img :.* UEFI  y   none", report, re.MULTILINE)


def test_the_disc_carries_a_folder_of_images(template: Scratch) -> None:
    """Images, the kernels they start with, and lists that tell which and what they must be."""
    tree = spec(template, ISO).by_path
    files = {f"{name}.ffs" for name in IMAGES} | {"XEN3_DOMU_RO", "KERNELS", "SHA256"}
    assert {path for path in tree if path.startswith("images/")} == {
        f"images/{name}" for name in files
    }
    contents = {name: on_disc(template, f"images/{name}") for name in files}
    for name in IMAGES:
        assert contents[f"{name}.ffs"] == template.product(f"mini-{name}.ffs").read_bytes()
        kernel = spec(template, f"mini-{name}.ffs").by_path["netbsd"]
        assert hashlib.sha256(contents["XEN3_DOMU_RO"]).hexdigest() == kernel.sha256
    assert contents["KERNELS"] == b"base.ffs XEN3_DOMU_RO\npkgrepo.ffs XEN3_DOMU_RO\n"
    assert contents["SHA256"].decode() == "".join(
        f"SHA256 ({name}) = {hashlib.sha256(contents[name]).hexdigest()}\n"
        for name in sorted(files - {"SHA256"})
    )


Attributes: TypeAlias = tuple[str, int | None, int | None, int | None]
ATTRIBUTES: dict[str, Attributes] = {
    # from the sets
    "usr/bin/su": ("file", 0o4555, 0, 0),
    "usr/bin/netstat": ("file", 0o2555, 0, 2),
    "tmp": ("dir", 0o1777, 0, 0),
    "etc/master.passwd": ("file", 0o600, 0, 0),
    "dev/console": ("char", 0o600, 0, 0),
    "dev/wd0a": ("block", 0o640, 0, 5),
    "dev/log": ("link", 0o755, 0, 0),
    # from the overlay, the recipe and the stages
    "etc/rc.conf": ("file", 0o644, 0, 0),
    "config": ("dir", 0o755, 0, 0),
    "etc/rc": ("file", 0o755, 0, 0),
    "netbsd": ("file", 0o444, 0, 0),
    "etc/rc.d/root": ("file", 0o755, 0, 0),
    "etc/rc.netbsd": ("file", 0o644, 0, 0),
    # from packages
    "usr/pkg/bin/rsync": ("file", 0o755, 0, 0),
    "usr/pkg/lib/liblz4.so": ("link", 0o777, 0, 0),
}


def attributes(found: dict[str, Found], path: str) -> Attributes:
    """Kind, mode, owner and group."""
    item = found[path]
    return item.kind, item.mode, item.uid, item.gid


def test_the_disc_has_owners_and_modes_right(template: Scratch) -> None:
    found = bsdtar(template.product())
    assert {path: attributes(found, path) for path in ATTRIBUTES} == ATTRIBUTES
    assert found["dev/sd30p"].device == (4, 495)
    assert found["rescue/ls"].links == 3
    overlay = template.read("recipes/dom0/overlay/etc/rc.conf")
    assert on_disc(template, "etc/rc.conf").decode() == overlay
    assert on_disc(template, "etc/rc").decode() == template.read("recipes/server/overlay/etc/rc")
    assert on_disc(template, "etc/rc.netbsd").decode() == template.read(
        "sets/mini/binary/etc/etc/rc"
    )


@pytest.mark.parametrize("base", BASES)
def test_every_system_trusts_the_authorities_of_the_release(template: Scratch, base: str) -> None:
    """From the first boot: the root is read-only, so nothing can fill the folder later."""
    folder = "etc/openssl/certs"
    found = {entry.name: entry.link for entry in spec(template, base) if entry.parent == folder}
    wanted = {".certctl": "", "ca-certificates.crt": ""}
    place = "usr/share/certs/mozilla/server"
    anchors = template.path("sets/mini/binary/base/usr/share/certs/mozilla/all")
    for path in anchors.iterdir():
        hashed = tool("openssl", "x509", "-noout", "-hash", "-in", path).decode().strip()
        wanted |= {f"{hashed}.0": path.name, path.name: f"/{place}/{path.name}"}
    assert len(wanted) > 2
    assert found == wanted


PACKAGES = {
    "dom0": {
        "lz4-1.10.0",
        "zstd-1.5.6",
        "rsync-3.4.1",
        "yajl-2.1.0nb1",
        "xentools420-4.20.1nb2",
        "xenkernel420-4.20.1nb1",
        "subversion-base-1.14.5",
        "sudo-1.9.16p2",
        "screen-4.9.1",
    },
    "base": {"subversion-base-1.14.5"},
    "pkgrepo": {
        "libarchive-3.7.7",
        "lz4-1.10.0",
        "pkg_chk-2.1.2",
        "pkgin-23.8.1nb5",
        "rsync-3.4.1",
        "subversion-base-1.14.5",
        "zstd-1.5.6",
    },
}


def test_packages_are_installed_and_registered(template: Scratch) -> None:
    for system, base in (("dom0", ISO), ("base", "mini-base.ffs"), ("pkgrepo", "mini-pkgrepo.ffs")):
        tree = spec(template, base).by_path
        folders = {
            path.split("/")[3]
            for path in tree
            if path.startswith("usr/pkg/pkgdb/") and tree[path].kind == "dir"
        }
        assert folders == PACKAGES[system]
        for name in folders:
            known = {
                path.rpartition("/")[2]
                for path in tree
                if path.startswith(f"usr/pkg/pkgdb/{name}/")
            }
            assert known >= {"+CONTENTS", "+COMMENT", "+DESC", "+BUILD_INFO"}
    contents = on_disc(template, "usr/pkg/pkgdb/rsync-3.4.1/+CONTENTS").decode()
    files = [line for line in contents.splitlines() if line and line[0] not in "@+"]
    tree = spec(template, ISO).by_path
    assert files
    assert [name for name in files if f"usr/pkg/{name}" not in tree] == []
    assert "usr/pkg/bin/rsync" not in spec(template, "mini-base.ffs").by_path
    assert "usr/pkg/bin/svn" in spec(template, "mini-base.ffs").by_path


# domU images


@pytest.fixture(params=IMAGES)
def image(template: Scratch, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Tree]:
    """A root image and its spec. The Sleuth Kit wants to look beyond where a small image ends."""
    base = f"mini-{request.param}.ffs"
    path = tmp_path / base
    path.write_bytes(template.product(base).read_bytes() + bytes(1 << 20))
    return path, spec(template, base)


def test_the_image_is_what_its_spec_says(image: tuple[Path, Tree]) -> None:
    path, tree = image
    found, inodes = sleuthkit(path)
    assert differences(tree, found) == [f"{ROOT!r}: not found"]  # fls lists what is below it
    assert b"File System Type: UFS 1\n" in tool("fsstat", "-f", "ufs1", path)
    links = tree.links_of()
    for entry in tree:
        if entry.kind == "file":
            content = sleuthkit_reads(path, inodes[entry.path]) if entry.size else b""
            assert hashlib.sha256(content).hexdigest() == entry.sha256
            if entry.inode:
                assert sleuthkit_links(path, inodes[entry.path]) == links[entry.inode]


def test_the_image_has_owners_modes_and_links_right(image: tuple[Path, Tree]) -> None:
    found, inodes = sleuthkit(image[0])
    wanted = {
        path: value
        for path, value in ATTRIBUTES.items()
        if not path.startswith(("usr/pkg", "etc/rc.d/root", "etc/rc.netbsd")) and path != "etc/rc"
    }
    assert {path: attributes(found, path) for path in wanted} == wanted
    assert len({inodes[f"rescue/{name}"] for name in ("ls", "mount", "sh")}) == 1
    assert found["lib/libc.so"].link == "libc.so.12.220"


def test_the_image_has_device_numbers_right(image: tuple[Path, Tree]) -> None:
    """NetBSD's dev_t stands where a file's first block would, which no tool here shows."""
    path, tree = image
    data = path.read_bytes()
    (first_inodes,) = unpack_from("<l", data, 8192 + 16)  # fs_iblkno, in fragments of the group
    (fragment,) = unpack_from("<l", data, 8192 + 52)  # fs_fsize
    per_group, fragments = unpack_from("<ll", data, 8192 + 184)  # fs_ipg, fs_fpg
    _, inodes = sleuthkit(path)
    found = {}
    for entry in tree:
        if entry.device is not None:
            group, index = divmod(int(inodes[entry.path]), per_group)
            at = (group * fragments + first_inodes) * fragment + index * 128
            (number,) = unpack_from("<L", data, at + 40)  # di_db[0]
            found[entry.path] = ((number >> 8) & 0xFFF, (number >> 12 & 0xFFF00) | number & 0xFF)
    assert found == {entry.path: entry.device for entry in tree if entry.device is not None}
    assert found["dev/sd30p"] == (4, 495)
    assert found["dev/xbd0a"] == (142, 0)
