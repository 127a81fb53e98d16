"""Servers of mirrors and images, good and bad."""
