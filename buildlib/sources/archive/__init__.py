"""Archives: tar in gzip, xz or bzip2, and Debian's ar. Nothing here trusts a member's name."""
