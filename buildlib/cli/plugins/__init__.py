"""Replacements of doit's own parts: loader, command run, reporter, backend."""
