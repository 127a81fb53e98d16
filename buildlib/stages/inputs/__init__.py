"""Stages that fetch, verify and unpack inputs."""
