"""Checkouts of the project, and how they are built and changed."""
