"""Folders and images that a fleet installs from: configuration partitions, images, packages."""
