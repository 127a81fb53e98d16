"""What people touch: doit tasks and commands, settings, the terminal."""
