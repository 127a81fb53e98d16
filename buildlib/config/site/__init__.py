"""A site: the folder of a fleet's configuration."""
