"""Values: digests, trees, mtree specs, errors, events, and the readers of plain values. No I/O."""
