"""Media formats: ISO 9660, FFS, partition tables, and the image writer."""
