"""What doit is given in place of its own parts: loader, command run, reporter, backend."""
