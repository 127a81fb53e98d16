"""Configuration files: releases, recipes, locks, settings of kernels and boot; sites."""
