"""ISO 9660 images with Rock Ridge and El Torito."""
