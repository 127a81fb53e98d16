"""Turns release, lock and recipes into stages and products."""
