"""Projects that build boot media: their session, how it is opened, and their checks."""
