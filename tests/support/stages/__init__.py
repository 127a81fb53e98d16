"""Stages run alone, and small ones."""
