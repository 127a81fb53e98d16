"""Dependency resolution: from the packages named in a recipe to the set to install."""
