"""Stages of what comes in: fetched, verified, unpacked."""
