"""Boot tests: images in QEMU, judged by what their consoles say."""
