"""Locks: made, compared with what there is now."""
