"""A disk that fills up: an error, no incomplete file, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.faults.small_disk import run_on_small_disk

SCRIPT = r"""
import errno, os, sys
from pathlib import Path
from buildlib.sources.web.download import Pin, fetch
from buildlib.store.records import Output, Record
from buildlib.store.store import Store
from buildlib.model.digest import digest_of
import hashlib

store = Store(Path(sys.argv[1]) / "build")
full = {errno.ENOSPC, errno.EFBIG}

def refused(action):
    try:
        action()
    except OSError as error:
        assert error.errno in full, error
        return True
    return False

kept = store.blobs.put(b"k" * 100_000)
big = os.urandom(2_000_000)
assert refused(lambda: store.blobs.put(big))

def write():
    with store.blobs.writer() as writer:
        for start in range(0, len(big), 50_000):
            writer.write(big[start:start + 50_000])
assert refused(write)

packs = []
def pack():
    with store.packs.writer(packs) as pack:
        pack.add(b"small")
        pack.add_pieces(big[start:start + 50_000] for start in range(0, len(big), 50_000))
assert refused(pack)
assert not packs and not list(store.packs.all())
assert not os.listdir(store.blobs.tmp), os.listdir(store.blobs.tmp)

record = Record({"a": "b"}, {"o": Output(kept)})
key = digest_of(record.document)
store.records.put(key, record)
with open(store.build / "ballast", "wb", buffering=0) as ballast:
    while not refused(lambda: ballast.write(bytes(512))):
        pass
large = Record({"a": "b" * 900_000}, {"o": Output(kept)})
if refused(lambda: store.records.put(key, large)):
    assert store.records.get(key) == record
    assert not list(store.folder.glob("records/*/*,new"))
store.seen.sha256(sys.executable)
store.seen.save()

source = store.build / "source"
os.unlink(store.build / "ballast")
file = b"f" * 400_000
pin = Pin(hashlib.sha512(file).hexdigest(), hashlib.sha256(file).hexdigest(), len(file))
source.write_bytes(file)
partial = store.build / "partial"
with open(store.build / "ballast", "wb", buffering=0) as ballast:
    while not refused(lambda: ballast.write(bytes(4096))):
        pass
if refused(lambda: fetch([str(source)], pin, store.blobs, partial=partial)):
    assert hashlib.sha256(file).hexdigest() not in list(store.blobs.all())
os.unlink(store.build / "ballast")
assert store.blobs.has(fetch([str(source)], pin, store.blobs, partial=partial))
assert store.blobs.is_sound(kept.sha256)
print("nothing lost")
"""


@pytest.mark.programs
def test_full_disk(tmp_path: Path) -> None:
    result = run_on_small_disk(SCRIPT, tmp_path, 1 << 20)
    assert (result.stdout, result.stderr, result.returncode) == ("nothing lost\n", "", 0)
