"""A network drawn as a diagram."""
