"""A site: the folder with a fleet's configuration."""
