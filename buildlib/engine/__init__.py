"""What a stage is, its key, whether it runs and why; its products; garbage."""
