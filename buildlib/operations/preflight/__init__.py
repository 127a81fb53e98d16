"""Checks for what would make a long build fail, before it starts."""
