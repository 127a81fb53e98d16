"""Generated material for tests and benchmarks, identical on every machine.

1. `chance`        pseudorandom numbers and bytes from a seed
2. `repositories`  binary packages and repositories of any size

No other part of the library uses it.
"""
