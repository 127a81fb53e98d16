"""Machines and their parts."""
