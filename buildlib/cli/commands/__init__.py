"""One module a command, beside doit's own."""
