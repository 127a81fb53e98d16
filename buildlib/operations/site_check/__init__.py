"""Checks the files of a site against each other."""
