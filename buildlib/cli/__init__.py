"""The user interface: doit tasks and commands, settings, the terminal."""
