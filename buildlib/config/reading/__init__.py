"""Reads configuration files of the project and of the package, each once."""
