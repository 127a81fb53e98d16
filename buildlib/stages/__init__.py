"""Stages: one module each, pure functions from content to content."""
