"""What is written to a log directory, and how it is read back."""
