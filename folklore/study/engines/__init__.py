"""Where workers run: the near ends of worker processes, here or on the nodes of a cluster."""
