"""Independent readers of our formats, and makers of inputs."""
