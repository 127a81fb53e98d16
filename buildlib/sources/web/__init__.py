"""Downloads: asking mirrors, watching what comes in, limits, and why a download failed."""
