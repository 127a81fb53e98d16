"""From release, lock and recipes to stages and products."""
