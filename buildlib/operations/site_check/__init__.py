"""What must hold between the files of a site."""
