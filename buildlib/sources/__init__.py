"""What comes in: downloads, checksum lists, signatures, releases, archives, packages."""
