"""Stages of boot loaders and hypervisors."""
