"""Stages that compose the tree of a system."""
