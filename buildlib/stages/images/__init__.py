"""Stages that write images and what stands beside them."""
