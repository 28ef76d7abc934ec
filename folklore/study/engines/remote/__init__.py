"""Workers on other machines: the engine, both ends of a worker, what goes between them, and Ray."""
