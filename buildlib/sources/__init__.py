"""External inputs: downloads, checksum lists, signatures, releases, archives, packages."""
