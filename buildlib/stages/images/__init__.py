"""Stages that write images and their lists."""
