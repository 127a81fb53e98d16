"""Independent readers of our formats, and generators of inputs."""
