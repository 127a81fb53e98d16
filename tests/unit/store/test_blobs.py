"""Content-addressed files: sealed, complete or absent; damage is noticed."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from buildlib.host.atomic_files import new_file
from buildlib.model.digest import Blob, sha256
from buildlib.model.errors import MissingBlob, StoreError
from buildlib.store.blobs import Blobs

DATA = b"what is kept\n"


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def overwrite(path: str | Path, data: bytes, *, restore: bool) -> None:
    """Write into a stored file in place, and optionally hide it as well as a program can."""
    before = os.stat(path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(data)
        file.truncate()
    if restore:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def leftovers(blobs: Blobs) -> list[Path]:
    return list(blobs.tmp.iterdir())


def test_content_is_named_by_its_digest_and_sealed(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    assert blob == Blob(sha256(DATA), len(DATA))
    path = blobs.path(blob)
    assert str(path).endswith(f"/blobs/{blob.sha256[:2]}/{blob.sha256}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert blobs.seal.holds(path.stat(), blob.size)
    with blobs.open(blob) as file:
        assert path.read_bytes() == blobs.read(blob.sha256) == file.read() == DATA
    assert list(blobs.all()) == [blob.sha256]
    assert not leftovers(blobs)


def test_what_is_there_is_not_written_again(blobs: Blobs) -> None:
    before = blobs.path(blobs.put(DATA)).stat().st_ino
    assert blobs.path(blobs.put(DATA)).stat().st_ino == before


def test_a_write_breaks_the_seal(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    overwrite(blobs.where(blob.sha256), b"X" * len(DATA), restore=False)
    assert not blobs.has(blob)
    assert not os.path.lexists(blobs.where(blob.sha256))
    with pytest.raises(MissingBlob) as caught:
        blobs.path(blob)
    assert caught.value.sha256 == blob.sha256
    blobs.put(DATA)
    assert blobs.has(blob)


def test_a_broken_seal_over_the_same_bytes_is_renewed(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    os.utime(blobs.where(blob.sha256))
    assert not blobs.seal.is_on(blobs.where(blob.sha256))
    assert blobs.has(blob)
    assert blobs.seal.is_on(blobs.where(blob.sha256), blob.size)


def test_damage_with_the_time_put_back(blobs: Blobs) -> None:
    """One lstat cannot see it; reading a document does, and so does the full check."""
    blob = blobs.put(DATA)
    overwrite(blobs.where(blob.sha256), b"X" * len(DATA), restore=True)
    assert blobs.has(blob)
    assert not blobs.is_sound(blob.sha256)
    with pytest.raises(MissingBlob, match="damaged"):
        blobs.read(blob.sha256)
    assert not blobs.has(blob)


def test_another_size_is_noticed_whatever_the_time(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    overwrite(blobs.where(blob.sha256), b"", restore=True)
    assert not blobs.has(blob)


@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "fifo"])
def test_something_else_in_its_place_is_removed(blobs: Blobs, tmp_path: Path, kind: str) -> None:
    blob = blobs.put(DATA)
    target = blobs.path(blob)
    target.rename(tmp_path / "copy")
    if kind == "folder":
        (target / "below").mkdir(parents=True)
    elif kind == "fifo":
        os.mkfifo(target)
    else:
        target.symlink_to(tmp_path / ("copy" if kind == "link" else "nothing"))
    assert not blobs.has(blob)
    assert not os.path.lexists(target)
    assert (tmp_path / "copy").read_bytes() == DATA


def test_deletion(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    assert blobs.discard(blob.sha256) == len(DATA)
    assert blobs.discard(blob.sha256) == 0
    assert not blobs.has(blob)
    with pytest.raises(MissingBlob, match="deleted"):
        blobs.read(blob.sha256)
    with pytest.raises(MissingBlob, match="deleted"):
        blobs.open(blob)


def test_a_store_that_cannot_be_read(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = blobs.put(DATA)
    os.utime(blobs.where(blob.sha256))

    def fails(_blobs: Blobs, _sha256: str) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Blobs, "is_sound", fails)
    with pytest.raises(StoreError) as caught:
        blobs.has(blob)
    assert caught.value.reason == "store-io"
    assert blobs.where(blob.sha256) == caught.value.where


@pytest.mark.parametrize("known", [True, False])
def test_adoption(blobs: Blobs, tmp_path: Path, known: bool) -> None:
    made = tmp_path / "made"
    made.write_bytes(DATA)
    blob = Blob(sha256(DATA), len(DATA))
    assert blobs.adopt(made, blob=blob if known else None) == blob
    assert not made.exists()
    assert blobs.seal.is_on(blobs.where(blob.sha256), blob.size)
    assert stat.S_IMODE(os.stat(blobs.where(blob.sha256)).st_mode) == 0o444


def test_a_copy_in(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(DATA)
    assert blobs.has(blobs.copy_in(tmp_path / "mine"))
    assert (tmp_path / "mine").read_bytes() == DATA


def test_a_writer_hashes_what_it_writes(blobs: Blobs) -> None:
    with blobs.writer() as writer:
        writer.write(DATA[:5])
        writer.write(memoryview(DATA)[5:])
        assert not list(blobs.all())
    assert writer.blob == Blob(sha256(DATA), len(DATA))
    assert blobs.has(writer.blob)
    assert not leftovers(blobs)


def test_a_writer_that_is_left_early_leaves_nothing(blobs: Blobs) -> None:
    with pytest.raises(KeyboardInterrupt), blobs.writer() as writer:
        writer.write(DATA)
        raise KeyboardInterrupt
    assert not list(blobs.all())
    assert not leftovers(blobs)


def test_a_write_that_fails_leaves_nothing(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(descriptor: int, data: memoryview) -> int:
        if len(data) < len(DATA):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:3])

    write = os.write
    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        blobs.put(DATA)
    with pytest.raises(OSError, match="No space"), blobs.writer() as writer:
        writer.write(DATA)
    assert not list(blobs.all())
    assert not leftovers(blobs)


def test_short_writes_are_gone_on_with(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    assert blobs.read(blobs.put(DATA).sha256) == DATA
    with blobs.writer() as writer:
        writer.write(DATA * 2)
    assert blobs.read(writer.blob.sha256) == DATA * 2


def test_writers_side_by_side(tmp_path: Path) -> None:
    """Several threads, and two stores over one folder, put equal and different contents."""
    both = [Blobs(tmp_path), Blobs(tmp_path)]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for count in range(30):
                store = both[(number + count) % 2]
                blob = store.put(b"same %d" % count)
                assert store.read(blob.sha256) == b"same %d" % count
                with store.writer() as writer:
                    writer.write(b"own %d %d" % (number, count))
        except BaseException as error:  # noqa: BLE001  told below, in the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(list(both[0].all())) == 30 + 4 * 30
    assert all(map(both[1].is_sound, both[1].all()))
    assert not leftovers(both[0])


def test_placing_is_a_link_that_shares_the_seal(blobs: Blobs, tmp_path: Path) -> None:
    blob = blobs.put(DATA)
    blobs.place(blob, tmp_path / "product")
    assert (tmp_path / "product").stat().st_ino == blobs.path(blob).stat().st_ino
    overwrite(tmp_path / "product", b"scribble", restore=False)
    assert not blobs.has(blob)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK, errno.EPERM])
def test_placing_copies_where_links_cannot_go(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    blob = blobs.put(DATA)

    def refuse(_source: object, _target: object) -> None:
        raise OSError(number, "no link")

    monkeypatch.setattr(os, "link", refuse)
    blobs.place(blob, tmp_path / "product")
    assert (tmp_path / "product").read_bytes() == DATA
    assert stat.S_IMODE((tmp_path / "product").stat().st_mode) == 0o444
    overwrite(tmp_path / "product", b"scribble", restore=False)
    assert blobs.has(blob)


def test_placing_tells_other_failures(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "product").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        blobs.place(blobs.put(DATA), tmp_path / "product")


def test_what_a_killed_run_left_is_cleared(blobs: Blobs, tmp_path: Path) -> None:
    Path(blobs.fresh()).write_bytes(b"half")
    folder = Path(blobs.fresh())
    (folder / "work").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (blobs.tmp / "link").symlink_to(tmp_path / "elsewhere")
    blob = blobs.put(DATA)
    blobs.clear_tmp()
    assert not leftovers(blobs)
    assert (tmp_path / "elsewhere").is_dir()
    assert blobs.has(blob)


@pytest.mark.parametrize("to", ["nothing", "itself"])
def test_a_link_in_place_of_a_folder_of_blobs(blobs: Blobs, tmp_path: Path, to: str) -> None:
    blob = blobs.put(DATA)
    folder = blobs.path(blob).parent
    folder.rename(tmp_path / "moved")
    folder.symlink_to(folder if to == "itself" else tmp_path / "nothing")
    assert not blobs.has(blob)
    assert blobs.discard(blob.sha256) == 0
    assert blobs.put(DATA) == blob
    assert blobs.read(blob.sha256) == DATA
    assert not folder.is_symlink()


def test_adoption_with_a_known_digest(blobs: Blobs, tmp_path: Path) -> None:
    """The caller computed it while it wrote the file."""
    path = tmp_path / "file"
    path.write_bytes(DATA)
    path.chmod(0o600)
    blob = Blob(sha256(DATA), len(DATA))
    assert blobs.adopt(path, blob=blob) is blob
    assert not path.exists()
    stored = Path(blobs.where(blob.sha256))
    assert stored.read_bytes() == DATA
    assert stat.S_IMODE(stored.stat().st_mode) == 0o444
    assert blobs.seal.holds(stored.stat(), blob.size)


def test_what_is_discarded_frees_its_bytes(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    assert blobs.discard(blob.sha256) == len(DATA)
    assert blobs.discard(blob.sha256) == 0
    assert not blobs.has(blob)


def test_a_read_of_damaged_content_removes_it(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    overwrite(blobs.where(blob.sha256), b"X" * len(DATA), restore=True)
    with pytest.raises(MissingBlob) as error:
        blobs.read(blob.sha256)
    assert error.value.why == "it was damaged"
    assert not os.path.exists(blobs.where(blob.sha256))
    with pytest.raises(MissingBlob) as error:
        blobs.read(blob.sha256)
    assert error.value.why == "it was deleted"


@pytest.mark.parametrize("letter", [b"X", b"Z", b"a", b"b", b"c", b"d"])
def test_a_copy_to_a_file_is_verified(blobs: Blobs, tmp_path: Path, letter: bytes) -> None:
    """Digests of damaged content are smaller and larger ones."""
    blob = blobs.put(DATA)
    with new_file(str(tmp_path / "scratch"), mode=0o644) as file:
        blobs.copy_to(blob, file)
        file.appear(str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == DATA
    overwrite(blobs.where(blob.sha256), letter * len(DATA), restore=True)
    with (
        new_file(str(tmp_path / "scratch"), mode=0o644) as file,
        pytest.raises(MissingBlob) as error,
    ):
        blobs.copy_to(blob, file)
    assert error.value.sha256 == blob.sha256
    assert error.value.why == "it was damaged"
    assert not os.path.exists(blobs.where(blob.sha256))


def test_whether_content_is_sound(blobs: Blobs) -> None:
    blob = blobs.put(DATA)
    assert blobs.is_sound(blob.sha256)
    overwrite(blobs.where(blob.sha256), b"X" * len(DATA), restore=True)
    assert not blobs.is_sound(blob.sha256)
    os.unlink(blobs.where(blob.sha256))
    assert not blobs.is_sound(blob.sha256)
    os.mkfifo(blobs.where(blob.sha256))
    assert not blobs.is_sound(blob.sha256)
