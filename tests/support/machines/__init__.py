"""Machines, and what they are made of."""
