"""Stages that run a release's own build.sh."""
