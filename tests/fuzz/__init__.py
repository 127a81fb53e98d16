"""Fuzzing of everything that reads what others wrote: `python -m tests.fuzz 100000`.

`targets` is the table: what is called, and how an input for it is made. Inputs are valid ones,
changed field by field and byte by byte (`changes`). `campaign` runs them in worker processes and
tells of what must not be: another error than the project's own, more than 5 s, more than 300 MB,
anything made outside the folder that was given. Each input has a seed, and comes again by it.
"""
