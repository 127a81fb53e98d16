"""The images of domUs: several are written at once, and none of their bytes twice."""

from __future__ import annotations

import pytest
from support.checkouts.scratch import DOMUS, Scratch

FFS = "buildlib/stages/images/ffs.py"
# Each waits in its work for all of them.
TOGETHER = f"""
import threading
_ALL = threading.Barrier({len(DOMUS)}, timeout=20)
_run = FfsImage.run


def _together(self, job):
    _ALL.wait()
    return _run(self, job)


FfsImage.run = _together
"""


@pytest.mark.parametrize(("jobs", "status"), [(len(DOMUS), 0), (1, 1)])
def test_images_are_written_at_once(scratch: Scratch, jobs: int, status: int) -> None:
    """With one job the first of them waits in vain: so the test can fail."""
    scratch.append(FFS, TOGETHER)
    ran = scratch.doit("domu-images", f"jobs={jobs}", "progress=json", status=status)
    images = {f"image:{domu}" for domu in DOMUS}
    assert ran.built & images == (set() if status else images)


def test_products_are_the_stores_own_files(template: Scratch) -> None:
    """An image is written once; dist has it by another name."""
    for name, digest in template.products().items():
        if name.endswith((".iso", ".ffs")):
            assert template.path(f"dist/{name}").samefile(template.blob(digest))
