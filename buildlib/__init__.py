"""goldmaster presses the boot media of a NetBSD/Xen server fleet, reproducibly.

The library is a house of seven floors; a floor imports only floors below it:

1. `words`    digests, mtree entries and trees, errors, the configuration's dataclasses; no I/O
2. `store`    blobs, records, locks; the process runner; events; clock and environment
3. `sources`  what comes in: downloads, checksum lists, signatures, releases, archives, packages
4. `stages`   one module per stage, each a pure function from content to content
5. `graph`    recipes to stages, keys and decisions, reasons, build records, boot tests, site checks
6. `front`    doit tasks and commands, the terminal
7. `testing`  material for tests and benchmarks: repositories of packages
"""

__version__ = "0.1.0"
