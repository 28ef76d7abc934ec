"""What is asked: declarations only, one file a topic."""
