"""The engine: stages, their keys, the decision to run them, products, garbage collection."""
