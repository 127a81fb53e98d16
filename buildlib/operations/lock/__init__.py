"""Makes locks and compares them with what is available now."""
