"""Running single stages, and toy stages."""
