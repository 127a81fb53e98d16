"""Checkouts of the project: building and changing them."""
