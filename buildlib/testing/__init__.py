"""Material for tests and benchmarks, made by rule: the same on every machine.

1. `chance`        numbers and bytes that look random and come from a seed
2. `repositories`  binary packages and repositories of any size

No other part of the library uses it.
"""
