"""goldmaster's own commands, one per module."""
