"""Programs of others that say what is right, and tables of what they said."""
