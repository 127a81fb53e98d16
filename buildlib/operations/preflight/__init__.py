"""What would make a long build fail, looked for before it begins."""
