"""Archives: tar in gzip, xz or bzip2, and Debian's ar. Names of members are never trusted."""
