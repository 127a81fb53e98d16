"""Boot tests: images in QEMU, judged by their console output."""
