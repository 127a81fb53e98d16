"""goldmaster presses the boot media of a NetBSD/Xen server fleet, reproducibly.

The library is a house. A floor imports only floors below it, and no two modules import each other.

 1. `model`       values: digests, trees, mtree specs, errors, events; no I/O
 2. `host`        processes, environment and clock, job server, locks, files
 3. `store`       contents, packs, records, trees, work folders
 4. `config`      what people write: releases, recipes, locks, settings, sites
    `formats`     bytes of media: ISO 9660, FFS, partition tables
 5. `sources`     what comes from outside: downloads, checksum lists, signatures, archives
 6. `engine`      what a stage is, its key, whether it runs, why; products
    `pkgsrc`      binary packages, understood without their tools
 7. `stages`      one module a stage, each a pure function from content to content
 8. `plan`        from release, lock and recipes to stages and products
 9. `operations`  what people ask for that is no stage: locks, checks, boot tests
10. `cli`         doit tasks and commands, the terminal

`model`, `host`, `store` and `engine` are the core, a library for any reproducible pipeline; they
import nothing of the rest. `testing` has material for tests and benchmarks.
"""

__version__ = "0.1.0"
