"""Shared test code: stages, trees, servers, machines, and independent readers of our formats."""
