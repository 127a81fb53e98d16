"""Stages that provide boot loaders and hypervisors."""
