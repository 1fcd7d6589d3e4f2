"""A whole installation in one file, database and stored files, and back."""
