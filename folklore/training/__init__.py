"""One run, from its declaration to DONE."""
