"""What users request besides running stages: locks, checks, boot tests, fleets, reports."""
