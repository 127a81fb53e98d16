"""What everything else speaks of: digests, trees, errors, configuration. No I/O."""
