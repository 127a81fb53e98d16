"""Bytes of media: ISO 9660, FFS, partition tables, and the writer of images."""
