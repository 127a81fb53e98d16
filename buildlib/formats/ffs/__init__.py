"""FFS images, version 1."""
